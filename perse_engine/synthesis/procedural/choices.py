"""Choosing by a slot's word, or saying what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from perse_engine.errors import UnsupportedWish
from perse_engine.vocabulary import VariantSpec

T = TypeVar("T")


def chosen(table: Mapping[str, T], spec: VariantSpec, slot: str) -> T:
    """What a variant's slot means."""
    word = spec.slots.get(slot, "")
    if word not in table:
        raise UnsupportedWish(
            f"The procedural editor has no {spec.category} of {slot} {word!r}.",
            hint=f"It has: {', '.join(sorted(table))}.",
        )
    return table[word]
