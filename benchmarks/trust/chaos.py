"""Kill -9 everything at random while jobs run, and look at what is left: rows, artifacts, objects."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.database.models import Artifact, Job, JobEvent, now
from app.jobs.parts import whole
from app.jobs.store import TERMINAL
from benchmarks.trust.clients import add_ready_avatar, checked, sample_portrait, until_answered, upload
from benchmarks.trust.promise import Promise, exactly, figure, holds
from benchmarks.trust.stack import LANES, Stack, below, full_stack
from worker.orphans import erase_orphans, find_orphans

LEASE_S = "4"
KINDS = {"render": 60, "export": 30, "animate": 7, "create_avatar": 3}
"""Of a hundred jobs."""
KINDS_IN_PARTS = {"render": 60, "export": 20, "animate": 5, "create_avatar": 15}
PAUSE_S = (3.0, 12.0)
DOWN_S = (0.0, 1.5)
CLIENTS = 4
TIMEOUT_S = 3600.0


@dataclass
class Killer:
    """Kills a random part now and then, and starts it again; `counts` says what it killed.

    Between two kills a job or a part ends: else a slow machine would never come to the end.
    """

    stack: Stack
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stopping`; what it killed last runs again then."""
        random_ = random.Random(self.seed)
        victims, turn = [*self.stack.parts, "child"], list[str]()
        seen: int | None = None
        while not self.stopping.wait(random_.uniform(*PAUSE_S)):
            ended = self._ended()
            if ended is None or ended == seen:
                continue
            seen = ended
            # Every part has its turn, in an order of its own each time.
            turn = turn or random_.sample(victims, len(victims))
            self._kill(turn.pop(), random_)

    def _ended(self) -> int | None:
        """How many jobs and parts there are that have ended; None when the database has just been started again."""
        with suppress(OperationalError), self.stack.session() as session:
            return session.scalar(select(func.count()).select_from(Job).where(Job.status.in_(TERMINAL)))
        return None

    def _kill(self, name: str, random_: random.Random) -> None:
        if name == "child":
            workers = [p for part, p in self.stack.parts.items() if part.startswith("worker")]
            children = [c for w in workers if w.process is not None for c in below(w.process.pid)[1:]]
            with suppress(psutil.NoSuchProcess, IndexError):
                random_.choice(children).send_signal(signal.SIGKILL)
                self.counts[name] += 1
            return
        server = self.stack.parts[name]
        server.kill()
        self.counts[name] += 1
        time.sleep(random_.uniform(*DOWN_S))
        server.start(60)


def chaos(folder: Path, model: Path, jobs: int, seed: int, *, in_parts: bool) -> list[Promise]:
    """`jobs` jobs of four kinds, by clients that ask again with the same Idempotency-Key when no answer comes.

    `in_parts`: avatars, more of them, are built in job parts, which two workers share.
    """
    shares = KINDS_IN_PARTS if in_parts else KINDS
    kinds = random.Random(seed).choices(list(shares), list(shares.values()), k=jobs)
    limits = {"PERSE_RATE_LIMIT_PER_MIN": "0", "PERSE_MAX_UNFINISHED_JOBS": "0"}
    own = {"PERSE_LEASE_S": LEASE_S, "PERSE_MAX_ATTEMPTS": "20", "PERSE_PARTS": "always" if in_parts else "never"}
    with full_stack(folder, **own, **limits) as stack:
        if in_parts:
            stack.add_worker(LANES[0], 1)
        avatar = add_ready_avatar(stack, model)
        with stack.client() as client:
            portrait = upload(client, sample_portrait())
        killer = Killer(stack, seed)
        thread = threading.Thread(target=killer.run)
        start = time.monotonic()
        thread.start()
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                asked = list(pool.map(partial(_ask, stack, avatar, portrait, seed), range(jobs), kinds))
            _wait_for_all(stack)
        finally:
            killer.stopping.set()
            thread.join()
        seconds = time.monotonic() - start
        _settle(stack)
        return [
            figure("jobs", jobs),
            figure("seconds", seconds, "s"),
            holds("kills", True, ", ".join(f"{n} {name}" for name, n in sorted(killer.counts.items()))),
            *_look(stack, asked),
        ]


def _ask(stack: Stack, avatar: str, portrait: str, seed: int, number: int, kind: str) -> str:
    """Ask for one job and return its id."""
    key = {"Idempotency-Key": f"chaos-{seed}-{number}"}
    # No two are the same: equal exports and renders are answered with what there is.
    expression = {"expression": {"jawOpen": (number + 1) / 1000}}
    base = f"/v1/avatars/{avatar}"
    bodies: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
        "render": (f"{base}/renders", {"width_px": 64, "height_px": 64} | expression, {"Prefer": "respond-async"}),
        "export": (f"{base}/exports", {"format": "ply"} | expression, {}),
        "animate": (
            f"{base}/animations",
            {"clip": "idle", "seconds": 0.5 + number / 1000, "width_px": 64, "height_px": 64},
            {},
        ),
        "create_avatar": ("/v1/avatars", {"portrait_id": portrait, "preset": "preview", "seed": number}, {}),
    }
    path, body, headers = bodies[kind]

    def post() -> httpx.Response:
        with stack.client(timeout_s=20) as client:
            return client.post(path, json=body, headers=key | headers)

    return str(checked(until_answered(post))["job"]["id"])


def _wait_for_all(stack: Stack) -> None:
    """Until no job waits or runs, as the API tells."""

    def unfinished() -> httpx.Response:
        with stack.client(timeout_s=10) as client:
            return client.get("/metrics")

    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        lines = until_answered(unfinished).text.splitlines()
        left = [
            line for line in lines if line.startswith("perse_jobs{") and not any(f'"{s}"' in line for s in TERMINAL)
        ]
        if sum(float(line.rsplit(" ", 1)[1]) for line in left) == 0:
            return
        time.sleep(1)


def _settle(stack: Stack) -> None:
    """Workers that lost a lease may still be tidying up."""
    for name in [n for n in stack.parts if n.startswith("worker")]:
        stack.parts[name].stop()


def _look(stack: Stack, asked: Sequence[str]) -> list[Promise]:
    with stack.session() as session:
        rows = {job.id: job for job in session.scalars(select(Job).where(whole()))}
        parts = session.scalars(select(Job).where(~whole())).all()
        ends = session.execute(
            select(JobEvent.job_id, func.count()).where(JobEvent.kind == "done").group_by(JobEvent.job_id)
        )
        ended = {str(id): int(count) for id, count in ends}
        named = Counter(session.scalars(select(Artifact.name)))
        keys = list(session.scalars(select(Artifact.storage_key)))
    lost = len(list(find_orphans(stack.sessions, stack.storage, now())))
    erase_orphans(stack.sessions, stack.storage, timedelta())
    left = len(list(find_orphans(stack.sessions, stack.storage, now())))
    states = Counter(_end(rows[id]) for id in asked if id in rows)
    made = [id for id in asked if id in rows and rows[id].status == "succeeded"]
    twice = [n for n, count in named.items() if count > 1 and n.startswith(("export", "animation"))]
    missing = [key for key in keys if stack.storage.head(key) is None]
    return [
        holds("jobs by their end", True, ", ".join(f"{n} {status}" for status, n in sorted(states.items()))),
        exactly("different jobs made by the requests", len(set(asked)), len(asked)),
        exactly("jobs there are", len(rows), len(asked)),
        exactly("jobs lost", sum(id not in rows for id in asked), 0),
        exactly("jobs without a terminal state", sum(r.status not in TERMINAL for r in rows.values()), 0),
        exactly("jobs that ended other than well", len(asked) - len(made), 0),
        exactly("jobs that ended more than once", sum(count != 1 for count in ended.values()), 0),
        exactly("files made twice", len(twice), 0),
        exactly("succeeded jobs whose artifact is not there", _without_result(stack, [rows[id] for id in made]), 0),
        exactly("artifacts without their object", len(missing), 0),
        figure("objects that no row names, left to the sweep", lost),
        exactly("and after it", left, 0),
        figure("attempts, mean", _mean_attempts(rows.values())),
        *(_look_at_parts(parts, made) if parts else ()),
    ]


def _look_at_parts(parts: Sequence[Job], made: Sequence[str]) -> list[Promise]:
    """Of avatars that were all built in parts."""
    of_made = [part for part in parts if part.parent_id in made]
    return [
        figure("job parts", len(parts)),
        exactly("parts without a terminal state", sum(p.status not in TERMINAL for p in parts), 0),
        exactly("parts of avatars that were built, not succeeded", sum(p.status != "succeeded" for p in of_made), 0),
        figure("their attempts, mean", _mean_attempts(parts)),
    ]


def _mean_attempts(jobs: Collection[Job]) -> float:
    return sum(job.attempt for job in jobs) / len(jobs)


def _end(job: Job) -> str:
    """Such as 'succeeded', or 'failed (attempts_exhausted)'."""
    return job.status if job.status == "succeeded" or not job.error else f"{job.status} ({job.error['code']})"


def _without_result(stack: Stack, jobs: Sequence[Job]) -> int:
    missing = 0
    with stack.session() as session:
        for job in jobs:
            result = job.result or {}
            ids = [f["artifact_id"] for f in result.get("files", [])]
            ids += [result["artifact_id"]] if "artifact_id" in result else []
            if job.kind == "create_avatar":
                found = session.scalars(select(Artifact.name).where(Artifact.avatar_id == job.avatar_id))
                missing += sorted(found) != sorted(result["artifacts"])
            else:
                missing += not ids or any(session.get(Artifact, id) is None for id in ids)
    return missing
