"""The job `create_avatar`: a child process builds, this one watches, uploads and publishes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.database.models import Artifact, Avatar, LatentCode, now
from app.ids import new_id
from app.jobs.store import ClaimedJob, problem_of
from app.storage import avatar_prefix
from worker.checkpoints import Checkpoints
from worker.heart import Heart
from worker.job_child import run_create
from worker.supervise import supervise
from worker.worker import Worker

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
    arguments = (portrait, claim.input["recipe"], folder)
    ending, value = supervise(worker, claim, heart, run_create, arguments, checkpoints)
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


def _publish(worker: Worker, claim: ClaimedJob, folder: Path, prefix: str, detail: dict[str, Any]) -> None:
    """Upload under this attempt's own prefix; one transaction makes it the avatar."""
    attempt = f"{prefix}/attempt-{claim.lease_token}"
    artifacts = []
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in MEDIA_TYPES):
        key = f"{attempt}/{path.name}"
        worker.storage.put_file(key, path, MEDIA_TYPES[path.suffix])
        artifacts.append((path.name, MEDIA_TYPES[path.suffix], path.stat().st_size, sha256_of(path), key))
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
        add_codes(session, avatar.id, latents)

    result = {"avatar_id": claim.avatar_id, "artifacts": [name for name, *_ in artifacts]}
    is_published = worker.jobs.succeed(claim, result, publish) and not refused
    if not is_published:
        worker.storage.delete_prefix(attempt)
    if is_published or refused:
        worker.storage.delete_prefix(f"{prefix}/checkpoint")
        shutil.rmtree(folder, ignore_errors=True)


def add_codes(session: Session, avatar_id: str, latents: dict[str, Any]) -> None:
    """A row per code of `latents.json`."""
    for category, entry in latents["categories"].items():
        rows = [("source", True, entry["source"]), *((v, False, z) for v, z in entry["variants"].items())]
        for variant, is_source, vector in rows:
            session.add(
                LatentCode(avatar_id=avatar_id, category=category, variant=variant, is_source=is_source, vector=vector)
            )


def mark_failed(claim: ClaimedJob) -> Callable[[Session], None]:
    """What to write when the job ends without an avatar."""

    def publish(session: Session) -> None:
        avatar = session.get(Avatar, claim.avatar_id) if claim.kind == "create_avatar" else None
        if avatar is not None and avatar.status == "building":
            avatar.status = "failed"

    return publish


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
