"""How much a tenant may hold, queue and ask; what it holds is checked in the transaction that adds to it.

A limit is the tenant's own, else that of the settings; 0 is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.database.models import Avatar, Job, Portrait, Tenant, WebhookEndpoint
from app.database.session import Sessions, transaction
from app.jobs.parts import whole
from app.jobs.store import TERMINAL
from app.limits import LIMITS
from app.problems import Problem
from app.settings import Settings

RETRY_S = 30
"""A job may have ended by then."""


class UnknownTenant(LookupError):
    """There is no such tenant: it comes with its first key."""


def limit_of(tenant: Tenant, settings: Settings, name: str) -> int:
    """One of LIMITS."""
    return int(tenant.limits.get(name, getattr(settings, name)))


def set_limits(sessions: Sessions, tenant_id: str, own: Mapping[str, int | None]) -> dict[str, int]:
    """Change a tenant's own limits, which hold from its next request on; None goes back to the settings'.

    Returns all of its own.

    Raises:
        UnknownTenant
        ValueError: a name that is none of LIMITS, or a negative limit.
    """
    if not set(own) <= set(LIMITS) or any(value is not None and value < 0 for value in own.values()):
        raise ValueError(f"Limits are numbers from 0 on: {', '.join(LIMITS)}.")
    with transaction(sessions) as session:
        tenant = session.get(Tenant, tenant_id, with_for_update=True)
        if tenant is None:
            raise UnknownTenant(tenant_id)
        tenant.limits = {name: value for name, value in {**tenant.limits, **own}.items() if value is not None}
        return dict(tenant.limits)


def list_tenants(sessions: Sessions) -> Sequence[Tenant]:
    """All of them, oldest first."""
    with sessions() as session:
        return session.scalars(select(Tenant).order_by(Tenant.created_at)).all()


def check_portraits(session: Session, tenant: str, settings: Settings) -> None:
    """429 when the tenant may hold no more portraits."""
    hint = "Erase one: DELETE /v1/portraits/{id}."
    _check(session, tenant, Portrait, settings, "max_portraits", "portraits", hint)


def check_avatars(session: Session, tenant: str, settings: Settings) -> None:
    """429 when the tenant may hold no more avatars, whether or not they are ready."""
    hint = "Erase one: DELETE /v1/avatars/{id}."
    _check(session, tenant, Avatar, settings, "max_avatars", "avatars", hint)


def check_jobs(session: Session, tenant: str, settings: Settings) -> None:
    """429 when as many jobs as the tenant may have wait or run. Erasing is never refused."""
    # One that has fanned out is one.
    unfinished = and_(whole(), Job.status.not_in(TERMINAL))
    hint = "Wait until one has ended, or cancel one."
    _check(session, tenant, Job, settings, "max_unfinished_jobs", "unfinished jobs", hint, unfinished, str(RETRY_S))


def check_webhook_endpoints(session: Session, tenant: str, settings: Settings) -> None:
    """429 when the tenant may register no more; those of single jobs go by themselves."""
    lasting, hint = WebhookEndpoint.job_id.is_(None), "Delete one: DELETE /v1/webhook-endpoints/{id}."
    _check(session, tenant, WebhookEndpoint, settings, "max_webhook_endpoints", "webhook endpoints", hint, lasting)


def _check(
    session: Session, tenant: str, table: Any, settings: Settings, name: str, what: str, hint: str,
    where: ColumnElement[bool] | None = None, retry_after: str | None = None,
) -> None:  # fmt: skip
    # Locked: requests of one tenant count one after the other.
    row = session.get(Tenant, tenant, with_for_update=True)
    limit = getattr(settings, name) if row is None else limit_of(row, settings, name)
    if not limit:
        return
    counted = select(func.count()).select_from(table).where(table.tenant_id == tenant)
    if int(session.scalar(counted if where is None else counted.where(where)) or 0) >= limit:
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        raise Problem("quota_exceeded", f"There may be at most {limit} {what}.", hint, headers=headers)
