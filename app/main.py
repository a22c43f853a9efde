"""create_app(): the API from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import openapi as openapi_of_app
from app import pages, problems
from app.animations.endpoints import router as animations
from app.artifacts.endpoints import router as artifacts
from app.avatars.endpoints import router as avatars
from app.captures.endpoints import router as captures
from app.doors import Doors
from app.exports.endpoints import router as exports
from app.jobs.endpoints import router as jobs
from app.portraits.endpoints import router as portraits
from app.probes.endpoints import router as probes
from app.problems import Problem
from app.renders.endpoints import router as renders
from app.request_log import RequestLog
from app.state import State
from app.variants.endpoints import router as variants
from app.vocabulary.endpoints import router as vocabulary
from app.webhooks.endpoints import router as webhooks

VERSION = "0.1.0"
MULTIPART_EXTRA_BYTES = 64_000


def create_app(state: State, background: Callable[[], AbstractContextManager[object]] = nullcontext) -> FastAPI:
    """The app; `background` is entered while it runs (the embedded supervisor)."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with background():
            yield
        state.engine.close()

    app = FastAPI(
        title="Perse",
        version=VERSION,
        summary="One portrait photo in, an animatable, attribute-editable 3D Gaussian splatting head avatar out.",
        lifespan=lifespan,
    )
    app.state.perse = state
    problems.install(app)
    made = (portraits, avatars, variants, renders, animations, exports, artifacts, jobs)
    for router in (*made, captures, webhooks, vocabulary):
        app.include_router(router, responses=problems.documented(*problems.EVERYWHERE))
    app.include_router(probes)
    pages.install(app, state.settings)
    _complete_openapi(app)
    app.add_middleware(Doors, settings=state.settings)
    app.add_middleware(BodyLimit, limit=state.settings.max_upload_bytes + MULTIPART_EXTRA_BYTES)
    app.add_middleware(RequestLog)
    return app


def _complete_openapi(app: FastAPI) -> None:
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            openapi_of_app.complete(generate())
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


class BodyLimit:
    """Refuse a body that says it is, or turns out to be, larger than the limit."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        declared = request.headers.get("content-length", "0")
        refused = problems.respond(Problem("too_large", f"A request may have at most {self._limit} bytes."), request)
        if declared.isdigit() and int(declared) > self._limit:
            await refused(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            # The app believes that the client left; what it answers to that is dropped below.
            return {"type": "http.disconnect"} if seen > self._limit else message

        async def guarded(message: Message) -> None:
            if seen <= self._limit:
                await send(message)

        try:
            await self._app(scope, counted, guarded)
        except ClientDisconnect:
            if seen <= self._limit:
                raise
        if seen > self._limit:
            await refused(scope, receive, send)
