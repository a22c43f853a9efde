"""Something that is done again and again beside the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()


@contextmanager
def rounds(
    name: str, one: Callable[[], object], every_s: float, first_s: float = 0.0, failed_s: float | None = None
) -> Iterator[None]:
    """Do `one` after `first_s` and then every `every_s`, in a thread, until the end of the block.

    A round that breaks is logged, and the next one comes `failed_s` later where that is given.
    """
    stopping = threading.Event()

    def run() -> None:
        wait_s = first_s
        while not stopping.wait(wait_s):
            wait_s = every_s
            try:
                one()
            except Exception:
                log.exception("rounds.failed", name=name)
                wait_s = every_s if failed_s is None else failed_s

    thread = threading.Thread(target=run, name=f"perse-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(10)
