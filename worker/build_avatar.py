"""The job `create_avatar`: a child process builds, this one watches, uploads and publishes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar, LatentCode, now
from app.ids import new_id
from app.jobs.store import ClaimedJob, problem_of
from app.storage import avatar_prefix
from worker.checkpoints import Checkpoints
from worker.engine_host import child_environment
from worker.heart import Heart
from worker.job_child import run_create
from worker.worker import Worker

CANCEL_GRACE_S = 3.0
"""A child that does not stop by itself within this time is killed."""
POLL_S = 0.2
MEDIA_TYPES = {
    ".json": "application/json", ".png": "image/png", ".mp4": "video/mp4",
    ".ply": "application/octet-stream", ".safetensors": "application/octet-stream", ".glb": "model/gltf-binary",
}  # fmt: skip


def create_avatar(worker: Worker, claim: ClaimedJob, heart: Heart) -> None:
    """Build, and make the result the avatar."""
    folder = worker.settings.data_dir / "work" / claim.id
    folder.mkdir(parents=True, exist_ok=True)
    prefix = avatar_prefix(claim.tenant_id, str(claim.avatar_id))
    portrait = folder / "portrait"
    try:
        worker.storage.download(claim.input["portrait_key"], portrait)
    except KeyError:
        error = problem_of("not_found", "The portrait was deleted before the avatar was built.")
        worker.jobs.fail(claim, error, retry=False, publish=mark_failed(claim))
        return
    checkpoints = Checkpoints(worker.storage, prefix, folder)
    checkpoints.restore()
    ending, value = _supervise(worker, claim, heart, folder, checkpoints)
    if ending == "done":
        _publish(worker, claim, folder, prefix, value)
    elif ending in ("canceled", "expired"):
        # Erase first: whoever reads "canceled" may trust that nothing is left.
        worker.storage.delete_prefix(prefix)
        shutil.rmtree(folder, ignore_errors=True)
        settle = worker.jobs.finish_cancel if ending == "canceled" else worker.jobs.expire
        settle(claim, mark_failed(claim))
    elif ending == "released":
        worker.jobs.release(claim)
    elif ending == "failed":
        error = problem_of(value["code"], value["detail"], value["hint"])
        worker.jobs.fail(claim, error, retry=not value["final"], publish=mark_failed(claim))
    elif ending == "lost":
        error = problem_of("engine_crashed", "The process that built the avatar was lost.")
        worker.jobs.fail(claim, error, retry=True, delay_s=1.0, publish=mark_failed(claim))
    # 'fenced': another worker has the job; what lies here is left to expire with its folder.


def _supervise(
    worker: Worker, claim: ClaimedJob, heart: Heart, folder: Path, checkpoints: Checkpoints
) -> tuple[str, Any]:
    """Watch the child: pass progress on, stop it when asked. Returns how it ended."""
    child_environment()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, folder / "portrait", claim.input["recipe"], folder)
    child = context.Process(target=run_create, args=arguments, daemon=True, name=f"perse-job-{claim.id}")
    child.start()
    theirs.close()
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
                heart.tell(value)
            elif not child.is_alive():
                return (stop_reason, None) if stop_by is not None else ("lost", None)
            moment = time.monotonic()
            if heart.is_fenced:
                return "fenced", None
            if (heart.cancel_requested or heart.is_expired) and stop_by is None:
                ours.send("stop")
                stop_by, stop_reason = moment + CANCEL_GRACE_S, "canceled" if heart.cancel_requested else "expired"
            if worker.stopping.is_set() and stop_by is None:
                ours.send("stop")
                stop_by, stop_reason = moment + CANCEL_GRACE_S, "released"
            if stop_by is not None and moment > stop_by:
                return stop_reason, None
            if not worker.settings.is_embedded:
                checkpoints.upload_when_due()
    finally:
        ours.close()
        if child.is_alive():
            child.kill()
        child.join(10)
        checkpoints.wait()


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


def mark_failed(claim: ClaimedJob) -> Callable[[Session], None]:
    """What to write when the job ends without an avatar."""

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id) if claim.kind == "create_avatar" else None
        if avatar is not None and avatar.status == "building":
            avatar.status = "failed"

    return publish


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
