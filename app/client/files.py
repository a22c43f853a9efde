"""What a caller may give where a file is wanted."""

from __future__ import annotations

from pathlib import Path

File = str | Path | bytes
"""A file's path, or its bytes."""


def content_of(file: File) -> bytes:
    """Its bytes."""
    return file if isinstance(file, bytes) else Path(file).read_bytes()
