"""A file that a job's process rewrites as it goes, kept in the store while the job runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from app.storage import Storage

log = structlog.get_logger()


class Mirror:
    """Of `path` here, under `key_of(n)` in the store, the n-th copy; the one before is erased, unless it is replaced.

    A large object must not be replaced: stores that keep it in pieces may keep those of the old one too.

    Attributes:
        copies: how many lie, or lay, in the store.
    """

    def __init__(
        self, storage: Storage, path: Path, key_of: Callable[[int], str], media_type: str, *, every_s: float
    ) -> None:
        self.path, self.copies = path, 0
        self._storage, self._key_of, self._media_type, self._every_s = storage, key_of, media_type, every_s
        self._last, self._written_ns = time.monotonic(), 0
        self._upload: threading.Thread | None = None

    def copy_when_due(self) -> None:
        """Begin to copy a file that is new, beside the caller: a slow store must not delay a cancel."""
        is_busy = self._upload is not None and self._upload.is_alive()
        if is_busy or time.monotonic() - self._last < self._every_s or not self.path.exists():
            return
        written_ns = self.path.stat().st_mtime_ns
        if written_ns == self._written_ns:
            return
        self._last, self._written_ns = time.monotonic(), written_ns
        self._upload = threading.Thread(target=self._copy, name="perse-mirror", daemon=True)
        self._upload.start()

    def wait(self) -> None:
        """Until nothing more is written to the store."""
        if self._upload is not None:
            self._upload.join()

    def _copy(self) -> None:
        key = self._key_of(self.copies)
        try:
            self._storage.put_file(key, self.path, self._media_type)
            self.copies += 1
            if self.copies > 1 and (old := self._key_of(self.copies - 2)) != key:
                self._storage.delete(old)
        except (OSError, BotoCoreError, ClientError, Boto3Error):
            # The job goes on without it; the next one may come through.
            log.exception("mirror.upload", key=key)
