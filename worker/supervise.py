"""Watch the child process of a job: pass its progress on, stop it when asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from app.jobs.store import ClaimedJob
from worker.heart import Heart
from worker.mirror import Mirror
from worker.processes import job_process
from worker.worker import Worker

CANCEL_GRACE_S = 3.0
"""A child that does not stop by itself within this time is killed."""
POLL_S = 0.2


def supervise(
    worker: Worker, claim: ClaimedJob, heart: Heart, target: Callable[..., None], arguments: tuple[Any, ...],
    mirrors: Sequence[Mirror] = (), preview: Mirror | None = None,
) -> tuple[str, Any]:  # fmt: skip
    """Run `target(connection, *arguments)` in a process of its own. Returns how it ended and with what.

    Meanwhile `mirrors` and `preview` are kept in the store; the progress that is told counts the previews.

    Endings: 'done' with its result, 'failed' with its problem, 'canceled', 'expired', 'released' (shutdown),
    'lost' (it died), 'fenced' (another worker has the job).
    """
    kept = (*mirrors, *(() if preview is None else (preview,)))
    try:
        with job_process(f"perse-job-{claim.id}", target, *arguments) as (child, ours):
            return _watch(worker, heart, child, ours, kept, preview)
    finally:
        for mirror in kept:
            mirror.wait()


def _watch(
    worker: Worker, heart: Heart, child: BaseProcess, ours: Connection, kept: Sequence[Mirror], preview: Mirror | None
) -> tuple[str, Any]:  # fmt: skip
    stop_by: float | None = None
    stop_reason = "canceled"
    while True:
        if ours.poll(POLL_S):
            try:
                kind, value = ours.recv()
            except EOFError:
                return (stop_reason, None) if stop_by is not None else ("lost", None)
            if kind != "progress":
                return (stop_reason, None) if kind == "canceled" else (kind, value)
            heart.tell(value if preview is None else value | {"previews": preview.copies})
        elif not child.is_alive():
            return (stop_reason, None) if stop_by is not None else ("lost", None)
        moment = time.monotonic()
        if heart.is_fenced:
            return "fenced", None
        if (heart.cancel_requested or heart.is_expired) and stop_by is None:
            ours.send("stop")
            stop_by, stop_reason = moment + CANCEL_GRACE_S, "canceled" if heart.cancel_requested else "expired"
        if worker.stopping.is_set() and stop_by is None:
            ours.send("stop")
            stop_by, stop_reason = moment + CANCEL_GRACE_S, "released"
        if stop_by is not None and moment > stop_by:
            return stop_reason, None
        for mirror in kept:
            mirror.copy_when_due()
