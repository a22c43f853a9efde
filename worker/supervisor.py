"""The embedded worker: threads that claim rows and run them, and a reaper. Also `perse worker` without a broker."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from worker.housekeeping import housekeeping
from worker.reaper import Reaper
from worker.rounds import rounds
from worker.run_job import run_job
from worker.worker import Worker

LANES = (("train",), ("files",), ("render", "io"))
"""Queues that do not wait for each other: nobody's animation waits for somebody else's avatar."""
POLL_S = 0.3
STOP_WAIT_S = 20.0

log = structlog.get_logger()


def owner_name() -> str:
    """Who holds a lease: for people who look at rows; the token is what counts."""
    return f"{platform.node()}:{os.getpid()}"


def work_through(worker: Worker, queues: Sequence[str]) -> int:
    """Claim and run until nothing waits; returns how many jobs ran."""
    count = 0
    while not worker.stopping.is_set():
        claim = worker.jobs.claim(owner_name(), queues, worker.settings.lease_s)
        if claim is None:
            break
        run_job(worker, claim)
        count += 1
    return count


def serve_queues(worker: Worker, queues: Sequence[str]) -> None:
    """Run jobs of these queues until asked to stop."""
    while not worker.stopping.wait(POLL_S):
        try:
            work_through(worker, queues)
        except SQLAlchemyError:
            # The database is away: its jobs wait, and so do we.
            log.exception("supervisor.database")
            worker.stopping.wait(5 * POLL_S)


@contextmanager
def lanes(worker: Worker, queues: Sequence[str]) -> Iterator[None]:
    """Run jobs of these queues, a thread for each lane, until the end of the block.

    Then a running job goes back to the queue with its checkpoint.
    """
    shares = [[queue for queue in lane if queue in queues] for lane in LANES]
    threads = [
        threading.Thread(target=serve_queues, args=(worker, share), name=f"perse-{share[0]}")
        for share in filter(None, shares)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        worker.stopping.set()
        for thread in threads:
            thread.join(STOP_WAIT_S)


@contextmanager
def supervised(worker: Worker) -> Iterator[None]:
    """Run the jobs of every queue, the reaper and the housekeeping, while the service runs."""
    with (
        rounds("reaper", Reaper(worker).round, worker.settings.reap_every_s),
        housekeeping(worker.settings, worker.sessions),
        lanes(worker, [queue for lane in LANES for queue in lane]),
    ):
        yield
