"""How long the parts of running code take, without changing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

Owned = tuple[str, object, str]
"""A part, and a function that belongs to it: its module or class, and its name there."""


class PartTimer:
    """Own time of functions: what they call and is timed too does not count twice."""

    def __init__(self) -> None:
        self._inner: list[float] = []
        self._seconds: dict[str, float] = {}

    @contextmanager
    def on(self, parts: Sequence[Owned]) -> Iterator[None]:
        """Time these functions wherever they are called."""
        with ExitStack() as stack:
            for part, owner, name in parts:
                stack.enter_context(patch.object(owner, name, self._timed(part, getattr(owner, name))))
            yield

    def run(self, parts: Sequence[Owned], work: Callable[[], object]) -> dict[str, float]:
        """Seconds of each part while `work` runs, and of the "whole"."""
        self._seconds = dict.fromkeys((part for part, _, _ in parts), 0.0)
        start = time.perf_counter()
        work()
        return self._seconds | {"whole": time.perf_counter() - start}

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **keywords: Any) -> Any:
            self._inner.append(0.0)
            start = time.perf_counter()
            try:
                return function(*arguments, **keywords)
            finally:
                passed = time.perf_counter() - start
                self._seconds[part] = self._seconds.get(part, 0.0) + passed - self._inner.pop()
                if self._inner:
                    self._inner[-1] += passed

        return timed
