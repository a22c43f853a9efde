"""/v1/avatars/{id}/animations: a video of the avatar, moved by a clip, keyframes, a file or somebody's video."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.animations.asked import REQUEST_BODY, Asked, AskedBody
from app.animations.schemas import AnimationBody
from app.auth import CurrentTenant
from app.avatars.endpoints import check_look, find_look, find_ready
from app.database.models import Avatar
from app.database.session import transaction
from app.idempotency import Keep, Kept, WithKey, once
from app.ids import new_id
from app.jobs.endpoints import show as show_job
from app.jobs.schemas import QueuedBody
from app.jobs.store import enqueue
from app.jobs.uploads import UPLOADS_PREFIX
from app.problems import WITH_KEY, Problem, documented
from app.quotas import check_jobs
from app.state import AppState
from app.storage import avatar_prefix

router = APIRouter(prefix="/v1/avatars/{avatar_id}/animations", tags=["animations"])


@router.post(
    "",
    status_code=202,
    response_model=QueuedBody,
    responses=documented(
        "not_found", "not_ready", "too_large", "unsupported_media_type", "unknown_name", "invalid_value",
        "quota_exceeded", *WITH_KEY,
    ),
    dependencies=[WithKey],
    openapi_extra={"requestBody": REQUEST_BODY},
)  # fmt: skip
def animate(avatar_id: str, request: Request, tenant: CurrentTenant, state: AppState, asked: AskedBody) -> Response:
    """Queue an animation; the job's result names the video and its motion, with each frame's expression.

    Files are erased when the job has ended. A driving video's face says how to move, and nothing else of it is kept.
    """

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions, writes=False) as session:
            # Before anything is stored; what counts is the check below.
            _wish(session, find_ready(session, tenant, avatar_id), asked.body, state.settings.max_render_px)
            check_jobs(session, tenant, state.settings)
        folder = f"{avatar_prefix(tenant, avatar_id)}/uploads/{new_id('upl')}"
        for name, data in asked.uploads().items():
            state.storage.put_bytes(f"{folder}/{name}", data, "application/octet-stream")
        try:
            with transaction(state.sessions) as session:
                avatar = find_ready(session, tenant, avatar_id)
                wish = _wish(session, avatar, asked.body, state.settings.max_render_px)
                check_jobs(session, tenant, state.settings)
                job = enqueue(
                    session, tenant_id=tenant, kind="animate", queue="files", avatar_id=avatar.id,
                    input=_input(asked, wish, folder, state.settings.max_animation_s),
                    max_attempts=state.settings.max_attempts, deadline_s=state.settings.job_deadline_s,
                )  # fmt: skip
                return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, {"job": show_job(job)})
        except BaseException:
            state.storage.delete_prefix(folder)
            raise

    return once(request, state.sessions, tenant, asked.fingerprint(), work)


def _input(asked: Asked, wish: dict[str, Any], folder: str, max_s: float) -> dict[str, Any]:
    """What the job holds; `uploads` is where its files are, by name."""
    uploads = {name: f"{folder}/{name}" for name in asked.uploads()}
    return {"wish": wish | {"motion": None}, "max_s": max_s, "uploads": uploads, UPLOADS_PREFIX: folder}


def _wish(session: Session, avatar: Avatar, body: AnimationBody, max_px: int) -> dict[str, Any]:
    """The options with saved looks in place of their names; refuses what the avatar has not."""
    if max(body.width_px, body.height_px) > max_px:
        raise Problem("invalid_value", f"An animation may have at most {max_px} pixels a side.")
    wish = body.model_dump()
    for holder in (wish, *wish["looks"]):
        if isinstance(holder["look"], str):
            holder["look"] = find_look(session, avatar.id, holder["look"]).look
        check_look(avatar, holder["look"])
    for look in _motion_looks(body.motion):
        check_look(avatar, look)
    return wish


def _motion_looks(motion: object) -> Iterator[dict[str, dict[str, Any]]]:
    """The looks of a motion.json, as far as they are any; the engine reads all of it again, and strictly."""
    looks = motion.get("looks", ()) if isinstance(motion, dict) else ()
    for key in looks if isinstance(looks, list) else ():
        look = key.get("look") if isinstance(key, dict) else None
        if isinstance(look, dict) and all(isinstance(entry, dict) for entry in look.values()):
            yield look
