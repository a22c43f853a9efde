"""A worker process without an engine: plans, makes parts and joins them, and writes down what it has published."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from sqlalchemy.orm import Session

from app.database.models import JobEvent
from app.database.session import open_database
from app.jobs.store import ClaimedJob, JobStore, NewPart

PARTS = 4
LEASE_S = 0.5


def work(url: str, seed: int) -> None:
    """Until killed."""
    store, chance = JobStore(open_database(url)), random.Random(seed)
    while True:
        store.reap()
        claim = store.claim(f"worker-{seed}", ["train"], LEASE_S)
        if claim is None:
            time.sleep(0.02)
        elif claim.parent_id is not None:
            _make(store, claim, chance)
        elif claim.parts_total:
            time.sleep(chance.uniform(0, 0.05))
            store.succeed(claim, {}, _published(claim.id, "joined"))
        else:
            store.fan_out(claim, [NewPart("piece", {"n": n}) for n in range(PARTS)], "synthesis", (0.1, 0.5))


def _make(store: JobStore, claim: ClaimedJob, chance: random.Random) -> None:
    time.sleep(chance.uniform(0, 0.1))
    store.heartbeat(claim, LEASE_S, {"fraction": 0.5})
    if chance.random() < 0.1:
        store.fail(claim, {}, retry=True, delay_s=0.0)
    else:
        store.succeed(claim, {"n": claim.input["n"]}, _published(str(claim.parent_id), f"made-{claim.input['n']}"))


def _published(job_id: str, what: str) -> Callable[[Session], None]:
    return lambda session: session.add(JobEvent(job_id=job_id, kind=what))
