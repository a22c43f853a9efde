"""What a finished job leaves of an avatar: files in storage, then rows in the transaction that ends the job."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.database.models import Artifact, LatentCode
from app.ids import new_id
from app.jobs.store import ClaimedJob
from app.storage import Storage

MEDIA_TYPES = {
    ".json": "application/json", ".png": "image/png", ".mp4": "video/mp4", ".webm": "video/webm",
    ".zip": "application/zip", ".ply": "application/octet-stream", ".spz": "application/octet-stream",
    ".splat": "application/octet-stream", ".safetensors": "application/octet-stream", ".glb": "model/gltf-binary",
}  # fmt: skip


@dataclass(frozen=True)
class Uploaded:
    """A file that lies in storage under `key`, and that no row names yet."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    key: str
    id: str = field(default_factory=lambda: new_id("art"))
    """Of the row that will name it."""


def upload(storage: Storage, paths: Iterable[Path], prefix: str) -> list[Uploaded]:
    """Put files under an attempt's own prefix, so that an attempt that loses its lease can erase it."""
    uploaded = []
    for path in paths:
        file = Uploaded(
            path.name, MEDIA_TYPES[path.suffix], path.stat().st_size, sha256_of(path), f"{prefix}/{path.name}"
        )
        storage.put_file(file.key, path, file.media_type)
        uploaded.append(file)
    return uploaded


def erase_earlier(storage: Storage, claim: ClaimedJob, name: str) -> None:
    """Erase what lost attempts of a job have uploaded, each below `name-<its token>`, and no row names."""
    for token in range(1, claim.lease_token):
        storage.delete_prefix(f"{name}-{token}")


def add_artifacts(session: Session, claim: ClaimedJob, files: Iterable[Uploaded]) -> None:
    """A row per file."""
    for file in files:
        session.add(
            Artifact(
                id=file.id, tenant_id=claim.tenant_id, avatar_id=claim.avatar_id, name=file.name,
                media_type=file.media_type, size_bytes=file.size_bytes, sha256=file.sha256, storage_key=file.key,
            )
        )  # fmt: skip


def add_codes(session: Session, avatar_id: str, latents: dict[str, Any]) -> None:
    """A row per code of `latents.json`."""
    for category, entry in latents["categories"].items():
        rows = [("source", True, entry["source"]), *((v, False, z) for v, z in entry["variants"].items())]
        for variant, is_source, vector in rows:
            session.add(
                LatentCode(avatar_id=avatar_id, category=category, variant=variant, is_source=is_source, vector=vector)
            )


def sha256_of(path: Path) -> str:
    """Of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
