"""What depends on the person alone is worked out once, whatever number of looks a person is dressed in."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

from perse_engine.head.subject import Subject

T = TypeVar("T")


def remembered(function: Callable[[Subject], T]) -> Callable[[Subject], T]:
    """The same function; what it returned is kept as long as the subject is, and must not be changed."""
    known: weakref.WeakKeyDictionary[Subject, T] = weakref.WeakKeyDictionary()
    lock = threading.Lock()

    @functools.wraps(function)
    def of(subject: Subject) -> T:
        # Threads that dress one person at once wait for each other rather than working out the same.
        with lock:
            if subject not in known:
                known[subject] = function(subject)
            return known[subject]

    return of
