"""Text to code without training: the codes of the nearest trained variants, blended by how near their words are.

A variant's descriptor is its slots. Distances are 0..1 per slot: colours by how far apart they look, graded words by
their place in the vocabulary, other words are the same or not. The answer says how far it had to reach; what is too far
is said and not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.latent import CODE_SIZE
from perse_engine.errors import UnsupportedWish
from perse_engine.scene import FloatArray
from perse_engine.synthesis.procedural import colours
from perse_engine.vocabulary import VariantSpec, find_variant
from perse_engine.vocabulary.wish import GRADES, slot_values
from perse_engine.vocabulary.words import GRADED

KERNEL = 0.25
"""Distance at which a variant's part in the blend falls to exp(-1)."""
FARTHEST = 0.25
"""Distance to the nearest trained variant beyond which nothing is guessed. Of 21 wishes put to a draft avatar every one
nearer than this came out nearer to its picture than the source look; farther off, some came out worse."""
ANOTHER_GRADE = 0.15
"""Distance between a word and the same word graded."""
COLOUR_RANGE = 0.6
"""sRGB distance at which two colours count as altogether different."""
TABLES: Mapping[str, dict[str, colours.Colour]] = {
    "hair": colours.HAIR, "beard": colours.HAIR, "eyebrows": colours.HAIR, "mouth": colours.LIPS,
    "cloth": colours.CLOTH, "hat": colours.CLOTH, "eyeglasses": colours.FRAMES, "headphones": colours.HEADPHONES,
}  # fmt: skip


@dataclass(frozen=True)
class Guess:
    """A code [32]; parts: trained variant -> weight, they sum to 1; distance 0..1 of the nearest one's words;
    confidence = exp(-(distance / KERNEL)^2)."""

    code: FloatArray
    parts: Mapping[str, float]
    distance: float
    confidence: float


def guess(avatar: Avatar, spec: VariantSpec) -> Guess:
    """The code of a variant that the avatar was not trained on.

    Raises:
        UnsupportedWish: nothing that the category was trained on is near; see FARTHEST.
    """
    out = nearest_blend(avatar, spec)
    if out is None or out.distance > FARTHEST:
        known = ", ".join(avatar.variants().get(spec.category, ())) or "none"
        raise UnsupportedWish(
            f"No variant of {spec.category} that this avatar knows is near {spec.prompt!r}.",
            hint=f"It knows: {known}. Use the method adapter, which learns it.",
        )
    return out


def nearest_blend(avatar: Avatar, spec: VariantSpec) -> Guess | None:
    """As `guess`, however far it is; None where the category has no variants that words describe."""
    model = avatar.categories.get(spec.category)
    added = {one.variant for one in avatar.added if one.category == spec.category}
    near: dict[str, float] = {}
    for id in () if model is None else model.codes:
        known = find_variant(spec.category, id)
        # The code of an added variant alone does not make it.
        if known is not None and id not in added and id != spec.id:
            near[id] = distance(spec, known)
    if model is None or not near:
        return None
    least = min(near.values())
    force = {id: float(np.exp(-(d**2 - least**2) / KERNEL**2)) for id, d in near.items()}
    parts = {id: f / sum(force.values()) for id, f in force.items()}
    code = np.zeros(CODE_SIZE, np.float32)
    for id, part in parts.items():
        code += np.float32(part) * model.codes[id]
    return Guess(code, parts, least, float(np.exp(-((least / KERNEL) ** 2))))


def distance(a: VariantSpec, b: VariantSpec) -> float:
    """How different two variants of a category are, 0..1: the mean over the slots that either has."""
    slots = dict.fromkeys([*a.slots, *b.slots])
    return float(np.mean([_apart(a.category, s, a.slots.get(s, ""), b.slots.get(s, "")) for s in slots]))


def _apart(category: str, slot: str, a: str, b: str) -> float:
    if a == b:
        return 0.0
    if slot == "colour" and a and b:
        first, second = (_colour(category, word) for word in (a, b))
        if first is not None and second is not None:
            return min(1.0, float(np.linalg.norm(np.subtract(first, second))) / COLOUR_RANGE)
    places = slot_values(category, slot)
    if slot in (*GRADED.get(category, ()), "length") and a and b:
        x, y = (_place(places, word) for word in (a, b))
        if x is not None and y is not None:
            return min(1.0, max(ANOTHER_GRADE, abs(x - y) / max(len(places) - 1, 1)))
    return 1.0


def _colour(category: str, word: str) -> colours.Colour | None:
    try:
        return colours.colour(TABLES.get(category, {}), word, category)
    except UnsupportedWish:
        return None


def _place(places: tuple[str, ...], word: str) -> float | None:
    grade, _, plain = word.partition("-")
    plain = plain if grade in GRADES else word
    return float(places.index(plain)) if plain in places else None
