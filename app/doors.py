"""What is refused before any route sees it: foreign hosts where no key is needed, and unprintable names."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app import problems
from app.problems import Problem, not_found
from app.settings import Settings
from app.text import is_printable

PROBES = ("/livez", "/readyz")
"""Asked by address, from machines that know no name; they tell nothing."""
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]*)(?::\d*)?")


class Doors:
    """Middleware.

    Without keys, whoever reaches the service is trusted. A page of another site cannot read answers, unless its own
    name is made to lead here (DNS rebinding): then the browser sends that name as Host.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = None if settings.keys_required else frozenset(settings.trusted_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        problem = self._refusal(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problems.respond(problem, Request(scope))(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        if not is_printable(scope["path"]):
            return not_found("thing")
        if self._hosts is None or "*" in self._hosts or scope["path"] in PROBES:
            return None
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        found = HOST.fullmatch(host)
        if found is not None and found.group(1).strip("[]").lower() in self._hosts:
            return None
        return Problem(
            "misdirected", "Without API keys, this service answers only to the names that it knows.",
            hint="Call it as localhost, or name the host in PERSE_ALLOWED_HOSTS.",
        )  # fmt: skip
