"""API keys: made, listed, rotated, revoked. Only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.database.models import DEFAULT_TENANT, ApiKey, Tenant, now
from app.database.session import Sessions, transaction
from app.ids import new_id

PREFIX = "pk_"
SCOPES = ("read", "write", "render", "delete")
"""read: look at everything. write: upload, build, save looks, cancel. render: make pictures, videos and exports.
delete: erase."""
TOUCH_EVERY = timedelta(minutes=1)


class UnknownKey(LookupError):
    """There is no such key, or it is revoked."""


def create_key(
    sessions: Sessions, name: str, tenant_id: str = DEFAULT_TENANT, scopes: Sequence[str] = SCOPES,
    expires_at: datetime | None = None,
) -> str:  # fmt: skip
    """Make a key and return it; it cannot be shown again.

    Raises:
        ValueError: a scope that does not exist, or none.
    """
    if not scopes or not set(scopes) <= set(SCOPES):
        raise ValueError(f"Scopes are: {', '.join(SCOPES)}.")
    with transaction(sessions) as session:
        ensure_tenant(session, tenant_id)
        return _add(session, name, tenant_id, [s for s in SCOPES if s in scopes], expires_at)


def list_keys(sessions: Sessions) -> Sequence[ApiKey]:
    """All of them, oldest first."""
    with sessions() as session:
        return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def rotate_key(sessions: Sessions, id: str, overlap: timedelta) -> str:
    """A new key that may do the same; the old one works for `overlap` longer, or until it would have expired anyway.

    Raises:
        UnknownKey
    """
    with transaction(sessions) as session:
        old = _find(session, id)
        key = _add(session, old.name, old.tenant_id, list(old.scopes), old.expires_at)
        end = now() + overlap
        old.expires_at = end if old.expires_at is None else min(old.expires_at, end)
        return key


def revoke_key(sessions: Sessions, id: str) -> None:
    """From the next request on it is none.

    Raises:
        UnknownKey
    """
    with transaction(sessions) as session:
        _find(session, id).revoked_at = now()


def valid_key(sessions: Sessions, key: str) -> ApiKey | None:
    """The row of a key that may be used now; its use is noted."""
    with sessions() as session:
        row = session.scalar(select(ApiKey).where(ApiKey.key_hash == _hash(key)))
    if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now()):
        return None
    if row.last_used_at is None or row.last_used_at < now() - TOUCH_EVERY:
        with transaction(sessions) as session:
            stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < now() - TOUCH_EVERY)
            session.execute(update(ApiKey).where(ApiKey.id == row.id, stale).values(last_used_at=now()))
    return row


def ensure_tenant(session: Session, tenant_id: str = DEFAULT_TENANT) -> None:
    """Add the tenant's row if it is not there."""
    if session.get(Tenant, tenant_id) is None:
        session.add(Tenant(id=tenant_id))
        session.flush()


def _add(session: Session, name: str, tenant_id: str, scopes: list[str], expires_at: datetime | None) -> str:
    key = PREFIX + secrets.token_urlsafe(32)
    session.add(
        ApiKey(
            id=new_id("key"), tenant_id=tenant_id, name=name, key_hash=_hash(key), scopes=scopes, expires_at=expires_at
        )
    )
    return key


def _find(session: Session, id: str) -> ApiKey:
    row = session.get(ApiKey, id)
    if row is None or row.revoked_at is not None:
        raise UnknownKey(id)
    return row


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
