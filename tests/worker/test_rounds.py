"""Rounds go on when one breaks, and stop at the end of the block."""

from __future__ import annotations

import threading

from tests.servers import wait_until
from worker.rounds import rounds


def test_a_round_that_breaks_is_not_the_last() -> None:
    done: list[int] = []

    def one() -> None:
        done.append(1)
        if len(done) == 1:
            raise OSError("the store is away")

    with rounds("test", one, every_s=0.01):
        wait_until(lambda: len(done) > 2, 60, "more rounds")
    count = len(done)
    assert not [t for t in threading.enumerate() if t.name == "perse-test"] and len(done) == count


def test_the_first_round_waits_as_long_as_it_should() -> None:
    done: list[int] = []
    with rounds("test", lambda: done.append(1), every_s=0.01, first_s=60):
        pass
    assert not done


def test_after_a_failure_the_next_round_comes_later() -> None:
    done: list[int] = []

    def one() -> None:
        done.append(1)
        raise OSError("the broker is away")

    with rounds("test", one, every_s=0.0, failed_s=60):
        wait_until(lambda: bool(done), 60, "a round")
    assert len(done) == 1
