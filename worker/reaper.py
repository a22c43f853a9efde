"""The reaper: settles jobs whose worker is lost, and lets the database forget."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from app.database.models import Job
from app.jobs.leftovers import erase_leftovers
from app.retention import prune
from worker.worker import Worker

PRUNE_EVERY_S = 600.0

log = structlog.get_logger()


def reap(worker: Worker) -> int:
    """Settle lost jobs; what was stored for those that end is erased."""

    def give_up(_: Session, job: Job) -> None:
        erase_leftovers(worker.storage, job)

    return worker.jobs.reap(give_up)


class Reaper:
    """Rounds of reaping; some of them prune."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._pruned: float | None = None

    def round(self) -> None:
        """One round."""
        reap(self._worker)
        if self._pruned is None or time.monotonic() - self._pruned > PRUNE_EVERY_S:
            self._pruned = time.monotonic()
            count = prune(self._worker.sessions, timedelta(days=self._worker.settings.retention_days))
            if count:
                log.info("reaper.pruned", rows=count)
