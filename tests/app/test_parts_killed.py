"""Worker processes that are killed at random points of many jobs that fan out, on a real Postgres."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator
from multiprocessing import forkserver
from typing import Any

import pytest
from sqlalchemy import select, update

from app.database.migrate import upgrade
from app.database.models import Job, JobEvent
from app.database.session import open_database, transaction
from app.jobs.store import TERMINAL, enqueue
from app.keys import ensure_tenant
from tests.app.conftest import TENANT
from tests.app.part_worker import PARTS, work
from tests.servers import wait_until

JOBS = 20
WORKERS = 3
KILLS = 30


@pytest.fixture
def context() -> Iterator[Any]:
    """Processes that have loaded the worker: killed after a tenth of a second, others would never come to work."""
    # A process has one fork server, which may be that of the jobs of other tests.
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.app.part_worker"])
    yield made
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


@pytest.mark.postgres
def test_every_part_is_published_once_and_every_job_joined_once_whoever_is_killed(
    postgres_url: str, context: Any
) -> None:
    upgrade(postgres_url)
    sessions = open_database(postgres_url)
    with transaction(sessions) as session:
        ensure_tenant(session)
        session.execute(update(Job).where(Job.status.not_in(TERMINAL)).values(status="canceled"))
        ids = [
            enqueue(session, tenant_id=TENANT, kind="render", queue="train", input={}, max_attempts=100).id
            for _ in range(JOBS)
        ]
    chance, started, killed = random.Random(1), 0, 0
    processes: list[multiprocessing.process.BaseProcess] = []

    def unfinished() -> int:
        with sessions() as session:
            return len(session.scalars(select(Job.id).where(Job.id.in_(ids), Job.status.not_in(TERMINAL))).all())

    def one_more() -> None:
        nonlocal started
        started += 1
        process = context.Process(target=work, args=(postgres_url, started), daemon=True)
        process.start()
        processes.append(process)

    def go_on() -> bool:
        nonlocal killed
        if killed < KILLS:
            process = processes.pop(chance.randrange(len(processes)))
            process.join(chance.uniform(0.05, 0.5))
            process.kill()
            process.join(60)
            killed += 1
            one_more()
        return not unfinished()

    for _ in range(WORKERS):
        one_more()
    try:
        wait_until(go_on, 240, "every job ends")
    finally:
        for process in processes:
            process.kill()
            process.join(60)
    with sessions() as session:
        assert set(session.scalars(select(Job.status).where(Job.id.in_(ids)))) == {"succeeded"}
        parts = session.execute(select(Job.parent_id, Job.status).where(Job.parent_id.in_(ids))).all()
        told = session.execute(select(JobEvent.job_id, JobEvent.kind).where(JobEvent.job_id.in_(ids))).all()
    sessions.kw["bind"].dispose()
    assert killed >= 10, "the jobs ended before anything had happened to them"
    assert Counter(parent for parent, _ in parts) == dict.fromkeys(ids, PARTS)
    assert {status for _, status in parts} == {"succeeded"}
    published = Counter((id, kind) for id, kind in told if kind == "joined" or kind.startswith("made-"))
    assert published == {(id, kind): 1 for id in ids for kind in ("joined", *(f"made-{n}" for n in range(PARTS)))}
