"""A preset that is small enough for tests, and a dataset made with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perse_engine.errors import Cancelled
from perse_engine.vocabulary import Preset
from perse_engine.vocabulary.presets import PRESETS

TINY = Preset("tiny", 64, 3000, ("hair", "eyeglasses"), 1, 8, 8, 3, 1, 60)
_wanted: list[Preset] = []


@contextmanager
def tiny_preset() -> Iterator[Preset]:
    """PRESETS with 'tiny' while any such block runs: those of a package and of one inside it end in any order."""
    _wanted.append(TINY)
    PRESETS["tiny"] = TINY
    try:
        yield TINY
    finally:
        _wanted.pop()
        if not _wanted:
            PRESETS.pop("tiny", None)


@dataclass
class CancelAt:
    """Progress that asks to stop at a step of a stage."""

    stage: str
    step: int
    seen: list[tuple[str, int, int]] = field(default_factory=list)

    def report(self, stage: str, step: int, total_steps: int) -> None:
        """Remember, and stop when it is time."""
        self.seen.append((stage, step, total_steps))
        if stage == self.stage and step >= self.step:
            raise Cancelled("The caller asked to stop.")


def files_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder: its time of change and its bytes."""
    return {
        p.relative_to(folder).as_posix(): (p.stat().st_mtime_ns, p.read_bytes())
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
