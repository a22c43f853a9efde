"""Idempotency-Key: the same key and body answer the same; another body is refused; a running first is a conflict."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from app.database.models import IdempotencyKey
from app.database.session import Sessions, transaction
from app.problems import Problem

HEADER = "idempotency-key"


def once(
    request: Request,
    sessions: Sessions,
    tenant_id: str,
    fingerprint: bytes,
    work: Callable[[], tuple[int, dict[str, str], Any]],
) -> Response:
    """Run `work` -> (status, headers, JSON body) once per key; without a key, simply run it."""
    key = request.headers.get(HEADER)
    if key is None:
        status, headers, body = work()
        return JSONResponse(body, status, headers)
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode() + fingerprint).hexdigest()
    stored = _reserve(sessions, tenant_id, key, digest)
    if stored is not None:
        if stored.fingerprint != digest:
            raise Problem("idempotency_mismatch", "This Idempotency-Key was used with another request.")
        if stored.status_code is None:
            raise Problem(
                "in_progress", "The first request with this key is still running.", headers={"Retry-After": "1"}
            )
        headers = {**stored.headers, "Idempotency-Replayed": "true"}
        return JSONResponse(json.loads(stored.body or "null"), stored.status_code, headers)
    mine = (IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
    try:
        status, headers, body = work()
    except BaseException:
        # A request that failed made nothing: it may be sent again.
        with transaction(sessions) as session:
            session.execute(delete(IdempotencyKey).where(*mine))
        raise
    with transaction(sessions) as session:
        values = {"status_code": status, "headers": headers, "body": json.dumps(body)}
        session.execute(update(IdempotencyKey).where(*mine).values(**values))
    return JSONResponse(body, status, headers)


def _reserve(sessions: Sessions, tenant_id: str, key: str, digest: str) -> IdempotencyKey | None:
    """None when the key is ours now; else what stands there."""
    try:
        with transaction(sessions) as session:
            session.add(IdempotencyKey(tenant_id=tenant_id, key=key, fingerprint=digest))
        return None
    except IntegrityError:
        with sessions() as session:
            return session.scalar(
                select(IdempotencyKey).where(IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.key == key)
            )
