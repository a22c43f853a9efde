"""Every request has an id, which its answer and its line in the log carry."""

from __future__ import annotations

import time
from http import HTTPStatus

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ids import new_id

log = structlog.get_logger()


class RequestLog:
    """Middleware; plain ASGI, because what Starlette's own base class does for a response costs more than a poll."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = new_id("req")
        start, status = time.monotonic(), int(HTTPStatus.INTERNAL_SERVER_ERROR)

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                rate = state.get("rate")
                headers.update(rate.headers if rate is not None else {})
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            log.info(
                "request.done", method=scope["method"], path=scope["path"], status=status,
                ms=round(1000 * (time.monotonic() - start)), request_id=request_id,
            )  # fmt: skip
