"""Who asks, and whether they may: keys, scopes and the rate at which a key is answered.

Another tenant's rows answer 404.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.database.models import DEFAULT_TENANT
from app.keys import valid_key
from app.problems import Problem
from app.quotas import limit_of
from app.rate_limit import take
from app.state import State, get_state

OWN_SCOPE = {
    ("POST", "/v1/avatars/{avatar_id}/renders"): "render",
    ("POST", "/v1/avatars/{avatar_id}/exports"): "render",
    ("POST", "/v1/avatars/{avatar_id}/animations"): "render",
    ("POST", "/v1/drivers"): "render",
    ("POST", "/v1/captures"): "render",
    ("POST", "/v1/vocabulary/wishes"): "read",
    ("DELETE", "/v1/avatars/{avatar_id}/looks/{name}"): "write",
    ("DELETE", "/v1/webhook-endpoints/{endpoint_id}"): "write",
    ("DELETE", "/v1/avatars/{avatar_id}/variants/{category}/{variant}"): "write",
}
"""Routes whose scope does not follow from their method."""

Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Security(HTTPBearer(auto_error=False, description="An API key; not needed on loopback")),
]


def scope_of(method: str, path: str) -> str:
    """The scope that a key needs for a route of the API."""
    by_method = {"GET": "read", "HEAD": "read", "DELETE": "delete"}
    return OWN_SCOPE.get((method, path)) or by_method.get(method, "write")


async def current_tenant(request: Request, state: Annotated[State, Depends(get_state)], bearer: Bearer) -> str:
    """The tenant of the request's key; the default one where no key is needed."""
    if bearer is not None and bearer.credentials:
        return await run_in_threadpool(_tenant_of, request, state, bearer.credentials)
    if state.settings.keys_required:
        raise _unauthorized()
    return DEFAULT_TENANT


def _tenant_of(request: Request, state: State, credentials: str) -> str:
    key = valid_key(state.sessions, credentials)
    if key is None:
        raise _unauthorized()
    if limit := limit_of(key.tenant, state.settings, "rate_limit_per_min"):
        request.state.rate = take(state.sessions, key.id, limit)
        request.state.rate.check()
    needed = scope_of(request.method, request.scope["route"].path)
    if needed not in key.scopes:
        raise Problem("forbidden", f"The key lacks the scope {needed!r}.", f"It has: {', '.join(key.scopes)}.")
    return key.tenant_id


def _unauthorized() -> Problem:
    return Problem(
        "unauthorized", "The request carries no valid API key.", hint="Send `Authorization: Bearer <key>`.",
        headers={"WWW-Authenticate": "Bearer"},
    )  # fmt: skip


CurrentTenant = Annotated[str, Depends(current_tenant)]
