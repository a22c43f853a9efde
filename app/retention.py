"""What the database forgets with time: events, bells and idempotency keys. Jobs themselves stay."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from app.database.models import Job, JobEvent, Outbox, now
from app.database.session import Sessions, transaction
from app.idempotency import prune_keys
from app.jobs.store import TERMINAL

BATCH = 5000


def prune(sessions: Sessions, keep: timedelta) -> int:
    """Delete what nobody needs any more; returns how many rows. Short transactions: SQLite has one writer."""
    return _prune_events(sessions, keep) + _prune_bells(sessions) + prune_keys(sessions)


def _prune_events(sessions: Sessions, keep: timedelta) -> int:
    """Those of jobs that finished longer ago than `keep`: their streams are over."""
    finished = select(Job.id).where(Job.status.in_(TERMINAL), Job.finished_at < now() - keep)
    oldest = select(JobEvent.id).where(JobEvent.job_id.in_(finished)).limit(BATCH)
    total = 0
    while True:
        with transaction(sessions) as session:
            ids = session.scalars(oldest).all()
            session.execute(delete(JobEvent).where(JobEvent.id.in_(ids)))
        total += len(ids)
        if len(ids) < BATCH:
            return total


def _prune_bells(sessions: Sessions) -> int:
    """Those of jobs that wait no more; without a broker nobody else takes them away."""
    waiting = select(Job.id).where(Job.status == "queued")
    with transaction(sessions) as session:
        old = delete(Outbox).where(Outbox.job_id.not_in(waiting)).execution_options(synchronize_session=False)
        return int(session.execute(old).rowcount)  # type: ignore[attr-defined]
