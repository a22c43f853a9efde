"""Run one claimed job to its end: the same function for the embedded supervisor and for Celery workers."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar, Job, LatentCode, Look
from app.engine_client import EngineFailure, RenderRequest
from app.ids import new_id
from app.jobs.leftovers import parts_prefix
from app.jobs.store import TERMINAL, ClaimedJob, problem_of
from app.renders.endpoints import avatar_files
from app.storage import avatar_prefix
from worker.build_avatar import create_avatar
from worker.build_parts import PART_KIND, make_part
from worker.change_variants import change_variants
from worker.heart import Heart
from worker.make_files import make_files
from worker.worker import Worker

log = structlog.get_logger()


def run_job(worker: Worker, claim: ClaimedJob) -> None:
    """Run and settle; every way out writes the job's end, unless the lease was lost."""
    log.info("job.started", job_id=claim.id, kind=claim.kind, attempt=claim.attempt)
    kinds: dict[str, Callable[[Worker, ClaimedJob, Heart], None]] = {
        "create_avatar": create_avatar,
        PART_KIND: make_part,
        "add_variant": change_variants,
        "remove_variant": change_variants,
        "export": make_files,
        "animate": make_files,
        "delete_avatar": _delete_avatar,
        "render": _render,
    }
    try:
        with Heart(worker.jobs, claim, worker.settings.lease_s) as heart:
            kinds[claim.kind](worker, claim, heart)
    except Exception:
        # The edge of the process: log once, settle the job, go on.
        log.exception("job.broke", job_id=claim.id)
        error = problem_of("internal", "The job broke; it was logged.")
        worker.jobs.fail(claim, error, retry=True)
    if claim.parts_total and worker.jobs.has_ended(claim):
        # However it ended, what its parts handed over is of no use any more.
        worker.storage.delete_prefix(parts_prefix(claim.tenant_id, str(claim.avatar_id)))
    log.info("job.ended", job_id=claim.id)


def _delete_avatar(worker: Worker, claim: ClaimedJob, _: Heart) -> None:
    prefix = avatar_prefix(claim.tenant_id, str(claim.avatar_id))
    erased = worker.storage.delete_prefix(prefix)
    left = sum(1 for _ in worker.storage.list(prefix))
    for folder in (worker.settings.data_dir / "cache").glob(f"{claim.avatar_id}-*"):
        shutil.rmtree(folder, ignore_errors=True)
    with worker.sessions() as session:
        ended = select(Job.id).where(Job.avatar_id == claim.avatar_id, Job.status.in_(TERMINAL))
        # The portrait and the checkpoint of a job that failed lie in its work folder.
        for job_id in session.scalars(ended):
            shutil.rmtree(worker.settings.data_dir / "work" / job_id, ignore_errors=True)

    def publish(session: Session) -> None:
        for table in (LatentCode, Look, Artifact):
            session.execute(delete(table).where(table.avatar_id == claim.avatar_id))
        session.execute(delete(Avatar).where(Avatar.id == claim.avatar_id))

    if left:
        worker.jobs.fail(claim, problem_of("internal", f"{left} objects could not be erased."), retry=True)
    else:
        worker.jobs.succeed(claim, {"erased_objects": erased, "objects_left": 0}, publish)


def _render(worker: Worker, claim: ClaimedJob, _: Heart) -> None:
    with worker.sessions() as session:
        avatar = session.get(Avatar, claim.avatar_id)
        files = avatar_files(session, avatar) if avatar is not None and avatar.status == "ready" else None
    if files is None:
        worker.jobs.fail(claim, problem_of("not_ready", "The avatar is not ready."), retry=False)
        return
    request = RenderRequest(**claim.input["request"])
    try:
        image = worker.engine.render(files, request)
    except EngineFailure as failure:
        error = problem_of(failure.code, failure.detail, failure.hint)
        worker.jobs.fail(claim, error, retry=failure.code in ("engine_timeout", "engine_crashed", "not_ready"))
        return
    key = claim.input["key"]
    worker.storage.put_bytes(key, image.data, image.media_type)
    artifact_id = new_id("art")

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id)
        if avatar is None or avatar.status != "ready":
            raise _Deleted
        session.add(
            Artifact(
                id=artifact_id, tenant_id=claim.tenant_id, avatar_id=str(claim.avatar_id), name=Path(key).name,
                media_type=image.media_type, size_bytes=len(image.data),
                sha256=hashlib.sha256(image.data).hexdigest(), storage_key=key,
            )
        )  # fmt: skip

    result = {"artifact_id": artifact_id, "content": f"/v1/artifacts/{artifact_id}/content"}
    try:
        worker.jobs.succeed(claim, result, publish)
    except _Deleted:
        worker.storage.delete_prefix(f"{avatar_prefix(claim.tenant_id, str(claim.avatar_id))}/renders")
        worker.jobs.fail(claim, problem_of("not_found", "The avatar was deleted."), retry=False)


class _Deleted(Exception):
    """The avatar was deleted while its picture was made."""
