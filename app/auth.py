"""API keys. Only their SHA-256 is stored; another tenant's rows answer 404."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database.models import DEFAULT_TENANT, ApiKey, Tenant
from app.database.session import Sessions, transaction
from app.ids import new_id
from app.problems import Problem
from app.state import State, get_state

PREFIX = "pk_"


def create_key(sessions: Sessions, name: str, tenant_id: str = DEFAULT_TENANT) -> str:
    """Make a key and return it; it cannot be shown again."""
    key = PREFIX + secrets.token_urlsafe(32)
    with transaction(sessions) as session:
        ensure_tenant(session, tenant_id)
        session.add(ApiKey(id=new_id("key"), tenant_id=tenant_id, name=name, key_hash=_hash(key)))
    return key


def ensure_tenant(session: Session, tenant_id: str = DEFAULT_TENANT) -> None:
    """Add the tenant's row if it is not there."""

    if session.get(Tenant, tenant_id) is None:
        session.add(Tenant(id=tenant_id))
        session.flush()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, description="An API key; not needed on loopback")),
]


def current_tenant(state: Annotated[State, Depends(get_state)], bearer: Bearer) -> str:
    """The tenant of the request's key; the default one where no key is needed."""
    if bearer is not None and bearer.credentials:
        with state.sessions() as session:
            tenant = session.scalar(select(ApiKey.tenant_id).where(ApiKey.key_hash == _hash(bearer.credentials)))
        if tenant is not None:
            return tenant
    elif not state.settings.keys_required:
        return DEFAULT_TENANT
    raise Problem(
        "unauthorized", "The request carries no valid API key.", hint="Send `Authorization: Bearer <key>`.",
        headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


CurrentTenant = Annotated[str, Depends(current_tenant)]
