"""Numbers behind words: every parameter set of a category can be blended with another, and words can be graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from perse_engine.errors import UnsupportedWish
from perse_engine.vocabulary import VariantSpec

GRADES = {"very": 1.45, "slightly": 0.5}


@dataclass(frozen=True)
class Parameters:
    """Floats only; a category's own class says what each means. In-betweens are straight lines."""

    def blend(self, other: Self, t: float) -> Self:
        """The set at t of the way to another one."""
        mixed = {f.name: _number(self, f.name) * (1 - t) + _number(other, f.name) * t for f in fields(self)}
        return type(self)(**mixed)


Changes = Mapping[str, float]
Table = Mapping[str, Mapping[str, Changes]]
"""slot -> word -> the parameters that it sets."""


def changes(table: Table, spec: VariantSpec, slot: str, neutral: Parameters) -> dict[str, float]:
    """What a slot's word sets; `very-` goes further from neutral, `slightly-` half way, `a-to-b` between the two.

    Raises:
        UnsupportedWish: a word that the table lacks.
    """
    word = spec.slots.get(slot)
    if word is None:
        return {}
    words = table[slot]
    if word in words:
        return dict(words[word])
    first, to, second = word.partition("-to-")
    if to and first in words and second in words:
        names = dict.fromkeys([*words[first], *words[second]])
        ends = [{n: words[w].get(n, _number(neutral, n)) for n in names} for w in (first, second)]
        return {n: (ends[0][n] + ends[1][n]) / 2 for n in names}
    grade, _, plain = word.partition("-")
    if plain in words and grade in GRADES:
        return {
            n: _number(neutral, n) + GRADES[grade] * (value - _number(neutral, n)) for n, value in words[plain].items()
        }
    raise UnsupportedWish(
        f"The procedural editor has no {spec.category} with {slot} {word!r}.", hint=f"It has: {', '.join(words)}."
    )


def _number(parameters: Any, name: str) -> float:
    return float(getattr(parameters, name))
