"""Deliveries: claimed with a lease, settled with what came of the attempt.

    pending --2xx--> delivered
      |  `--anything else--> pending, later and later; at last dead
      `--410--> dead, and the endpoint is disabled

A sender that dies leaves a lease that ends: another sends again, under the same id. A receiver therefore gets each
message once or, rarely, more often, and tells the repetitions by `webhook-id`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session, aliased

from app.database.models import Job, WebhookDelivery, WebhookEndpoint, now
from app.database.session import Sessions, transaction

DELAYS_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 21_600.0)
"""After the first attempt, the second, and so on; the one after the last is the last."""
JITTER = 0.2
GONE = 410


@dataclass(frozen=True)
class ClaimedDelivery:
    """What a sender needs; `lease_token` fences what it writes."""

    id: str
    endpoint_id: str
    url: str
    secrets: tuple[str, ...]
    event: str
    job: Job
    attempt: int
    lease_token: int


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: `response_status` is None when there was no answer; `failure` is None of a success."""

    response_status: int | None
    failure: str | None
    retry_after_s: float | None = None


class DeliveryStore:
    """What senders call. Every method is one transaction."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def claim(self, lease_s: float) -> ClaimedDelivery | None:
        """The delivery that has been due longest; None when none is.

        One attempt at a time per endpoint: a slow receiver holds up its own deliveries, not those of others.
        """
        due = select(WebhookDelivery).where(_is_due()).order_by(WebhookDelivery.due_at).limit(1)
        with self._sessions() as session:
            # Mostly there is none: SQLite's one writer is not stopped for that.
            if session.scalars(due).first() is None:
                return None
        with transaction(self._sessions) as session:
            row = session.scalars(due.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            row.attempts += 1
            row.lease_token += 1
            row.last_attempt_at = now()
            row.lease_expires_at = now() + timedelta(seconds=lease_s)
            endpoint, job = session.get_one(WebhookEndpoint, row.endpoint_id), session.get_one(Job, row.job_id)
            return ClaimedDelivery(
                row.id, endpoint.id, endpoint.url, secrets_of(endpoint), row.event, job, row.attempts, row.lease_token
            )

    def settle(self, claim: ClaimedDelivery, outcome: Outcome) -> bool:
        """Write down what came of it. False when the lease was lost: another sender settles."""
        with transaction(self._sessions) as session:
            if outcome.response_status == GONE:
                # First, as whoever deletes it does: two orders of locking would be a deadlock.
                session.get(WebhookEndpoint, claim.endpoint_id, with_for_update=True)
            held = and_(WebhookDelivery.id == claim.id, WebhookDelivery.lease_token == claim.lease_token)
            row = session.scalars(select(WebhookDelivery).where(held).with_for_update()).first()
            if row is None:
                return False
            row.response_status, row.failure, row.lease_expires_at = outcome.response_status, outcome.failure, None
            if outcome.failure is None:
                row.status, row.delivered_at = "delivered", now()
            elif outcome.response_status == GONE:
                _disable(session, claim.endpoint_id)
            elif claim.attempt > len(DELAYS_S):
                row.status = "dead"
            else:
                row.due_at = now() + timedelta(seconds=delay_s(claim.attempt, outcome.retry_after_s))
            return True


def delay_s(attempt: int, retry_after_s: float | None = None) -> float:
    """Until the attempt after this one, counted from 1. A receiver may ask for more, not for less."""
    own = DELAYS_S[attempt - 1] * random.uniform(1 - JITTER, 1 + JITTER)
    return max(own, min(retry_after_s or 0.0, DELAYS_S[-1]))


def replay(row: WebhookDelivery) -> None:
    """Send it again, from the first attempt on, inside the caller's transaction; its id stays."""
    row.status, row.attempts, row.due_at = "pending", 0, now()
    # Whoever is sending it just now writes nothing more.
    row.lease_token, row.lease_expires_at = row.lease_token + 1, None


def secrets_of(endpoint: WebhookEndpoint) -> tuple[str, ...]:
    """What signs now: its secret, and the one before for as long as both do."""
    is_old_good = endpoint.old_secret_until is not None and endpoint.old_secret_until > now()
    return (endpoint.secret, *((endpoint.old_secret,) if is_old_good and endpoint.old_secret else ()))


def _disable(session: Session, endpoint_id: str) -> None:
    """The receiver wants nothing more, also not what waits."""
    session.flush()
    session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(disabled_at=now()))
    waiting = and_(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.status == "pending")
    session.execute(update(WebhookDelivery).where(waiting).values(status="dead"))


def _is_due() -> ColumnElement[bool]:
    at, other = now(), aliased(WebhookDelivery)
    busy = select(other.id).where(other.endpoint_id == WebhookDelivery.endpoint_id, other.lease_expires_at >= at)
    free = or_(WebhookDelivery.lease_expires_at.is_(None), WebhookDelivery.lease_expires_at < at)
    return and_(WebhookDelivery.status == "pending", WebhookDelivery.due_at <= at, free, ~busy.exists())
