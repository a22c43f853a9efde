"""/v1/avatars/{id}/exports: a file of the avatar for another program."""

from __future__ import annotations

import hashlib
import json

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.auth import CurrentTenant
from app.avatars.endpoints import check_look, find_look, find_ready
from app.database.models import Avatar, Job, Portrait
from app.database.session import transaction
from app.exports.schemas import ExportBody
from app.idempotency import Keep, Kept, WithKey, once
from app.jobs.endpoints import show as show_job
from app.jobs.schemas import QueuedBody
from app.jobs.store import TERMINAL, enqueue
from app.problems import WITH_KEY, Problem, documented
from app.quotas import check_jobs
from app.state import AppState
from app.text import Strict

router = APIRouter(prefix="/v1/avatars/{avatar_id}/exports", tags=["exports"])

ENDED_BADLY = tuple(status for status in TERMINAL if status != "succeeded")


@router.post(
    "",
    status_code=202,
    response_model=QueuedBody,
    responses=documented(
        "not_found", "not_ready", "conflict", "too_large", "unknown_name", "invalid_value", "quota_exceeded", *WITH_KEY
    ),
    dependencies=[WithKey],
)
def export(avatar_id: str, body: ExportBody, request: Request, tenant: CurrentTenant, state: AppState) -> Response:
    """Queue the writing of a file; the job's result names the artifact and its frame.

    The same wish of the same version of the avatar is answered with the job that has fulfilled it, or is about to.
    """

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            avatar = find_ready(session, tenant, avatar_id)
            look = find_look(session, avatar.id, body.look).look if isinstance(body.look, str) else body.look
            check_look(avatar, look)
            wish = body.model_dump() | {"look": look}
            digest = hashlib.sha256(json.dumps([avatar.version, wish], sort_keys=True).encode()).hexdigest()
            job = _earlier(session, avatar, digest)
            if job is None:
                check_jobs(session, tenant, state.settings)
                job = enqueue(
                    session, tenant_id=tenant, kind="export", queue="files", avatar_id=avatar.id,
                    input={"wish": wish, "digest": digest, "portrait_key": _portrait_key(session, avatar, body)},
                    max_attempts=state.settings.max_attempts, deadline_s=state.settings.job_deadline_s,
                )  # fmt: skip
            return keep(session, 202, {"Location": f"/v1/jobs/{job.id}"}, {"job": show_job(job)})

    return once(request, state.sessions, tenant, fingerprint(body), work)


def fingerprint(body: Strict) -> bytes:
    """Of a request, for its Idempotency-Key."""
    return json.dumps(body.model_dump(), sort_keys=True).encode()


def _earlier(session: Session, avatar: Avatar, digest: str) -> Job | None:
    same = (Job.avatar_id == avatar.id, Job.kind == "export", Job.input["digest"].as_string() == digest)
    alive = Job.status.not_in((*ENDED_BADLY, "canceling"))
    return session.scalars(select(Job).where(*same, alive).order_by(Job.id).limit(1)).first()


def _portrait_key(session: Session, avatar: Avatar, body: ExportBody) -> str | None:
    """Where the photo is from which the textured rig is built again; None where none is needed."""
    if body.content == "gaussians":
        return None
    portrait = session.get(Portrait, avatar.portrait_id)
    if portrait is None:
        raise Problem(
            "conflict", "The portrait that the avatar was made from was erased, and the rig's texture with it.",
            hint="Export its Gaussians.",
        )  # fmt: skip
    return portrait.storage_key
