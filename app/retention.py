"""What the database forgets with time: events, bells, webhooks and idempotency keys. Jobs themselves stay."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from app.database.models import Job, JobEvent, Outbox, WebhookDelivery, WebhookEndpoint, now
from app.database.session import Sessions, transaction
from app.idempotency import prune_keys
from app.jobs.store import TERMINAL

BATCH = 5000


def prune(sessions: Sessions, keep: timedelta) -> int:
    """Delete what nobody needs any more; returns how many rows. Short transactions: SQLite has one writer."""
    return (
        _prune_events(sessions, keep) + _prune_bells(sessions) + _prune_webhooks(sessions, keep) + prune_keys(sessions)
    )


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


def _prune_webhooks(sessions: Sessions, keep: timedelta) -> int:
    """Deliveries that are over, and endpoints of single jobs with them; what still waits to be sent stays."""
    finished = select(Job.id).where(Job.status.in_(TERMINAL), Job.finished_at < now() - keep)
    waiting = select(WebhookDelivery.endpoint_id).where(WebhookDelivery.status == "pending")
    deliveries = delete(WebhookDelivery).where(
        WebhookDelivery.status != "pending", WebhookDelivery.created_at < now() - keep
    )
    endpoints = delete(WebhookEndpoint).where(WebhookEndpoint.job_id.in_(finished), WebhookEndpoint.id.not_in(waiting))
    with transaction(sessions) as session:
        counts = [
            session.execute(old.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
            for old in (deliveries, endpoints)
        ]
    return int(sum(counts))
