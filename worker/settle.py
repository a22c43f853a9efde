"""What the database is told when a job's process has ended without a result."""

from __future__ import annotations

from typing import Any

from app.jobs.store import ClaimedJob, problem_of
from worker.worker import Worker

LOST_AGAIN_S = 1.0


def settle(worker: Worker, claim: ClaimedJob, ending: str, value: Any) -> None:
    """Write an ending of `supervise` other than 'done'."""
    if ending == "canceled":
        worker.jobs.finish_cancel(claim)
    elif ending == "expired":
        worker.jobs.expire(claim)
    elif ending == "released":
        worker.jobs.release(claim)
    elif ending == "failed":
        error = problem_of(value["code"], value["detail"], value["hint"])
        worker.jobs.fail(claim, error, retry=not value["final"])
    elif ending == "lost":
        error = problem_of("engine_crashed", "The process that did the work was lost.")
        worker.jobs.fail(claim, error, retry=True, delay_s=LOST_AGAIN_S)
    # 'fenced': another worker has the job; what lies here is left to expire with its folder.
