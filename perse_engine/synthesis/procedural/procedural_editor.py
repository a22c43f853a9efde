"""ProceduralEditor: dresses a subject category by category."""

from __future__ import annotations

from collections.abc import Callable

from perse_engine.errors import UnknownName, UnsupportedWish
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.synthesis.procedural.beard import beard
from perse_engine.synthesis.procedural.cloth import cloth
from perse_engine.synthesis.procedural.earrings import earrings
from perse_engine.synthesis.procedural.eyebrows import eyebrows
from perse_engine.synthesis.procedural.eyeglasses import eyeglasses
from perse_engine.synthesis.procedural.hair import hair
from perse_engine.synthesis.procedural.hat import hat
from perse_engine.synthesis.procedural.headphones import headphones
from perse_engine.synthesis.procedural.mouth import mouth
from perse_engine.synthesis.procedural.nose import nose
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.skin import skin
from perse_engine.synthesis.procedural.worn import Worn, one_after_the_other
from perse_engine.synthesis.surfaces import EARLY_WEIGHT, merge_surfaces, sample_surface
from perse_engine.vocabulary import ADDITIVE_CATEGORIES, VariantSpec, find_variant, variant_spec

APPLY: dict[str, Callable[[Outfit, Worn], None]] = {
    # In this order: paint below, then what lies over it.
    "skin": one_after_the_other(skin),
    "eyebrows": one_after_the_other(eyebrows),
    "mouth": one_after_the_other(mouth),
    "nose": one_after_the_other(nose),
    "beard": one_after_the_other(beard),
    "cloth": one_after_the_other(cloth),
    "hair": one_after_the_other(hair),
    "earrings": one_after_the_other(earrings),
    # Nobody wears two of these: variants are mixed into one.
    "eyeglasses": eyeglasses,
    "hat": hat,
    "headphones": headphones,
}

REMOVES = ("beard", "eyebrows", "hair")
"""Categories that a wish can take away."""


class ProceduralEditor:
    """See `AttributeEditor`."""

    def dress(self, subject: Subject, look: Look) -> TexturedRig:
        """The subject at a look; the source look is returned as it is."""
        if look.codes:
            raise UnsupportedWish("The procedural editor makes variants, not codes.")
        outfit = Outfit.of(subject)
        unknown = [c for c in look.categories() if c not in APPLY]
        if unknown:
            raise UnsupportedWish(
                f"The procedural editor cannot edit {', '.join(unknown)}.", hint=f"It can edit: {', '.join(APPLY)}."
            )
        if not look.categories():
            return subject.look
        for category in APPLY:
            weights = look.variants.get(category, {})
            specs = {id: _spec(category, id) for id in weights}
            worn = Worn(tuple((specs[id], weight) for id, weight in weights.items() if weight > 0))
            for spec in worn.specs:
                _check_removal(spec)
            if worn.variants:
                _apply(outfit, category, worn)
        return outfit.finish()

    def added_surface(self, subject: Subject, category: str, variants: tuple[VariantSpec, ...]) -> AddedSurface | None:
        """Points on what the variants add at weight 1."""
        if category not in ADDITIVE_CATEGORIES or category not in APPLY:
            return None
        found: list[AddedSurface] = []
        for index, spec in enumerate(variants):
            early, full = Outfit.of(subject), Outfit.of(subject)
            APPLY[category](early, Worn(((spec, EARLY_WEIGHT),)))
            APPLY[category](full, Worn(((spec, 1.0),)))
            for number, part in enumerate(full.parts):
                same = early.parts[number] if len(early.parts) == len(full.parts) else None
                found.append(sample_surface(part, same, index))
        if not found:
            return None
        return merge_surfaces(found, tuple(spec.id for spec in variants))


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


def _check_removal(spec: VariantSpec) -> None:
    """A portrait without glasses stays without; what the photo shows can only be taken away where skin covers it."""
    if spec.slots.get("presence") == "none" and spec.category not in REMOVES:
        raise UnsupportedWish(
            f"The procedural editor cannot take {spec.category} away.", hint=f"It can take away: {', '.join(REMOVES)}."
        )


def _spec(category: str, id: str) -> VariantSpec:
    spec = find_variant(category, id)
    if spec is None:
        raise UnknownName(f"There is no variant {category}/{id}.", hint="`perse vocabulary` lists them.")
    return spec
