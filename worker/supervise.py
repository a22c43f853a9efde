"""Watch the child process of a job: pass its progress on, stop it when asked."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from app.jobs.store import ClaimedJob
from worker.engine_host import child_environment
from worker.heart import Heart
from worker.mirror import Mirror
from worker.worker import Worker

CANCEL_GRACE_S = 3.0
"""A child that does not stop by itself within this time is killed."""
POLL_S = 0.2
NICENESS = 5


def supervise(
    worker: Worker, claim: ClaimedJob, heart: Heart, target: Callable[..., None], arguments: tuple[Any, ...],
    mirrors: Sequence[Mirror] = (), preview: Mirror | None = None,
) -> tuple[str, Any]:  # fmt: skip
    """Run `target(connection, *arguments)` in a process of its own. Returns how it ended and with what.

    Meanwhile `mirrors` and `preview` are kept in the store; the progress that is told counts the previews.

    Endings: 'done' with its result, 'failed' with its problem, 'canceled', 'expired', 'released' (shutdown),
    'lost' (it died), 'fenced' (another worker has the job).
    """
    child_environment()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=target, args=(theirs, *arguments), daemon=True, name=f"perse-job-{claim.id}")
    child.start()
    _yield_to_requests(child.pid)
    theirs.close()
    kept = (*mirrors, *(() if preview is None else (preview,)))
    stop_by: float | None = None
    stop_reason = "canceled"
    try:
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
    finally:
        ours.close()
        if child.is_alive():
            child.kill()
        child.join(10)
        for mirror in kept:
            mirror.wait()


def _yield_to_requests(pid: int | None) -> None:
    """Jobs take the processor time that requests leave: else those of the same machine wait for a time slice each."""
    if sys.platform != "win32" and pid is not None:
        with suppress(ProcessLookupError):
            # Before the child has threads, which inherit it.
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
