"""DiffusionEditor: the procedural editor's shapes with the textures that edited pictures show.

It needs no model: pictures were made before (`make_edits`), so a dataset can be drawn again, at any weight, anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np

from perse_engine.errors import UnknownName, UnsupportedWish
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.synthesis.learned.edits import EditFolder, between_name
from perse_engine.synthesis.learned.masks import geometry_mask
from perse_engine.synthesis.learned.paint import Paint, apply_paint, mixed, paint_from
from perse_engine.synthesis.plan import BETWEEN_STEPS
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.hiding import hidden
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.procedural_editor import APPLY
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import VariantSpec, find_variant, variant_spec

KEPT_PAINTS = 12
"""Paints in memory; one is about 20 MB."""


class DiffusionEditor:
    """See `AttributeEditor`. Thread-safe; serves one subject."""

    def __init__(self, subject: Subject, edits: EditFolder) -> None:
        self._subject, self._edits = subject, edits
        self._procedural = ProceduralEditor()
        self._paints: dict[tuple[str, str], Paint] = {}
        self._shapes: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def dress(self, subject: Subject, look: Look) -> TexturedRig:
        """See `AttributeEditor`; between the weights that have pictures, textures are interpolated.

        Raises:
            UnknownName: a variant without an accepted picture.
            UnsupportedWish: the look has codes.
        """
        if look.codes:
            raise UnsupportedWish("The diffusion editor makes variants, not codes.")
        return self._dressed(Outfit.of(subject), look) if look.categories() else subject.look

    def hides(self, subject: Subject, look: Look, dressed: TexturedRig) -> FloatArray:
        """See `AttributeEditor`."""
        return hidden(subject, look, dressed, lambda outfit: self._dressed(outfit, look))

    def _dressed(self, outfit: Outfit, look: Look) -> TexturedRig:
        for category in APPLY:
            weights = {id: w for id, w in look.variants.get(category, {}).items() if w > 0}
            if weights:
                self._wear(outfit, category, weights)
        return outfit.finish()

    def added_surface(
        self, subject: Subject, category: str, variants: tuple[VariantSpec, ...], beside: tuple[VariantSpec, ...] = ()
    ) -> AddedSurface | None:
        """The procedural editor's: shapes are its own. None for variants that it cannot make."""
        made, others = (tuple(v for v in some if self._has_shape(v)) for some in (variants, beside))
        return self._procedural.added_surface(subject, category, made, others) if made else None

    def _wear(self, outfit: Outfit, category: str, weights: Mapping[str, float]) -> None:
        first = len(outfit.parts)
        self._shape(outfit, category, weights)
        is_way = len(weights) == 2 and abs(sum(weights.values()) - 1) < 1e-6
        together = between_name(weights) if is_way else ""
        if together and self._edits.picture_path(category, together).exists():
            apply_paint(outfit, self._paint(category, together, weights), 1.0, first)
            return
        for id, weight in weights.items():
            apply_paint(outfit, self._paint_at(category, id, weight), 1.0, first)

    def _shape(self, outfit: Outfit, category: str, weights: Mapping[str, float]) -> None:
        specs = {id: _spec(category, id) for id in weights}
        worn = Worn(tuple((spec, weights[id]) for id, spec in specs.items() if self._has_shape(spec)))
        if worn.variants:
            APPLY[category](outfit, worn)

    def _has_shape(self, spec: VariantSpec) -> bool:
        """Whether the procedural editor can make it; if not, only the texture changes."""
        if variant_spec(spec.category, spec.id) is not None:
            return True
        # Wishes have words that no table of shapes knows.
        key = (spec.category, spec.id)
        if key not in self._shapes:
            try:
                self._procedural.dress(self._subject, Look({spec.category: {spec.id: 1.0}}))
                self._shapes[key] = True
            except UnsupportedWish:
                self._shapes[key] = False
        return self._shapes[key]

    def _paint_at(self, category: str, id: str, weight: float) -> Paint:
        """The paint of one variant at a weight, between the nearest two that have pictures."""
        steps = {t: between_name({id: t}) for t in BETWEEN_STEPS} | {1.0: id}
        known = [t for t, name in steps.items() if self._edits.picture_path(category, name).exists()]
        if 1.0 not in known:
            raise UnknownName(f"There is no accepted picture of {category}/{id}.", hint="See edits/ of the dataset.")
        above = min(t for t in known if t >= weight)
        below = max((t for t in known if t < weight), default=0.0)
        high = self._paint(category, steps[above], {id: above})
        if weight == above:
            return high
        low = self._paint(category, steps[below], {id: below}) if below else _nothing_of(high)
        return mixed(low, high, (weight - below) / (above - below))

    def _paint(self, category: str, name: str, weights: Mapping[str, float]) -> Paint:
        """The paint of an edit's picture."""
        key = (category, name)
        with self._lock:
            if key in self._paints:
                return self._paints[key]
        picture, mask = self._edits.picture(category, name), self._edits.mask(category, name)
        if picture is None:
            raise UnknownName(f"There is no accepted picture of {category}/{name}.", hint="See edits/ of the dataset.")
        outfit = Outfit.of(self._subject)
        self._shape(outfit, category, weights)
        if name not in weights and outfit.parts:
            # What is only coming is not yet where the picture of the way shows it fading in.
            mask = np.minimum(mask, geometry_mask(self._subject, category, outfit.finish()))
        paint = paint_from(self._subject, outfit, category, picture, mask)
        with self._lock:
            while len(self._paints) >= KEPT_PAINTS:
                self._paints.pop(next(iter(self._paints)))
            self._paints[key] = paint
        return paint


def _nothing_of(paint: Paint) -> Paint:
    return Paint(
        0 * paint.base,
        0 * paint.covered,
        {n: 0 * d for n, d in paint.charts.items()},
        tuple(0 * p for p in paint.parts),
    )


def _spec(category: str, id: str) -> VariantSpec:
    spec = find_variant(category, id)
    if spec is None:
        raise UnknownName(f"There is no variant {category}/{id}.", hint="`perse vocabulary` lists them.")
    return spec
