"""Training checkpoints in the store: where several machines share the jobs, one must outlive its machine."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import structlog
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from app.storage import Storage
from worker.job_child import RESTORED

CHECKPOINT = "work/training/checkpoint.safetensors"
UPLOAD_EVERY_S = 15.0

log = structlog.get_logger()


class Checkpoints:
    """Of one job, whose files lie in `folder` here and below `prefix` in the store."""

    def __init__(self, storage: Storage, prefix: str, folder: Path) -> None:
        self._storage, self._path, self._restored = storage, folder / CHECKPOINT, folder / RESTORED
        self._key = f"{prefix}/checkpoint/checkpoint.safetensors"
        self._last = time.monotonic()
        self._upload: threading.Thread | None = None

    def restore(self) -> None:
        """Fetch what another worker left, unless this machine has its own."""
        if not self._path.exists() and self._storage.head(self._key) is not None:
            # The child puts it where training looks, once it has claimed the folder.
            self._storage.download(self._key, self._restored)

    def upload_when_due(self) -> None:
        """Begin an upload, beside the caller: a slow store must not delay a cancel."""
        is_busy = self._upload is not None and self._upload.is_alive()
        if not is_busy and time.monotonic() - self._last > UPLOAD_EVERY_S and self._path.exists():
            self._last = time.monotonic()
            self._upload = threading.Thread(target=self._put, name="perse-checkpoint", daemon=True)
            self._upload.start()

    def wait(self) -> None:
        """Until nothing more is written to the store."""
        if self._upload is not None:
            self._upload.join()

    def _put(self) -> None:
        try:
            self._storage.put_file(self._key, self._path, "application/octet-stream")
        except (OSError, BotoCoreError, ClientError, Boto3Error):
            # The job goes on without it; the next one may come through.
            log.exception("checkpoint.upload")
