"""A file that a job's process rewrites as it goes, kept in the store while the job runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from app.storage import Storage

log = structlog.get_logger()


class Mirror:
    """Of `path` here, under `key` in the store.

    Attributes:
        copies: how many lie, or lay, in the store.
    """

    def __init__(self, storage: Storage, path: Path, key: str, media_type: str, *, every_s: float) -> None:
        self.path, self.key, self.copies = path, key, 0
        self._storage, self._media_type, self._every_s = storage, media_type, every_s
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
        try:
            self._storage.put_file(self.key, self.path, self._media_type)
            self.copies += 1
        except (OSError, BotoCoreError, ClientError, Boto3Error):
            # The job goes on without it; the next one may come through.
            log.exception("mirror.upload", key=self.key)
