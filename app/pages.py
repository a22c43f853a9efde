"""The web page at `/`, its modules under `/web`, and `/embed`, the one page that other sites may frame."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from app.settings import Settings

WEB = Path(__file__).parent / "web"
HEADERS = {
    # Modules are not versioned by name: the browser asks, and is mostly answered 304.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def install(app: FastAPI, settings: Settings) -> None:
    """Serve the pages; they are no part of the API's contract."""
    # Some systems' tables call modules text/plain, and browsers then refuse them.
    mimetypes.add_type("text/javascript", ".js")
    router = APIRouter(include_in_schema=False)
    files = {"/": ("index.html", "'none'"), "/embed": ("embed.html", "*"), "/favicon.ico": ("favicon.svg", "'none'")}
    for path, (name, framed_by) in files.items():
        router.add_api_route(path, _page(WEB / name, content_policy(settings, framed_by)), methods=["GET", "HEAD"])
    app.include_router(router)
    app.mount("/web", _Modules(content_policy(settings, "'none'")))


def content_policy(settings: Settings, framed_by: str) -> str:
    """What a page may load: this service's own files, and artifacts from where the store presigns them."""
    store = urlsplit(settings.s3_public_endpoint_url or "")
    elsewhere = f" {store.scheme}://{store.netloc}" if store.netloc else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "worker-src 'self'",
            "style-src 'self'",
            "font-src 'self'",
            f"connect-src 'self'{elsewhere}",
            f"img-src 'self' blob: data:{elsewhere}",
            f"media-src 'self' blob:{elsewhere}",
            "frame-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            f"frame-ancestors {framed_by}",
        )
    )


def _page(file: Path, policy: str) -> Callable[[], Response]:
    def page() -> Response:
        return FileResponse(file, headers=HEADERS | {"Content-Security-Policy": policy})

    return page


class _Modules(StaticFiles):
    """Files below `app/web`, under the same policy."""

    def __init__(self, policy: str) -> None:
        super().__init__(directory=WEB)
        self._headers = HEADERS | {"Content-Security-Policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        response = await self.get_response(self.get_path(scope), scope)
        response.headers.update(self._headers)
        await response(scope, receive, send)
