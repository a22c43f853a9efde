"""Artifacts: immutable files of an avatar, with ETag, 304, one Range, or a presigned link."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.answers import Listed
from app.artifacts.schemas import ArtifactBody
from app.auth import CurrentTenant
from app.avatars.endpoints import find_avatar
from app.conditional import is_fresh
from app.database.models import Artifact
from app.listing import PageQuery, list_page
from app.problems import Problem, documented, not_found
from app.state import AppState

router = APIRouter(prefix="/v1", tags=["artifacts"])

CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {"*/*": {}}},
    206: {"description": "One range of it", "content": {"*/*": {}}},
    304: {"description": "Not modified"},
    307: {"description": "Where the store has it, for a while"},
    **documented("not_found", "range_not_satisfiable"),
}
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def show(artifact: Artifact) -> dict[str, Any]:
    """An artifact as JSON."""
    body = {
        "id": artifact.id,
        "avatar_id": artifact.avatar_id,
        "name": artifact.name,
        "media_type": artifact.media_type,
        "size_bytes": artifact.size_bytes,
        "sha256": artifact.sha256,
        "created_at": artifact.created_at,
        "links": {"self": f"/v1/artifacts/{artifact.id}", "content": f"/v1/artifacts/{artifact.id}/content"},
    }
    return ArtifactBody.model_validate(body).to_json()


@router.get("/avatars/{avatar_id}/artifacts", response_model=Listed[ArtifactBody], responses=documented("not_found"))
def list_artifacts(avatar_id: str, tenant: CurrentTenant, state: AppState, page: PageQuery) -> dict[str, Any]:
    """Files of an avatar."""
    with state.sessions() as session:
        find_avatar(session, tenant, avatar_id)
        return list_page(session, select(Artifact).where(Artifact.avatar_id == avatar_id), Artifact, page, show)


@router.get("/artifacts/{artifact_id}", response_model=ArtifactBody, responses=documented("not_found"))
def get_artifact(artifact_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """About a file."""
    with state.sessions() as session:
        return show(_find(session, tenant, artifact_id))


@router.head("/artifacts/{artifact_id}/content", response_class=Response, responses=CONTENT)
@router.get("/artifacts/{artifact_id}/content", response_class=Response, responses=CONTENT)
def get_content(
    artifact_id: str, request: Request, tenant: CurrentTenant, state: AppState,
    range: Annotated[str | None, Header()] = None, if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """The file itself."""
    with state.sessions() as session:
        artifact = _find(session, tenant, artifact_id)
    etag = f'"{artifact.sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{artifact.name}"',
    }
    if is_fresh(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    if request.method == "HEAD":
        # Also where the content itself is elsewhere: a link that is signed for GET answers no HEAD.
        size = {"Content-Length": str(artifact.size_bytes)}
        return Response(headers=headers | size, media_type=artifact.media_type)
    if if_range not in (None, etag):
        range = None
    link = state.storage.presign_get(artifact.storage_key, artifact.name, artifact.media_type)
    if link is not None:
        return RedirectResponse(link, 307, {"Cache-Control": "no-store"})
    start, end = _range(range, artifact.size_bytes)
    is_part = bool(range and RANGE.fullmatch(range) and range != "bytes=-")
    headers["Content-Length"] = str(end - start)
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{artifact.size_bytes}"
    chunks = state.storage.read(artifact.storage_key, start, end - start)
    return StreamingResponse(chunks, 206 if is_part else 200, headers, artifact.media_type)


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Start and end (exclusive) of one range; several ranges or nonsense mean the whole file (RFC 9110)."""
    found = RANGE.fullmatch(header or "")
    if found is None or found.group(0) == "bytes=-":
        return 0, size
    first, last = found.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
    else:
        start, end = max(0, size - int(last)), size
    if start >= size or start >= end:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem("range_not_satisfiable", f"The file has {size} bytes.", headers=headers)
    return start, end


def _find(session: Session, tenant: str, id: str) -> Artifact:
    artifact = session.scalar(select(Artifact).where(Artifact.tenant_id == tenant, Artifact.id == id))
    if artifact is None:
        raise not_found("artifact")
    return artifact
