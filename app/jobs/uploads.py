"""Files that came with a job's request: kept until it has ended, however it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.storage import Storage

UPLOADS_PREFIX = "uploads_prefix"
"""In a job's input: below it lie its files, and nothing else."""


def erase_uploads(storage: Storage, input: Mapping[str, Any]) -> None:
    """Erase them; a job without any is no error."""
    if input.get(UPLOADS_PREFIX):
        storage.delete_prefix(input[UPLOADS_PREFIX])
