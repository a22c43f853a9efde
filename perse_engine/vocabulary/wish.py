"""A wish: what a free text asks for in one category, and the variant that answers it.

The id of such a variant holds its slots (`wish-<slot>-<value>-...`), so that it means the same everywhere without being
stored anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from perse_engine.errors import UnsupportedWish
from perse_engine.vocabulary.catalogue import CATALOGUE, VariantSpec, variant_spec, variants_of
from perse_engine.vocabulary.categories import ADDITIVE_CATEGORIES
from perse_engine.vocabulary.words import DEFAULTS, GRADED, NOUNS, REMOVABLE, SAID_AFTER, WORDS

PREFIX = "wish"
PRESENCE, NONE = "presence", "none"
GRADES = ("very", "slightly")
SHADES = ("light", "dark")


@dataclass(frozen=True)
class Wish:
    """Adjectives in one category.

    Attributes:
        slots: slot -> value; {'presence': 'none'} when the category is wished away.
        understood: words of the text that the wish follows from, or that change nothing.
        not_understood: the other words of its part of the text.
    """

    category: str
    slots: Mapping[str, str]
    understood: tuple[str, ...]
    not_understood: tuple[str, ...]

    def to_variant(self) -> VariantSpec:
        """The variant with these slots; the catalogue's own where it has one.

        Raises:
            UnsupportedWish: the wish names the category only, and that says nothing of it.
        """
        slots = in_order(self.category, {**_left_open(self.category, self.slots), **self.slots})
        if not slots:
            raise UnsupportedWish(
                f"The wish does not say how the {self.category} should be.", hint=_hint(self.category)
            )
        same = (v for v in variants_of(self.category) if dict(v.slots) == slots)
        return next(same, None) or _made(self.category, slots)


def find_variant(category: str, id: str) -> VariantSpec | None:
    """The catalogue's variant with this id or the one that a wish's id describes, or None."""
    return variant_spec(category, id) or _read(category, id)


def slot_names(category: str) -> tuple[str, ...]:
    """Every slot of a category, in the order of ids and prompts."""
    own = dict.fromkeys(WORDS[category])
    own.update({s: None for v in variants_of(category) for s in v.slots if s != PRESENCE})
    return tuple(own)


def slot_values(category: str, slot: str) -> tuple[str, ...]:
    """The plain values of a slot: those of the word tables and those of the catalogue."""
    own = dict.fromkeys(WORDS[category].get(slot, {}))
    own.update({v.slots[slot]: None for v in CATALOGUE if v.category == category and slot in v.slots})
    return tuple(own)


def is_value(category: str, slot: str, value: str) -> bool:
    """Whether a value can stand in a slot: a plain one, or a graded, shaded or removed one."""
    plain = slot_values(category, slot)
    if value in plain:
        return True
    if slot == "colour":
        shade, _, rest = value.partition("-")
        return shade in SHADES and rest in plain
    if value == NONE:
        return slot in REMOVABLE.get(category, ())
    if slot not in GRADED.get(category, ()):
        return False
    grade, _, rest = value.partition("-")
    first, to, second = value.partition("-to-")
    return (grade in GRADES and rest in plain) or (bool(to) and first != second and {first, second} <= set(plain))


def said(category: str, slot: str, value: str) -> str:
    """A value as prompts say it."""
    phrases = WORDS[category].get(slot, {}).get(value)
    if phrases:
        return phrases.partition(",")[0].rstrip("!")
    grade, _, rest = value.partition("-")
    if grade in GRADES:
        return f"{grade} {said(category, slot, rest)}"
    return value.replace("-", " ")


def in_order(category: str, slots: Mapping[str, str]) -> dict[str, str]:
    """The slots in the order of `slot_names`."""
    return {s: slots[s] for s in (*slot_names(category), PRESENCE) if s in slots}


def _left_open(category: str, slots: Mapping[str, str]) -> dict[str, str]:
    """Slots that a variant needs; where the category adds things, those of the catalogue's nearest variant."""
    if slots.get(PRESENCE) == NONE:
        return {}
    known = variants_of(category)
    if category in DEFAULTS or category not in ADDITIVE_CATEGORIES or not known:
        return dict(DEFAULTS.get(category, {}))
    nearest = max(known, key=lambda v: len(slots.items() & v.slots.items()))
    return {s: value for s, value in nearest.slots.items() if all(s in v.slots for v in known)}


def _made(category: str, slots: Mapping[str, str]) -> VariantSpec:
    id = "-".join([PREFIX, *(f"{slot}-{value}" for slot, value in slots.items())])
    noun = NOUNS[category].partition(",")[0]
    if slots.get(PRESENCE) == NONE:
        return VariantSpec(category, id, slots, f"a person without {noun}")
    kept = {s: v for s, v in slots.items() if v != NONE}
    before = [said(category, s, v) for s, v in kept.items() if s not in SAID_AFTER]
    after = [said(category, s, v) for s, v in kept.items() if s in SAID_AFTER]
    after += [f"no {_noun_of(category, s)}" for s in slots if slots[s] == NONE]
    return VariantSpec(category, id, slots, "a person with " + ", ".join([" ".join([*before, noun]), *after]))


def _hint(category: str) -> str:
    """Some words of a category."""
    return (
        "Words for it are: " + ", ".join(said(category, s, slot_values(category, s)[0]) for s in WORDS[category]) + "."
    )


def _noun_of(category: str, slot: str) -> str:
    """The slot's first phrase that stands by itself: freckles, wrinkles, smile."""
    phrases = [p for line in WORDS[category][slot].values() for p in line.split(", ")]
    return next(p.rstrip("!") for p in phrases if p.endswith("!"))


def _read(category: str, id: str) -> VariantSpec | None:
    if category not in WORDS or not re.fullmatch(r"wish(-[a-z0-9]+)*", id) or len(id) > 200:
        return None
    names = (*slot_names(category), PRESENCE)
    found = re.fullmatch(PREFIX + "".join(rf"(?:-{name}-(?P<{name}>.+?))?" for name in names), id)
    slots = {s: v for s, v in found.groupdict().items() if v is not None} if found else {}
    if slots == {PRESENCE: NONE} or all(s != PRESENCE and is_value(category, s, v) for s, v in slots.items()):
        return _made(category, slots) if slots else None
    return None
