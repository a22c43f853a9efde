"""Look: per category a weighted set of variants or a raw code.

z_c = z_source + sum_k w_k (z_k - z_source),   w_k in 0..1, sum <= 1
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.vocabulary import CATEGORIES


@dataclass(frozen=True)
class Look:
    """What the avatar wears and how its features are; empty is the source look.

    Attributes:
        variants: category -> variant id -> weight.
        codes: category -> code (as many floats as the avatar's codes have); excludes `variants` of that category.
    """

    variants: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    codes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for category in (*self.variants, *self.codes):
            if category not in CATEGORIES:
                raise UnknownName(f"There is no category {category!r}.", hint=f"Categories: {', '.join(CATEGORIES)}.")
        for category in set(self.variants) & set(self.codes):
            raise InvalidValue(f"Look gives both variants and a code for {category}; give one of them.")
        for category, weights in self.variants.items():
            if any(not 0.0 <= w <= 1.0 for w in weights.values()) or sum(weights.values()) > 1.0 + 1e-6:
                raise InvalidValue(f"Weights of {category} must lie in 0..1 and sum to at most 1: {dict(weights)}.")
        for category, code in self.codes.items():
            if not all(math.isfinite(x) for x in code):
                raise InvalidValue(f"The code of {category} holds a number that is not finite.")

    def categories(self) -> tuple[str, ...]:
        """Categories that differ from the source, in the order of CATEGORIES."""
        on = {c for c, weights in self.variants.items() if any(weights.values())} | set(self.codes)
        return tuple(c for c in CATEGORIES if c in on)

    def to_json(self) -> dict[str, object]:
        """The API's form: {category: {variant: weight}} or {category: {"code": [...]}}."""
        out: dict[str, object] = {c: dict(weights) for c, weights in self.variants.items()}
        out.update({c: {"code": list(code)} for c, code in self.codes.items()})
        return out

    @staticmethod
    def from_json(value: Mapping[str, Mapping[str, object]]) -> Look:
        """Read the API's form; the opposite of `to_json`."""
        variants: dict[str, dict[str, float]] = {}
        codes: dict[str, tuple[float, ...]] = {}
        for category, entry in value.items():
            code = entry.get("code")
            if isinstance(code, list | tuple):
                codes[category] = tuple(float(x) for x in code)
            else:
                variants[category] = {k: float(w) for k, w in entry.items()}  # type: ignore[arg-type]
        return Look(variants, codes)

    @staticmethod
    def parse(words: Iterable[str]) -> Look:
        """Read `category=variant:weight` words; the weight is 1 when absent."""
        variants: dict[str, dict[str, float]] = {}
        for word in words:
            category, equals, rest = word.partition("=")
            variant, _, weight = rest.partition(":")
            if not equals or not variant:
                raise InvalidValue(
                    f"Cannot read look {word!r}.", hint="Write category=variant or category=variant:0.7."
                )
            try:
                variants.setdefault(category, {})[variant] = float(weight or 1.0)
            except ValueError:
                raise InvalidValue(f"The weight in look {word!r} is not a number.") from None
        return Look(variants)
