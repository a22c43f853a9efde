"""What every process of a job has: progress over a pipe, a stop when told, and one last message."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from worker.processes import child_environment

if TYPE_CHECKING:
    from perse_engine.errors import EngineError

REPORT_EVERY_S = 0.5
Message = tuple[str, Any]


class PipeProgress:
    """Sends progress to the parent, at most twice a second, and raises `Cancelled` when the parent says stop."""

    def __init__(self, connection: Connection, shares: Mapping[str, float] | None = None, reached: float = 0.0) -> None:
        from perse_engine.stages import STAGE_SHARES, OverallProgress

        self._connection = connection
        # Progress does not fall back behind what another process has reached.
        self._overall = OverallProgress(STAGE_SHARES if shares is None else shares, reached)
        self._last = 0.0
        self._stage = ""

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """See `Progress`."""
        if self._connection.poll():
            from perse_engine.errors import Cancelled

            self._connection.recv()
            raise Cancelled("The job was asked to stop.")
        fraction, eta_s = self._overall.update(stage, step, total_steps)
        now = time.monotonic()
        if stage == self._stage and now - self._last < REPORT_EVERY_S:
            return
        self._last, self._stage = now, stage
        progress = {
            "fraction": round(fraction, 4),
            "stage": stage,
            "step": step,
            "total_steps": total_steps,
            "eta_s": None if eta_s is None else round(eta_s, 1),
        }
        self._connection.send(("progress", progress))


def told_as_failed(error: EngineError) -> Message:
    """The message of a child whose work is impossible; only a damaged model file may be whole at the next attempt."""
    from perse_engine.errors import CorruptFile

    return _failed(error, is_final=not isinstance(error, CorruptFile))


def build_told_as_failed(error: EngineError) -> Message:
    """The message of a build that gives up; final where what was asked for stays as impossible as it is."""
    from perse_engine.errors import (
        BackendMissing,
        EditsRejected,
        InvalidValue,
        PortraitError,
        UnknownName,
        UnsupportedWish,
    )

    impossible = PortraitError | BackendMissing | UnknownName | UnsupportedWish | InvalidValue | EditsRejected
    return _failed(error, is_final=isinstance(error, impossible))


def _failed(error: EngineError, *, is_final: bool) -> Message:
    return "failed", {"code": error.code, "detail": error.message, "hint": error.hint, "final": is_final}


def answer(
    connection: Connection, work: Callable[[], object], told: Callable[[EngineError], Message] = told_as_failed
) -> None:
    """Do the work of a process and send its last message: ('done', result), ('failed', error) or ('canceled', None).

    `work` imports the engine itself: the process is set up first. `told` says which errors end the job.
    """
    child_environment()
    from perse_engine.errors import Cancelled, EngineError

    try:
        result = work()
    except Cancelled:
        connection.send(("canceled", None))
    except EngineError as error:
        connection.send(told(error))
    else:
        connection.send(("done", result))
