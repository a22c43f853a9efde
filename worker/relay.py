"""Rings the bells that transactions left in the outbox, and reaps; runs beside the API when there is a broker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import and_, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.database.models import Job, Outbox, now
from app.database.session import Sessions, transaction
from app.jobs.store import JobStore

POLL_S = 0.3
REAP_EVERY = 30
QUIET_S = 5.0

log = structlog.get_logger()


def relay_once(jobs: JobStore, celery: Celery) -> int:
    """Publish what waits, then forget it: a crash between the two rings twice, which harms nothing."""
    bells = jobs.take_outbox()
    for _, queue in bells:
        celery.send_task("perse.bell", (queue,), queue=queue)
    if bells:
        jobs.published([i for i, _ in bells])
    return len(bells)


def ring_again(sessions: Sessions) -> int:
    """Ring for queues whose jobs could have begun a while ago; returns how many.

    A broker that was killed or emptied has lost their bells, and a job that is tried again later has had its bell
    before its time. Where workers are merely busy, a bell more does no harm.
    """
    with transaction(sessions) as session:
        waiting = and_(Job.status == "queued", Job.available_at < now() - timedelta(seconds=QUIET_S))
        in_hand = select(Outbox.queue)
        found = select(Job.queue, func.min(Job.id)).where(waiting, Job.queue.not_in(in_hand)).group_by(Job.queue)
        bells = [Outbox(queue=queue, job_id=id) for queue, id in session.execute(found)]
        session.add_all(bells)
        return len(bells)


@contextmanager
def relaying(sessions: Sessions, celery: Celery, reap: Callable[[], None]) -> Iterator[None]:
    """Relay in a thread while the service runs."""
    jobs, stopping = JobStore(sessions), threading.Event()

    def run() -> None:
        rounds = 0
        while not stopping.wait(POLL_S):
            try:
                relay_once(jobs, celery)
                rounds += 1
                if rounds % REAP_EVERY == 0:
                    reap()
                    ring_again(sessions)
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
