"""What depends on the person alone is worked out once."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.remembered import remembered


def test_each_subject_is_asked_once_by_all_threads(astronaut_subject: Subject) -> None:
    asked: list[Subject] = []

    @remembered
    def confidence(subject: Subject) -> float:
        asked.append(subject)
        return subject.measures["confidence"]

    other = replace(astronaut_subject, measures={"confidence": 0.25})
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(confidence, [astronaut_subject, other] * 8))
    assert found == [astronaut_subject.measures["confidence"], 0.25] * 8
    assert len(asked) == 2


def test_a_subject_that_nobody_uses_is_forgotten(astronaut_subject: Subject) -> None:
    @remembered
    def faces(subject: Subject) -> int:
        return len(subject.look.faces)

    other = replace(astronaut_subject)
    seen = weakref.ref(other)
    faces(other)
    del other
    gc.collect()
    assert seen() is None
