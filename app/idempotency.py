"""Idempotency-Key: the same key and body answer the same; another body is refused; a running first is a conflict.

The answer is kept in the very transaction that makes what it tells of: a process that dies leaves both or neither. A
first request that never ended holds its key no longer than `PENDING_S`; an answer is repeated for `KEPT_FOR`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.database.models import IdempotencyKey, now
from app.database.session import Sessions, transaction
from app.problems import Problem

HEADER = "idempotency-key"
KEY = re.compile(r"[\x20-\x7e]{1,255}")
PENDING_S = 180.0
"""Longer than any request that makes something may take: an engine that starts, and then analyses."""
KEPT_FOR = timedelta(hours=24)


def _describe(
    idempotency_key: Annotated[
        str | None, Header(description="sent again with the same body, the first answer is repeated")
    ] = None,
) -> None:
    """`once` reads the header; this tells of it."""


WithKey = Depends(_describe)
"""In `dependencies=` of a route that calls `once`."""


@dataclass(frozen=True)
class Kept:
    """An answer that will be repeated; only `Keep` makes one."""

    status: int
    headers: dict[str, str]
    body: Any


class Keep:
    """Keeps the answer to a request that holds a key; `mine` is None of one without."""

    def __init__(self, mine: ColumnElement[bool] | None) -> None:
        self._mine = mine

    def __call__(self, session: Session, status: int, headers: dict[str, str], body: Any) -> Kept:
        """Write it in the caller's transaction, and return it.

        Raises:
            Problem: another request has taken the key over; what this one made is undone with the transaction.
        """
        if self._mine is not None:
            values = {"status_code": status, "headers": headers, "body": json.dumps(body)}
            if not session.execute(update(IdempotencyKey).where(self._mine).values(**values)).rowcount:  # type: ignore[attr-defined]
                raise _in_progress()
        return Kept(status, headers, body)


Work = Callable[[Keep], Kept]


def once(request: Request, sessions: Sessions, tenant_id: str, fingerprint: bytes, work: Work) -> Response:
    """Run `work` once per key; without a key, simply run it."""
    key = request.headers.get(HEADER)
    if key is None:
        return _respond(work(Keep(None)))
    if not KEY.fullmatch(key):
        raise Problem("invalid_request", "An Idempotency-Key is 1 to 255 printable ASCII characters.")
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + fingerprint).hexdigest()
    since = now()
    stored = _reserve(sessions, tenant_id, key, digest, since)
    if stored is not None:
        return _replay(stored, digest)
    # `created_at` tells this reservation from that of a request that took the key over.
    mine = and_(_of(tenant_id, key), IdempotencyKey.created_at == since)
    try:
        return _respond(work(Keep(mine)))
    except BaseException:
        # A request that failed made nothing: it may be sent again.
        with transaction(sessions) as session:
            session.execute(delete(IdempotencyKey).where(mine, IdempotencyKey.status_code.is_(None)))
        raise


def prune_keys(sessions: Sessions) -> int:
    """Forget keys that are older than they are kept; returns how many."""
    with transaction(sessions) as session:
        old = delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - KEPT_FOR)
        return int(session.execute(old).rowcount)  # type: ignore[attr-defined]


def _respond(answer: Kept) -> Response:
    return JSONResponse(answer.body, answer.status, answer.headers)


def _in_progress() -> Problem:
    return Problem("in_progress", "Another request with this key is still running.", headers={"Retry-After": "1"})


def _replay(stored: IdempotencyKey, digest: str) -> Response:
    if stored.fingerprint != digest:
        raise Problem("idempotency_mismatch", "This Idempotency-Key was used with another request.")
    if stored.status_code is None:
        raise _in_progress()
    headers = {**stored.headers, "Idempotency-Replayed": "true"}
    return JSONResponse(json.loads(stored.body or "null"), stored.status_code, headers)


def _reserve(sessions: Sessions, tenant_id: str, key: str, digest: str, since: datetime) -> IdempotencyKey | None:
    """None when the key is ours now; else what stands there."""
    try:
        with transaction(sessions) as session:
            session.add(IdempotencyKey(tenant_id=tenant_id, key=key, fingerprint=digest, created_at=since))
        return None
    except IntegrityError:
        pass
    abandoned = and_(
        IdempotencyKey.status_code.is_(None), IdempotencyKey.created_at < since - timedelta(seconds=PENDING_S)
    )
    free = and_(_of(tenant_id, key), or_(abandoned, IdempotencyKey.created_at < since - KEPT_FOR))
    with transaction(sessions) as session:
        # One statement: of two requests that see a free key, one gets it.
        values = {"fingerprint": digest, "created_at": since, "status_code": None, "headers": {}, "body": None}
        if session.execute(update(IdempotencyKey).where(free).values(**values)).rowcount:  # type: ignore[attr-defined]
            return None
        stored = session.scalar(select(IdempotencyKey).where(_of(tenant_id, key)))
    # It was freed between the two looks: the first request failed.
    return stored or _reserve(sessions, tenant_id, key, digest, since)


def _of(tenant_id: str, key: str) -> ColumnElement[bool]:
    return and_(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
