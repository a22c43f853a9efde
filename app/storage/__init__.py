"""Where files lie: a local folder or an S3-compatible store, behind one protocol."""

from __future__ import annotations

import re

from app.settings import Settings
from app.storage.base import ObjectInfo, Storage
from app.storage.local import LocalStorage
from app.storage.s3 import S3Storage

__all__ = [
    "ROOT", "LocalStorage", "ObjectInfo", "S3Storage", "Storage", "avatar_prefix", "open_storage", "owner_of",
    "portrait_prefix",
]  # fmt: skip

ROOT = "t"
"""Everything lies below."""
OWNED = re.compile(r"t/[^/]+/(?:avatars|portraits)/([^/]+)/.+")


def open_storage(settings: Settings) -> Storage:
    """The store that the settings name; an S3 bucket is made if it is not there."""
    if settings.storage_url is None:
        return LocalStorage(settings.data_dir / "objects")
    if not settings.storage_url.startswith("s3://"):
        raise ValueError("PERSE_STORAGE_URL must be s3://bucket/prefix, or unset for a local folder.")
    storage = S3Storage(settings)
    storage.create_bucket()
    return storage


def avatar_prefix(tenant_id: str, avatar_id: str) -> str:
    """Everything of an avatar lies below, and nothing else."""
    return f"t/{tenant_id}/avatars/{avatar_id}"


def portrait_prefix(tenant_id: str, portrait_id: str) -> str:
    """Everything of a portrait lies below, and nothing else."""
    return f"t/{tenant_id}/portraits/{portrait_id}"


def owner_of(key: str) -> str | None:
    """The id of the avatar or portrait below whose prefix a key lies; None of a key that is not ours."""
    found = OWNED.fullmatch(key)
    return found.group(1) if found else None
