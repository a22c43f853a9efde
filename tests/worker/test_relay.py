"""Bells: rung once more when a broker has lost them; and a Celery worker that is asked to leave gives its job back."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from app.database.migrate import upgrade
from app.database.models import Avatar, Job, Outbox, now
from app.database.session import Sessions, open_database, transaction
from app.ids import new_id
from app.jobs.store import JobStore, enqueue
from app.keys import ensure_tenant
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import TENANT
from tests.servers import redis_server, wait_until
from tests.worker.service import environment
from worker.celery_app import create_celery
from worker.reaper import Reaper
from worker.relay import QUIET_S, relay_once, relaying, ring_again
from worker.worker import Worker

LONG_AGO = timedelta(seconds=QUIET_S + 1)


def add_job(sessions: Sessions, queue: str, available: timedelta) -> str:
    with transaction(sessions) as session:
        job = enqueue(session, tenant_id=TENANT, kind="render", queue=queue, input={})
        job.available_at = now() + available
        return job.id


def bells(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return sorted(session.scalars(select(Outbox.queue)))


def lose_bells(sessions: Sessions) -> None:
    with transaction(sessions) as session:
        session.execute(delete(Outbox))


def test_bells_that_a_broker_lost_are_rung_again_one_for_each_queue(worker: Worker) -> None:
    for queue in ("render", "render", "io"):
        add_job(worker.sessions, queue, -LONG_AGO)
    lose_bells(worker.sessions)
    assert ring_again(worker.sessions) == 2
    assert bells(worker.sessions) == ["io", "render"]
    assert ring_again(worker.sessions) == 0, "they are still to be published"


def test_a_job_that_has_just_come_or_whose_time_has_not_is_not_rung_for(worker: Worker) -> None:
    add_job(worker.sessions, "render", timedelta())
    add_job(worker.sessions, "io", timedelta(seconds=60))
    lose_bells(worker.sessions)
    assert ring_again(worker.sessions) == 0


def test_beside_the_service_lost_workers_are_noticed_soon(worker: Worker) -> None:
    id = add_job(worker.sessions, "render", timedelta())
    assert worker.jobs.claim("lost", ["render"], 0.0) is not None
    celery = create_celery(Settings(broker_url="memory://"))

    def status() -> str:
        with worker.sessions() as session:
            return session.get_one(Job, id).status

    with relaying(worker.sessions, celery, Reaper(worker).round, 0.3):
        wait_until(lambda: status() == "queued", 60, "the job is settled")


@pytest.mark.slow
@pytest.mark.redis
def test_a_celery_worker_that_is_asked_to_leave_gives_its_job_back(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, astronaut_png: bytes
) -> None:
    with redis_server(tmp_path_factory.mktemp("redis")) as broker:
        settings = Settings(data_dir=tmp_path, broker_url=broker)
        upgrade(settings.resolved_database_url)
        sessions = open_database(settings.resolved_database_url)
        id = add_building(sessions, LocalStorage(tmp_path / "objects"), astronaut_png)
        relay_once(JobStore(sessions), create_celery(settings))
        process = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "worker", "--queues", "train"],
            env=environment(tmp_path, PERSE_BROKER_URL=broker), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_until(lambda: stage_of(sessions, id) is not None, 240, "the job runs")
            process.terminate()
            assert process.wait(120) == 0
        finally:
            process.kill()
            process.wait(10)
        with sessions() as session:
            job = session.get_one(Job, id)
            assert (job.status, job.attempt) == ("queued", 0)
        assert "train" in bells(sessions)
        sessions.kw["bind"].dispose()


def add_building(sessions: Sessions, storage: LocalStorage, photo: bytes) -> str:
    """An avatar that is to be built, and its job."""
    storage.put_bytes("t/x/portrait", photo, "image/png")
    recipe = {"preset": "preview", "categories": None, "variants": [], "seed": 0}
    avatar = Avatar(
        id=new_id("ava"), tenant_id=TENANT, portrait_id="por_x", status="building", version=0, recipe=recipe, detail={},
        client_metadata={},
    )  # fmt: skip
    with transaction(sessions) as session:
        ensure_tenant(session)
        session.add(avatar)
        given = {"portrait_key": "t/x/portrait", "recipe": recipe}
        job = enqueue(session, tenant_id=TENANT, kind="create_avatar", queue="train", input=given, avatar_id=avatar.id)
    return job.id


def stage_of(sessions: Sessions, id: str) -> str | None:
    with sessions() as session:
        return (session.scalar(select(Job.progress).where(Job.id == id)) or {}).get("stage")
