"""What a look wears of one category: variants and their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.vocabulary import VariantSpec


@dataclass(frozen=True)
class Worn:
    """Variants of one category with weights above 0."""

    variants: tuple[tuple[VariantSpec, float], ...]

    @property
    def weight(self) -> float:
        """Of all together: how far an object is put on, whatever its shape."""
        return sum(weight for _, weight in self.variants)

    @property
    def specs(self) -> tuple[VariantSpec, ...]:
        """The variants alone."""
        return tuple(spec for spec, _ in self.variants)

    def mean(self, value: Callable[[VariantSpec], Any]) -> Any:
        """The mean of a number or array of every variant, by weight; of one variant exactly its own."""
        return sum(weight / self.weight * value(spec) for spec, weight in self.variants)


def one_after_the_other(apply: Callable[[Outfit, VariantSpec, float], None]) -> Callable[[Outfit, Worn], None]:
    """Dress with each variant on top of the one before, for what can be seen through or lies side by side."""

    def dress(outfit: Outfit, worn: Worn) -> None:
        for spec, weight in worn.variants:
            apply(outfit, spec, weight)

    return dress
