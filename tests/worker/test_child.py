"""The last message of a job's process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable

import pytest

from perse_engine.errors import Cancelled, CorruptFile, EngineError, InvalidValue
from worker.child import Message, PipeProgress, answer, build_told_as_failed, told_as_failed


def last_message(work: Callable[[], object], told: Callable[[EngineError], Message] = told_as_failed) -> Message:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        answer(theirs, work, told)
        assert ours.poll()
        kind, value = ours.recv()
        assert not ours.poll(), "one message"
    return kind, value


def raising(error: Exception) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


def test_a_result_is_handed_over() -> None:
    assert last_message(lambda: {"files": ["a.ply"]}) == ("done", {"files": ["a.ply"]})


def test_a_stop_is_no_failure() -> None:
    assert last_message(raising(Cancelled("Asked to."))) == ("canceled", None)


@pytest.mark.parametrize(
    ("told", "error", "is_final"),
    [
        (told_as_failed, CorruptFile, False),
        (told_as_failed, InvalidValue, True),
        (build_told_as_failed, CorruptFile, False),
        (build_told_as_failed, InvalidValue, True),
        (build_told_as_failed, EngineError, False),
    ],
)
def test_what_may_go_well_next_time_is_not_final(
    told: Callable[[EngineError], Message], error: type[EngineError], is_final: bool
) -> None:
    kind, value = last_message(raising(error("No.", hint="Do.")), told)
    assert kind == "failed"
    assert value == {"code": error.code, "detail": "No.", "hint": "Do.", "final": is_final}


def test_an_unforeseen_error_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        last_message(lambda: 1 // 0)


def test_progress_stops_the_work_when_told() -> None:
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        progress = PipeProgress(theirs)
        progress.report("analysis", 0, 4)
        kind, value = ours.recv()
        assert (kind, value["stage"], value["total_steps"]) == ("progress", "analysis", 4)
        ours.send("stop")
        with pytest.raises(Cancelled):
            progress.report("analysis", 1, 4)
