"""How much a tenant may hold and queue; checked in the transaction that adds to it. 0 is no limit."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.database.models import Avatar, Job, Portrait, Tenant, WebhookEndpoint
from app.jobs.parts import whole
from app.jobs.store import TERMINAL
from app.problems import Problem
from app.settings import Settings

RETRY_S = 30
"""A job may have ended by then."""


def check_portraits(session: Session, tenant: str, settings: Settings) -> None:
    """429 when the tenant may hold no more portraits."""
    _check(session, tenant, Portrait, settings.max_portraits, "portraits", "Erase one: DELETE /v1/portraits/{id}.")


def check_avatars(session: Session, tenant: str, settings: Settings) -> None:
    """429 when the tenant may hold no more avatars, whether or not they are ready."""
    _check(session, tenant, Avatar, settings.max_avatars, "avatars", "Erase one: DELETE /v1/avatars/{id}.")


def check_jobs(session: Session, tenant: str, settings: Settings) -> None:
    """429 when as many jobs as the tenant may have wait or run. Erasing is never refused."""
    # One that has fanned out is one.
    unfinished = and_(whole(), Job.status.not_in(TERMINAL))
    hint = "Wait until one has ended, or cancel one."
    _check(session, tenant, Job, settings.max_unfinished_jobs, "unfinished jobs", hint, unfinished, str(RETRY_S))


def check_webhook_endpoints(session: Session, tenant: str, settings: Settings) -> None:
    """429 when the tenant may register no more; those of single jobs go by themselves."""
    lasting, limit = WebhookEndpoint.job_id.is_(None), settings.max_webhook_endpoints
    hint = "Delete one: DELETE /v1/webhook-endpoints/{id}."
    _check(session, tenant, WebhookEndpoint, limit, "webhook endpoints", hint, lasting)


def _check(
    session: Session, tenant: str, table: Any, limit: int, what: str, hint: str,
    where: ColumnElement[bool] | None = None, retry_after: str | None = None,
) -> None:  # fmt: skip
    if not limit:
        return
    # Requests of one tenant count one after the other.
    session.get(Tenant, tenant, with_for_update=True)
    counted = select(func.count()).select_from(table).where(table.tenant_id == tenant)
    if int(session.scalar(counted if where is None else counted.where(where)) or 0) >= limit:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        raise Problem("quota_exceeded", f"There may be at most {limit} {what}.", hint, headers=headers)
