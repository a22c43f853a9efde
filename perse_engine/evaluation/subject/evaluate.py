"""Portraits to rows: each file, and what the variations make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from perse_engine.errors import EngineError, InvalidValue
from perse_engine.evaluation.subject.protocol import NOTHING, Brought, Failure, Row, measure_subject
from perse_engine.evaluation.subject.variations import VARIATIONS
from perse_engine.head.build import build_subject
from perse_engine.head.subject import Subject
from perse_engine.portrait.analyse import analyse_portrait
from perse_engine.portrait.decode import decode_portrait
from perse_engine.portrait.portrait import Portrait, PortraitAnalysis

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

OnSubject = Callable[[Row, Subject, PortraitAnalysis], None]
"""Called with every subject that could be built, for pictures of it."""


def portrait_files(path: Path) -> list[Path]:
    """The portraits of a folder, sorted by name, or the one file.

    Raises:
        InvalidValue: a folder without any.
    """
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    if not files:
        raise InvalidValue("The folder holds no portrait.", hint=f"Portraits end in {', '.join(SUFFIXES)}.")
    return files


def evaluate_portrait(
    name: str,
    data: bytes,
    *,
    variations: bool = False,
    brought: Brought = NOTHING,
    on_subject: OnSubject | None = None,
) -> Iterator[Row]:
    """A portrait's row, and one more for each variation of it."""
    try:
        portrait = decode_portrait(data)
    except EngineError as error:
        yield Row(name, "", failure=Failure.of(error))
        return
    row, built = _row(name, "", portrait, brought, on_subject)
    yield row
    if not variations or built is None:
        return
    subject, analysis = built
    for variation, make in VARIATIONS.items():
        try:
            changed = Portrait(make(analysis, subject))
        except EngineError as error:
            yield Row(name, variation, failure=Failure.of(error))
            continue
        yield _row(name, variation, changed, brought, on_subject)[0]


def _row(
    name: str, variation: str, portrait: Portrait, brought: Brought, on_subject: OnSubject | None
) -> tuple[Row, tuple[Subject, PortraitAnalysis] | None]:
    analysis: PortraitAnalysis | None = None
    try:
        analysis = analyse_portrait(portrait)
        subject = build_subject(analysis, brought.flame)
        measures = measure_subject(subject, analysis, brought)
    except EngineError as error:
        if analysis is None:
            return Row(name, variation, failure=Failure.of(error)), None
        return Row(name, variation, analysis.confidence, _codes(analysis), failure=Failure.of(error)), None
    row = Row(name, variation, analysis.confidence, _codes(analysis), measures)
    if on_subject:
        on_subject(row, subject, analysis)
    return row, (subject, analysis)


def _codes(analysis: PortraitAnalysis) -> tuple[str, ...]:
    return tuple(w.code for w in analysis.warnings)
