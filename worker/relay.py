"""Rings the bells that transactions left in the outbox, and reaps; runs beside the API when there is a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.store import JobStore

POLL_S = 0.3
REAP_EVERY = 30

log = structlog.get_logger()


def relay_once(jobs: JobStore, celery: Celery) -> int:
    """Publish what waits, then forget it: a crash between the two rings twice, which harms nothing."""
    bells = jobs.take_outbox()
    for _, queue in bells:
        celery.send_task("perse.bell", (queue,), queue=queue)
    if bells:
        jobs.published([i for i, _ in bells])
    return len(bells)


@contextmanager
def relaying(jobs: JobStore, celery: Celery, reap: Callable[[], None]) -> Iterator[None]:
    """Relay in a thread while the service runs."""
    stopping = threading.Event()

    def run() -> None:
        rounds = 0
        while not stopping.wait(POLL_S):
            try:
                relay_once(jobs, celery)
                rounds += 1
                if rounds % REAP_EVERY == 0:
                    reap()
            except (SQLAlchemyError, OperationalError):
                log.exception("relay.failed")
                stopping.wait(2.0)

    thread = threading.Thread(target=run, name="perse-relay")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(10)
