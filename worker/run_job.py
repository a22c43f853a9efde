"""Run one claimed job to its end: the same function for the embedded supervisor and for Celery workers."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar, Job, LatentCode, Look, now
from app.database.session import Sessions
from app.engine_client import EngineClient, EngineFailure, RenderRequest
from app.ids import new_id
from app.jobs.store import TERMINAL, ClaimedJob, JobStore, problem_of
from app.renders.endpoints import avatar_files
from app.settings import Settings
from app.storage import Storage, avatar_prefix
from worker.engine_host import child_environment
from worker.job_child import RESTORED, run_create

CANCEL_GRACE_S = 3.0
"""A child that does not stop by itself within this time is killed."""
POLL_S = 0.2
CHECKPOINT = "work/training/checkpoint.safetensors"
CHECKPOINT_UPLOAD_EVERY_S = 15.0
MEDIA_TYPES = {
    ".json": "application/json", ".png": "image/png", ".mp4": "video/mp4",
    ".ply": "application/octet-stream", ".safetensors": "application/octet-stream",
}  # fmt: skip

log = structlog.get_logger()


@dataclass(frozen=True)
class Worker:
    """What a job needs to run."""

    settings: Settings
    sessions: Sessions
    storage: Storage
    engine: EngineClient
    stopping: threading.Event
    """Set when this process is asked to leave: the running job goes back to the queue."""

    @property
    def jobs(self) -> JobStore:
        """The state machine."""
        return JobStore(self.sessions)


def run_job(worker: Worker, claim: ClaimedJob) -> None:
    """Run and settle; every way out writes the job's end, unless the lease was lost."""
    log.info("job.started", job_id=claim.id, kind=claim.kind, attempt=claim.attempt)
    kinds: dict[str, Callable[[Worker, ClaimedJob], None]] = {
        "create_avatar": _create_avatar,
        "delete_avatar": _delete_avatar,
        "render": _render,
    }
    try:
        kinds[claim.kind](worker, claim)
    except Exception:
        # The edge of the process: log once, settle the job, go on.
        log.exception("job.broke", job_id=claim.id)
        error = problem_of("internal", "The job broke; it was logged.")
        worker.jobs.fail(claim, error, retry=True, publish=_mark_failed(claim))
    log.info("job.ended", job_id=claim.id)


def _create_avatar(worker: Worker, claim: ClaimedJob) -> None:
    folder = worker.settings.data_dir / "work" / claim.id
    folder.mkdir(parents=True, exist_ok=True)
    prefix = avatar_prefix(claim.tenant_id, str(claim.avatar_id))
    portrait = folder / "portrait"
    try:
        worker.storage.download(claim.input["portrait_key"], portrait)
    except KeyError:
        error = problem_of("not_found", "The portrait was deleted before the avatar was built.")
        worker.jobs.fail(claim, error, retry=False, publish=_mark_failed(claim))
        return
    _restore_checkpoint(worker, prefix, folder)
    ending, value = _supervise(worker, claim, folder, prefix)
    if ending == "done":
        _publish(worker, claim, folder, prefix, value)
    elif ending == "canceled":
        # Erase first: whoever reads "canceled" may trust that nothing is left.
        worker.storage.delete_prefix(prefix)
        shutil.rmtree(folder, ignore_errors=True)
        worker.jobs.finish_cancel(claim, _mark_failed(claim))
    elif ending == "released":
        worker.jobs.release(claim)
    elif ending == "failed":
        error = problem_of(value["code"], value["detail"], value["hint"])
        worker.jobs.fail(claim, error, retry=not value["final"], publish=_mark_failed(claim))
    elif ending == "lost":
        error = problem_of("engine_crashed", "The process that built the avatar was lost.")
        worker.jobs.fail(claim, error, retry=True, delay_s=1.0, publish=_mark_failed(claim))
    # 'fenced': another worker has the job; what lies here is left to expire with its folder.


def _supervise(worker: Worker, claim: ClaimedJob, folder: Path, prefix: str) -> tuple[str, Any]:
    """Watch the child: beat the heart, pass progress on, stop it when asked. Returns how it ended."""
    child_environment()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, folder / "portrait", claim.input["recipe"], folder)
    child = context.Process(target=run_create, args=arguments, daemon=True, name=f"perse-job-{claim.id}")
    child.start()
    theirs.close()
    progress: dict[str, Any] | None = None
    beat_every_s = worker.settings.lease_s / 3
    last_beat = last_upload = time.monotonic()
    stop_by: float | None = None
    stop_reason = "canceled"
    try:
        while True:
            if ours.poll(POLL_S):
                try:
                    kind, value = ours.recv()
                except EOFError:
                    return (stop_reason, None) if stop_by is not None else ("lost", None)
                if kind != "progress":
                    return (stop_reason, None) if kind == "canceled" else (kind, value)
                progress = value
            elif not child.is_alive():
                return (stop_reason, None) if stop_by is not None else ("lost", None)
            moment = time.monotonic()
            if progress is not None or moment - last_beat > min(beat_every_s, 1.0):
                beat = worker.jobs.heartbeat(claim, worker.settings.lease_s, progress)
                progress, last_beat = None, moment
                if beat.is_fenced:
                    return "fenced", None
                if beat.cancel_requested and stop_by is None:
                    ours.send("stop")
                    stop_by = moment + CANCEL_GRACE_S
            if worker.stopping.is_set() and stop_by is None:
                ours.send("stop")
                stop_by, stop_reason = moment + CANCEL_GRACE_S, "released"
            if stop_by is not None and moment > stop_by:
                return stop_reason, None
            if moment - last_upload > CHECKPOINT_UPLOAD_EVERY_S and not worker.settings.is_embedded:
                _upload_checkpoint(worker, prefix, folder)
                last_upload = moment
    finally:
        ours.close()
        if child.is_alive():
            child.kill()
        child.join(10)


def _upload_checkpoint(worker: Worker, prefix: str, folder: Path) -> None:
    """Where several machines share the jobs, a checkpoint must outlive this one."""
    path = folder / CHECKPOINT
    if path.exists():
        worker.storage.put_file(f"{prefix}/checkpoint/checkpoint.safetensors", path, "application/octet-stream")


def _restore_checkpoint(worker: Worker, prefix: str, folder: Path) -> None:
    path = folder / CHECKPOINT
    key = f"{prefix}/checkpoint/checkpoint.safetensors"
    if not path.exists() and worker.storage.head(key) is not None:
        # The child puts it where training looks, once it has claimed the folder.
        worker.storage.download(key, folder / RESTORED)


def _publish(worker: Worker, claim: ClaimedJob, folder: Path, prefix: str, detail: dict[str, Any]) -> None:
    """Upload under this attempt's own prefix; one transaction makes it the avatar."""
    attempt = f"{prefix}/attempt-{claim.lease_token}"
    artifacts = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in MEDIA_TYPES):
        key = f"{attempt}/{path.name}"
        worker.storage.put_file(key, path, MEDIA_TYPES[path.suffix])
        artifacts.append((path.name, MEDIA_TYPES[path.suffix], path.stat().st_size, _sha256(path), key))
    latents = json.loads((folder / "latents.json").read_text())
    refused: list[bool] = []

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id)
        if avatar is None or avatar.status != "building":
            # It was deleted while it was built.
            refused.append(True)
            return
        avatar.status, avatar.ready_at, avatar.detail = "ready", now(), detail
        avatar.version += 1
        for name, media_type, size, sha256, key in artifacts:
            session.add(
                Artifact(
                    id=new_id("art"), tenant_id=claim.tenant_id, avatar_id=avatar.id, name=name,
                    media_type=media_type, size_bytes=size, sha256=sha256, storage_key=key,
                )
            )  # fmt: skip
        for category, entry in latents["categories"].items():
            rows = [("source", True, entry["source"]), *((v, False, z) for v, z in entry["variants"].items())]
            for variant, is_source, vector in rows:
                session.add(
                    LatentCode(
                        avatar_id=avatar.id, category=category, variant=variant, is_source=is_source, vector=vector
                    )
                )

    result = {"avatar_id": claim.avatar_id, "artifacts": [name for name, *_ in artifacts]}
    is_published = worker.jobs.succeed(claim, result, publish) and not refused
    if not is_published:
        worker.storage.delete_prefix(attempt)
    if is_published or refused:
        worker.storage.delete_prefix(f"{prefix}/checkpoint")
        shutil.rmtree(folder, ignore_errors=True)


def _mark_failed(claim: ClaimedJob) -> Callable[[Session], None]:
    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id) if claim.kind == "create_avatar" else None
        if avatar is not None and avatar.status == "building":
            avatar.status = "failed"

    return publish


def _delete_avatar(worker: Worker, claim: ClaimedJob) -> None:
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


def _render(worker: Worker, claim: ClaimedJob) -> None:
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
        worker.jobs.fail(claim, error, retry=failure.code in ("engine_timeout", "engine_crashed"))
        return
    key = claim.input["key"]
    worker.storage.put_bytes(key, image.data, image.media_type)
    artifact_id = new_id("art")

    def publish(session: Session) -> None:
        session.add(
            Artifact(
                id=artifact_id, tenant_id=claim.tenant_id, avatar_id=str(claim.avatar_id), name=Path(key).name,
                media_type=image.media_type, size_bytes=len(image.data),
                sha256=hashlib.sha256(image.data).hexdigest(), storage_key=key,
            )
        )  # fmt: skip

    result = {"artifact_id": artifact_id, "content": f"/v1/artifacts/{artifact_id}/content"}
    worker.jobs.succeed(claim, result, publish)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
