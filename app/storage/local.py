"""Files in a folder."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from app.storage.base import ObjectInfo

CHUNK = 1 << 18
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*/?")


class LocalStorage:
    """See `Storage`. Objects appear whole: they are written beside the tree and renamed."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._partial = self._root / ".partial"

    def _path(self, key: str) -> Path:
        if not KEY.fullmatch(key) or ".." in key:
            raise ValueError("A storage key holds characters that it must not.")
        path = (self._root / key).resolve()
        if not path.is_relative_to(self._root):
            raise ValueError("A storage key leads out of the store.")
        return path

    def put_file(self, key: str, path: Path, media_type: str) -> None:
        """See `Storage`."""
        target = self._path(key)
        self._partial.mkdir(parents=True, exist_ok=True)
        partial = self._partial / uuid.uuid4().hex
        shutil.copyfile(path, partial)
        self._publish(partial, target)

    def put_bytes(self, key: str, data: bytes, media_type: str) -> None:
        """See `Storage`."""
        target = self._path(key)
        self._partial.mkdir(parents=True, exist_ok=True)
        partial = self._partial / uuid.uuid4().hex
        partial.write_bytes(data)
        self._publish(partial, target)

    def _publish(self, partial: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target)

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """See `Storage`."""
        path = self._path(key)
        if not path.is_file():
            raise KeyError(key)
        return self._chunks(path, start, length)

    def _chunks(self, path: Path, start: int, length: int | None) -> Iterator[bytes]:
        left = path.stat().st_size - start if length is None else length
        with path.open("rb") as file:
            file.seek(start)
            while left > 0 and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk

    def head(self, key: str) -> ObjectInfo | None:
        """See `Storage`."""
        path = self._path(key)
        return ObjectInfo(path.stat().st_size, _written_at(path)) if path.is_file() else None

    def list(self, prefix: str) -> Iterator[str]:
        """See `Storage`."""
        base = self._path(prefix)
        if base.is_dir():
            for path in sorted(base.rglob("*")):
                if path.is_file():
                    yield path.relative_to(self._root).as_posix()

    def delete(self, key: str) -> None:
        """See `Storage`."""
        self._path(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> int:
        """See `Storage`."""
        count = sum(1 for _ in self.list(prefix))
        shutil.rmtree(self._path(prefix), ignore_errors=True)
        return count

    def erase_unfinished(self, before: datetime) -> int:
        """See `Storage`."""
        count = 0
        for partial in self._partial.iterdir() if self._partial.is_dir() else ():
            # One that ends just now is a whole object.
            with suppress(FileNotFoundError):
                if _written_at(partial) < before:
                    partial.unlink()
                    count += 1
        return count

    def download(self, key: str, path: Path) -> None:
        """See `Storage`."""
        source = self._path(key)
        if not source.is_file():
            raise KeyError(key)
        partial = path.with_name(path.name + ".part")
        shutil.copyfile(source, partial)
        partial.replace(path)

    def presign_get(self, key: str, filename: str, media_type: str) -> str | None:
        """Never: the API streams local files."""
        return None


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
