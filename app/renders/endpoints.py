"""/v1/avatars/{id}/renders: a picture at any pose, expression, camera and look."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth import CurrentTenant
from app.avatars.endpoints import check_look, find_look, find_ready
from app.conditional import is_fresh
from app.database.models import Artifact, Avatar
from app.database.session import transaction
from app.engine_client import AvatarFiles, EngineFailure, RenderRequest
from app.idempotency import Keep, Kept, WithKey, once
from app.jobs.endpoints import show as show_job
from app.jobs.store import enqueue
from app.problems import WITH_KEY, Problem, documented
from app.quotas import check_jobs
from app.renders.schemas import RenderBody
from app.state import AppState, State
from app.storage import avatar_prefix

router = APIRouter(prefix="/v1/avatars", tags=["renders"])

MODEL_FILES = ("avatar.safetensors", "avatar.json")


@router.post(
    "/{avatar_id}/renders",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}, "image/jpeg": {}, "image/webp": {}}},
        202: {
            "description": "Queued, with Prefer: respond-async",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/QueuedBody"}}},
        },
        304: {"description": "Not modified"},
        **documented(
            "not_found",
            "not_ready",
            "too_large",
            "unknown_name",
            "invalid_value",
            "engine_crashed",
            "corrupt_file",
            "engine_timeout",
            "backend_missing",
            "quota_exceeded",
            *WITH_KEY,
        ),
    },
    dependencies=[WithKey],
)
def render(
    avatar_id: str, body: RenderBody, request: Request, tenant: CurrentTenant, state: AppState,
    prefer: Annotated[str | None, Header()] = None, if_none_match: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """Render now and answer with the picture; the same request again is served from the store."""
    wanted = (avatar_id, body, request, tenant, state, prefer, if_none_match)
    try:
        return _answer(*wanted)
    except Problem as problem:
        if problem.code != "not_ready":
            raise
        # A variant may have been added meanwhile: the picture is the new version's.
        return _answer(*wanted)


def _answer(
    avatar_id: str, body: RenderBody, request: Request, tenant: str, state: State, prefer: str | None,
    if_none_match: str | None,
) -> Response:  # fmt: skip
    with state.sessions() as session:
        avatar = find_ready(session, tenant, avatar_id)
        wanted = _request(session, avatar, body, state.settings.max_render_px)
        files = avatar_files(session, avatar)
    digest = hashlib.sha256(json.dumps([avatar.version, asdict(wanted)], sort_keys=True).encode()).hexdigest()
    etag = f'"{digest}"'
    key = f"{avatar_prefix(tenant, avatar_id)}/renders/{digest}.{body.format}"
    # `*` asks for what exists; a tag can only come from an answer to the same request.
    is_any = (if_none_match or "").strip() == "*"
    if is_fresh(if_none_match, etag) and (not is_any or state.storage.head(key) is not None):
        return Response(status_code=304, headers={"ETag": etag})
    if "respond-async" in (prefer or ""):
        return _later(request, tenant, avatar_id, wanted, key, state)
    headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    media_type = f"image/{body.format}"
    try:
        stored = b"".join(state.storage.read(key))
        return Response(
            stored, media_type=media_type, headers=headers | {"X-Render-Time-Ms": "0", "X-Render-Stored": "true"}
        )
    except KeyError:
        pass
    try:
        image = state.engine.render(files, wanted)
    except EngineFailure as failure:
        raise Problem(failure.code, failure.detail, failure.hint) from failure
    state.storage.put_bytes(key, image.data, image.media_type)
    _refuse_deleted(state, tenant, avatar_id)
    return Response(
        image.data, media_type=image.media_type, headers=headers | {"X-Render-Time-Ms": f"{image.render_ms:.1f}"}
    )


def _refuse_deleted(state: State, tenant: str, avatar_id: str) -> None:
    """A deletion that came while the picture was made may have missed it; one that comes from now on will not."""
    try:
        with state.sessions() as session:
            find_ready(session, tenant, avatar_id)
    except Problem:
        state.storage.delete_prefix(f"{avatar_prefix(tenant, avatar_id)}/renders")
        raise


def _later(request: Request, tenant: str, avatar_id: str, wanted: RenderRequest, key: str, state: AppState) -> Response:
    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            check_jobs(session, tenant, state.settings)
            job = enqueue(
                session, tenant_id=tenant, kind="render", queue="render", avatar_id=avatar_id,
                input={"request": asdict(wanted), "key": key},
                max_attempts=state.settings.max_attempts, deadline_s=state.settings.job_deadline_s,
            )  # fmt: skip
            return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, {"job": show_job(job)})

    return once(request, state.sessions, tenant, key.encode(), work)


def _request(session: Session, avatar: Avatar, body: RenderBody, max_px: int) -> RenderRequest:
    if max(body.width_px, body.height_px) > max_px:
        raise Problem("invalid_value", f"A render may have at most {max_px} pixels a side.")
    look = find_look(session, avatar.id, body.look).look if isinstance(body.look, str) else body.look
    check_look(avatar, look)
    background = None if isinstance(body.background, str) else body.background
    if background is None and body.format == "jpeg":
        raise Problem("invalid_value", "JPEG has no transparency.", hint="Ask for png or webp.")
    return RenderRequest(
        camera=body.camera.model_dump(),
        pose=body.pose.model_dump(),
        expression=body.expression,
        look=look,
        width_px=body.width_px,
        height_px=body.height_px,
        background=background,
        light=body.light,
        format=body.format,
    )


def avatar_files(session: Session, avatar: Avatar) -> AvatarFiles:
    """Where the model of a ready avatar lies."""
    rows = session.scalars(select(Artifact).where(Artifact.avatar_id == avatar.id, Artifact.name.in_(MODEL_FILES)))
    return AvatarFiles(avatar.id, avatar.version, {r.name: r.storage_key for r in rows})
