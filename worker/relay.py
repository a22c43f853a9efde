"""Rings the bells that transactions left in the outbox, and reaps; runs beside the API when there is a broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from celery import Celery
from sqlalchemy import and_, func, select

from app.database.models import Job, Outbox, now
from app.database.session import Sessions, transaction
from app.jobs.store import JobStore
from worker.rounds import rounds

POLL_S = 0.3
AWAY_S = 2.0
"""After a round in which the broker or the database did not answer."""
QUIET_S = 5.0


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
def relaying(sessions: Sessions, celery: Celery, reap: Callable[[], object], reap_every_s: float) -> Iterator[None]:
    """Relay, reap and ring again while the service runs; what takes longer does not hold up the bells."""
    relay = partial(relay_once, JobStore(sessions), celery)

    def reap_and_ring() -> None:
        reap()
        ring_again(sessions)

    with rounds("relay", relay, POLL_S, failed_s=AWAY_S), rounds("reaper", reap_and_ring, reap_every_s):
        yield
