"""What a store of files must do. One contract test runs against every implementation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """About a stored object."""

    size_bytes: int
    written_at: datetime
    """By the store's clock, with a zone."""


class Storage(Protocol):
    """Keys are 't/<tenant>/<kind>/<id>/...', made of ids only; objects are written once, whole."""

    def put_file(self, key: str, path: Path, media_type: str) -> None:
        """Store a file."""
        ...

    def put_bytes(self, key: str, data: bytes, media_type: str) -> None:
        """Store bytes."""
        ...

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Stream (part of) an object; KeyError when it is not there, raised before the first chunk."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """About an object, or None."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Keys below a prefix."""
        ...

    def delete(self, key: str) -> None:
        """Erase one object; what is not there already is."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Erase everything below a prefix; returns how many objects."""
        ...

    def erase_unfinished(self, before: datetime) -> int:
        """Erase what is left of writes that began before this and never ended; returns how many.

        A process that was killed leaves them; no `list` shows them.
        """
        ...

    def download(self, key: str, path: Path) -> None:
        """Write an object to a file, which appears only when it is whole."""
        ...

    def presign_get(self, key: str, filename: str, media_type: str) -> str | None:
        """A URL under which a client may fetch the object for a while; None when the API must serve it."""
        ...
