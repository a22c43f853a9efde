"""Recipe: what to build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.vocabulary import CATEGORIES, PRESETS, Preset, VariantSpec, find_variant, variants_of


@dataclass(frozen=True)
class Recipe:
    """Everything that decides an avatar beside the portrait; equal recipes and portraits give equal avatars.

    Attributes:
        preset: a name of PRESETS.
        variants: (category, variant id) pairs to synthesise, in order.
        editor: 'procedural' (a diffusion editor is a later backend).
        animator: 'rig'.
        rasterizer: 'auto', 'cpu', 'gsplat' or 'reference'.
    """

    preset: str
    variants: tuple[tuple[str, str], ...]
    editor: str = "procedural"
    animator: str = "rig"
    rasterizer: str = "auto"
    seed: int = 0

    @staticmethod
    def of(
        preset: str = "draft",
        *,
        categories: tuple[str, ...] | None = None,
        variants: tuple[tuple[str, str], ...] = (),
        editor: str = "procedural",
        animator: str = "rig",
        rasterizer: str = "auto",
        seed: int = 0,
    ) -> Recipe:
        """The recipe of a preset, narrowed to `categories`, with `variants` added to the preset's own."""
        if preset not in PRESETS:
            raise UnknownName(f"There is no preset {preset!r}.", hint=f"Presets: {', '.join(PRESETS)}.")
        size = PRESETS[preset]
        wanted = size.categories if categories is None else categories
        for category in wanted:
            if category not in CATEGORIES:
                raise UnknownName(f"There is no category {category!r}.", hint=f"Categories: {', '.join(CATEGORIES)}.")
            if not variants_of(category):
                raise UnknownName(f"The catalogue has no variants of {category} yet.")
        for category, id in variants:
            if find_variant(category, id) is None:
                raise UnknownName(f"There is no variant {category}/{id}.", hint="`perse vocabulary` lists them.")
        own = tuple((c, v.id) for c in wanted for v in variants_of(c)[: size.variants_per_category])
        for name, value, allowed in (
            ("editor", editor, ("procedural",)),
            ("animator", animator, ("rig",)),
            ("rasterizer", rasterizer, ("auto", "cpu", "gsplat", "reference")),
        ):
            if value not in allowed:
                raise UnknownName(f"There is no {name} {value!r}.", hint=f"Choose from: {', '.join(allowed)}.")
        if not 0 <= seed < 2**32:
            raise InvalidValue(f"seed is {seed}; it must lie in 0..2^32-1.")
        return Recipe(preset, tuple(dict.fromkeys(own + variants)), editor, animator, rasterizer, seed)

    def size(self) -> Preset:
        """The preset's numbers."""
        return PRESETS[self.preset]

    def specs(self) -> tuple[VariantSpec, ...]:
        """The catalogue entries of `variants`."""
        found = (find_variant(c, i) for c, i in self.variants)
        return tuple(v for v in found if v is not None)

    def to_json(self) -> dict[str, object]:
        """Plain JSON."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, object]) -> Recipe:
        """The opposite of `to_json`."""
        fields = dict(value)
        fields["variants"] = tuple((str(c), str(i)) for c, i in fields["variants"])  # type: ignore[attr-defined]
        return Recipe(**fields)  # type: ignore[arg-type]

    def fingerprint(self) -> str:
        """SHA-256 of the recipe and its preset's numbers; a checkpoint is only resumed under the same one."""
        text = json.dumps([self.to_json(), asdict(self.size())], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
