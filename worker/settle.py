"""What the database is told when a job's process has ended without a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from app.jobs.store import ClaimedJob, problem_of
from worker.worker import Worker

LOST_AGAIN_S = 1.0


def settle(
    worker: Worker, claim: ClaimedJob, ending: str, value: Any, publish: Callable[[Session], None] | None = None
) -> None:
    """Write an ending of `supervise` other than 'done'; `publish` joins the transaction that ends the job for good."""
    if ending == "canceled":
        worker.jobs.finish_cancel(claim, publish)
    elif ending == "expired":
        worker.jobs.expire(claim, publish)
    elif ending == "released":
        worker.jobs.release(claim)
    elif ending == "failed":
        error = problem_of(value["code"], value["detail"], value["hint"])
        worker.jobs.fail(claim, error, retry=not value["final"], publish=publish)
    elif ending == "lost":
        error = problem_of("engine_crashed", "The process that did the work was lost.")
        worker.jobs.fail(claim, error, retry=True, delay_s=LOST_AGAIN_S, publish=publish)
    # 'fenced': another worker has the job; what lies here is left to expire with its folder.
