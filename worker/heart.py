"""Keeps a job's lease while it runs, from a thread of its own: a slow store or a long computation stops no beat."""

from __future__ import annotations

import threading
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.store import ClaimedJob, JobStore

MAX_EVERY_S = 1.0
"""However long the lease is, a cancel is heard this soon."""

log = structlog.get_logger()


class Heart:
    """Beats inside its `with` block; what it learns is in its attributes.

    Attributes:
        is_fenced: the job is another worker's now, or has ended.
        cancel_requested: the job should stop.
        is_expired: so it should, because its deadline has passed.
    """

    def __init__(self, jobs: JobStore, claim: ClaimedJob, lease_s: float) -> None:
        self.is_fenced = False
        self.cancel_requested = False
        self.is_expired = False
        self._jobs, self._claim, self._lease_s = jobs, claim, lease_s
        self._every_s = min(lease_s / 3, MAX_EVERY_S)
        self._progress: dict[str, Any] | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"perse-heart-{claim.id}", daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def tell(self, progress: dict[str, Any]) -> None:
        """Store progress with a beat that is made now; of several, the last counts."""
        self._progress = progress
        self._wake.set()

    def _run(self) -> None:
        while not self.is_fenced:
            self._wake.wait(self._every_s)
            self._wake.clear()
            if self._stopping.is_set():
                return
            progress, self._progress = self._progress, None
            try:
                beat = self._jobs.heartbeat(self._claim, self._lease_s, progress)
            except SQLAlchemyError:
                # The database may be back before the lease ends; if not, a later beat is fenced.
                log.exception("heart.database", job_id=self._claim.id)
                self._stopping.wait(self._every_s)
                continue
            self.cancel_requested, self.is_expired = beat.cancel_requested, beat.is_expired
            self.is_fenced = beat.is_fenced
