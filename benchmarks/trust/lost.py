"""What gets lost on the way: a flushed broker, a worker that wakes up too late, an answer that is asked for again."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import redis
from sqlalchemy import func, select

from app.database.models import Artifact, Job, JobEvent, now
from benchmarks.trust.clients import add_ready_avatar, checked, wait_for
from benchmarks.trust.promise import Promise, at_most, exactly, figure
from benchmarks.trust.stack import Stack, full_stack
from tests.servers import wait_until
from worker.orphans import find_orphans

UNLIMITED = {"PERSE_RATE_LIMIT_PER_MIN": "0", "PERSE_MAX_UNFINISHED_JOBS": "0"}
FILES, SHORT = ("files",), ("render", "io")


def flush(folder: Path, model: Path, jobs: int) -> list[Promise]:
    """Redis forgets all while `jobs` jobs wait and no worker runs: the worst moment, as nobody looks at the rows."""
    with full_stack(folder, [SHORT], **UNLIMITED) as stack, stack.client() as client:
        avatar = add_ready_avatar(stack, model)
        stack.parts["worker-render"].stop()
        ids = [_render(client, avatar, n) for n in range(jobs)]
        broker = redis.Redis.from_url(stack.parts["redis"].url)
        wait_until(lambda: broker.llen("perse:render") >= jobs, 30, "all bells are rung")
        broker.flushall()
        left = broker.llen("perse:render")
        broker.close()
        stack.parts["worker-render"].start()
        start = time.monotonic()
        ends = Counter(wait_for(client, id)["status"] for id in ids)
        return [
            exactly("bells left by the flush", left, 0),
            exactly("jobs that succeeded", ends["succeeded"], jobs),
            figure("until all had ended", time.monotonic() - start, "s"),
        ]


def zombie(folder: Path, model: Path, rounds: int, seed: int) -> list[Promise]:
    """A worker stops (SIGSTOP) in the middle of a job, another takes the job, and the first goes on where it was."""
    random_ = random.Random(seed)
    with (
        full_stack(folder, [FILES], PERSE_LEASE_S="4", PERSE_MAX_ATTEMPTS="20", **UNLIMITED) as stack,
        stack.client() as client,
    ):
        avatar = add_ready_avatar(stack, model)
        taken = 0
        for number in range(rounds):
            body = {"format": "ply", "expression": {"jawOpen": (number + 1) / 100}}
            id = str(checked(client.post(f"/v1/avatars/{avatar}/exports", json=body))["job"]["id"])
            taken += _overtaken(stack, client, id, number, random_.uniform(0, 3))
        for part in [p for name, p in stack.parts.items() if name.startswith("worker")]:
            part.stop()
        with stack.session() as session:
            jobs = session.scalars(select(Job)).all()
            ends = session.scalar(select(func.count()).select_from(JobEvent).where(JobEvent.kind == "done"))
            files = Counter(session.scalars(select(Artifact.name).where(Artifact.name.startswith("export"))))
        lost = list(find_orphans(stack.sessions, stack.storage, now()))
        return [
            exactly("jobs that a second worker took over", taken, rounds),
            exactly("jobs that succeeded", sum(job.status == "succeeded" for job in jobs), rounds),
            exactly("ends", int(ends or 0), rounds),
            exactly("files", files.total(), rounds),
            exactly("objects that the stopped worker left", len(lost), 0),
        ]


def _overtaken(stack: Stack, client: httpx.Client, id: str, number: int, delay_s: float) -> bool:
    """Whether another worker took the job, after this one was stopped and before it went on."""
    runs = [name for name in stack.parts if name.startswith("worker")]
    wait_until(lambda: client.get(f"/v1/jobs/{id}").json()["status"] != "queued", 60, "the job runs")
    time.sleep(delay_s)
    for name in runs:
        stack.parts[name].signal(signal.SIGSTOP)
    other = stack.add_worker(FILES, number + 1)
    job = wait_for(client, id, 120)
    other.stop()
    for name in runs:
        stack.parts[name].signal(signal.SIGCONT)
    del stack.parts[f"worker-files-{number + 1}"]
    # It learns at its next beat that it has lost the job, and tidies up.
    time.sleep(3)
    return bool(job["attempt"] > 1)


def same_key(folder: Path, model: Path, requests: int) -> list[Promise]:
    """As many requests at once with one Idempotency-Key."""
    with full_stack(folder, [SHORT], **UNLIMITED) as stack:
        avatar = add_ready_avatar(stack, model)
        headers = {"Idempotency-Key": "one", "Prefer": "respond-async"}

        def post(_: int) -> httpx.Response:
            with stack.client() as client:
                return client.post(f"/v1/avatars/{avatar}/renders", json={"width_px": 64}, headers=headers)

        with ThreadPoolExecutor(requests) as pool:
            answers = list(pool.map(post, range(requests)))
        made = {a.json()["job"]["id"] for a in answers if a.status_code == 202}
        replayed = sum(a.headers.get("Idempotency-Replayed") == "true" for a in answers)
        running = sum(a.status_code == 409 for a in answers)
        with stack.session() as session:
            rows = session.scalar(select(func.count()).select_from(Job))
        return [
            exactly("jobs there are", int(rows or 0), 1),
            exactly("different jobs in the answers", len(made), 1),
            exactly("answers that are neither the job nor 'still running'", requests - 1 - replayed - running, 0),
            figure("replayed", replayed),
            at_most("still running (409)", running, requests - 1),
        ]


def _render(client: httpx.Client, avatar: str, number: int) -> str:
    body = {"width_px": 64, "height_px": 64, "expression": {"jawOpen": (number + 1) / 1000}}
    answer = client.post(f"/v1/avatars/{avatar}/renders", json=body, headers={"Prefer": "respond-async"})
    return str(checked(answer)["job"]["id"])
