"""ProceduralEditor: dresses a subject category by category."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from perse_engine.errors import UnknownName, UnsupportedWish
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.head.tubes import AWAY
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.synthesis.plan import BETWEEN_STEPS
from perse_engine.synthesis.procedural.beard import beard
from perse_engine.synthesis.procedural.cloth import cloth
from perse_engine.synthesis.procedural.earrings import earrings
from perse_engine.synthesis.procedural.eyebrows import eyebrows
from perse_engine.synthesis.procedural.eyeglasses import eyeglasses
from perse_engine.synthesis.procedural.hair import hair
from perse_engine.synthesis.procedural.hat import hat
from perse_engine.synthesis.procedural.headphones import headphones
from perse_engine.synthesis.procedural.hiding import hidden
from perse_engine.synthesis.procedural.mouth import mouth
from perse_engine.synthesis.procedural.nose import nose
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.skin import skin
from perse_engine.synthesis.procedural.worn import Worn, one_after_the_other
from perse_engine.synthesis.surfaces import (
    SPACING_M,
    THIN_SPACING_M,
    Shape,
    merge_surfaces,
    sample_surface,
    shared_shapes,
)
from perse_engine.vocabulary import ADDITIVE_CATEGORIES, THIN_CATEGORIES, VariantSpec, find_variant, variant_spec

APPLY: dict[str, Callable[[Outfit, Worn], None]] = {
    # In this order: paint below, then what lies over it.
    "skin": one_after_the_other(skin),
    "eyebrows": one_after_the_other(eyebrows),
    "mouth": one_after_the_other(mouth),
    "nose": one_after_the_other(nose),
    "beard": one_after_the_other(beard),
    # Nobody wears two of some: variants are mixed into one.
    "cloth": cloth,
    "hair": hair,
    "earrings": earrings,
    "eyeglasses": eyeglasses,
    "hat": hat,
    "headphones": headphones,
}

MIXED = ("cloth", "earrings", "eyeglasses", "hat", "headphones")
"""Categories of which one object is worn: between two variants it has a shape between theirs."""
WAY_WEIGHTS, TAIL_WEIGHTS = (0.125, *BETWEEN_STEPS), (0.35,)
"""At which parts are looked at to see how they come to where they are at 1; the latter is of what is not mixed: tails
of hair grow along their own length."""
PUSHED_BY = {"hair": "hat"}
REMOVES = ("beard", "eyebrows", "hair")
"""Categories that a wish can take away."""


class ProceduralEditor:
    """See `AttributeEditor`."""

    def dress(self, subject: Subject, look: Look) -> TexturedRig:
        """The subject at a look; the source look is returned as it is."""
        if look.codes:
            raise UnsupportedWish("The procedural editor makes variants, not codes.")
        return self._dressed(Outfit.of(subject), look) if look.categories() else subject.look

    def hides(self, subject: Subject, look: Look, dressed: TexturedRig) -> FloatArray:
        """See `AttributeEditor`."""
        return hidden(subject, look, dressed, lambda outfit: self._dressed(outfit, look))

    def _dressed(self, outfit: Outfit, look: Look) -> TexturedRig:
        unknown = [c for c in look.categories() if c not in APPLY]
        if unknown:
            raise UnsupportedWish(
                f"The procedural editor cannot edit {', '.join(unknown)}.", hint=f"It can edit: {', '.join(APPLY)}."
            )
        for category in APPLY:
            weights = look.variants.get(category, {})
            specs = {id: _spec(category, id) for id in weights}
            worn = Worn(tuple((specs[id], weight) for id, weight in weights.items() if weight > 0))
            for spec in worn.specs:
                _check_removal(spec, outfit.subject)
            if worn.variants:
                _apply(outfit, category, worn)
        return outfit.finish()

    def added_surface(
        self, subject: Subject, category: str, variants: tuple[VariantSpec, ...], beside: tuple[VariantSpec, ...] = ()
    ) -> AddedSurface | None:
        """Points on what the variants add at weight 1."""
        if category not in ADDITIVE_CATEGORIES or category not in APPLY:
            return None
        pushers = tuple(spec for spec in beside if spec.category == PUSHED_BY.get(category))
        dressed = [_shapes(subject, variants, index, pushers) for index in range(len(variants))]
        groups = shared_shapes(dressed) if category in MIXED else [[shape] for own in dressed for shape in own]
        if not groups:
            return None
        spacing_m = THIN_SPACING_M if category in THIN_CATEGORIES else SPACING_M
        surface = merge_surfaces(
            [sample_surface(group, len(variants), spacing_m) for group in groups], tuple(spec.id for spec in variants)
        )
        return replace(surface, pushers=tuple(f"{spec.category}/{spec.id}" for spec in pushers))


def _shapes(
    subject: Subject, variants: tuple[VariantSpec, ...], index: int, pushers: tuple[VariantSpec, ...]
) -> list[Shape]:
    """The parts that a variant adds."""
    spec = variants[index]
    full = _parts(subject, (spec, 1.0))
    lower = {w: _parts(subject, (spec, w)) for w in (WAY_WEIGHTS if spec.category in MIXED else TAIL_WEIGHTS)}
    is_same = all(len(parts) == len(full) for parts in lower.values())
    beside: dict[int, list[AddedPart]] = {}
    if spec.category not in MIXED and any(part.appears is not None for part in full):
        # Its own parts come first.
        others = ((k, other) for k, other in enumerate(variants) if k != index)
        beside = {k: _parts(subject, (spec, 0.5), (other, 0.5)) for k, other in others}
    pushed = [_parts(subject, (spec, 1.0), beneath=pusher) for pusher in pushers] if full else []
    return [
        Shape(
            part,
            {w: parts[k] for w, parts in lower.items()} if is_same else {},
            index,
            {other: parts[k] for other, parts in beside.items()},
            tuple(parts[k].vertices - part.vertices for parts in pushed),
        )
        for k, part in enumerate(full)
    ]


def _parts(subject: Subject, *worn: tuple[VariantSpec, float], beneath: VariantSpec | None = None) -> list[AddedPart]:
    """What is added, the parts of what is worn first; as it is `beneath` another category's variant."""
    outfit = Outfit.of(subject, casts_shadows=False)
    APPLY[worn[0][0].category](outfit, Worn(worn))
    if beneath is not None:
        APPLY[beneath.category](outfit, Worn(((beneath, 1.0),)))
    return outfit.parts


def _apply(outfit: Outfit, category: str, worn: Worn) -> None:
    try:
        APPLY[category](outfit, worn)
    except KeyError as missing:
        # Wishes have words that no table of shapes knows; the catalogue's variants must not.
        if all(variant_spec(spec.category, spec.id) is not None for spec in worn.specs):
            raise
        raise UnsupportedWish(
            f"The procedural editor cannot make this {category}: {missing.args[0]!r}.",
            hint="`perse vocabulary` lists what it can make.",
        ) from missing


def _check_removal(spec: VariantSpec, subject: Subject) -> None:
    """What the photo shows can only be taken away where skin covers it, or where it is an object of its own."""
    removes = (*REMOVES, "eyeglasses") if AWAY in subject.edit_shapes else REMOVES
    if spec.slots.get("presence") == "none" and spec.category not in removes:
        raise UnsupportedWish(
            f"The procedural editor cannot take {spec.category} away.", hint=f"It can take away: {', '.join(removes)}."
        )


def _spec(category: str, id: str) -> VariantSpec:
    spec = find_variant(category, id)
    if spec is None:
        raise UnknownName(f"There is no variant {category}/{id}.", hint="`perse vocabulary` lists them.")
    return spec
