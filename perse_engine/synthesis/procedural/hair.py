"""Hair: colour by paint that keeps strands and light, cut and volume by moving the scalp, length by added strands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import UnsupportedWish
from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.colours import HAIR, colour
from perse_engine.synthesis.procedural.hair_curtain import curtain
from perse_engine.synthesis.procedural.hair_cut import afro, buzz, curls, short, waves
from perse_engine.synthesis.procedural.hair_pieces import braids, bun, ponytail
from perse_engine.synthesis.procedural.hair_region import dyeable, hair_region
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.synthesis.procedural.shaven import bald
from perse_engine.synthesis.procedural.worn import Worn

Array = npt.NDArray[Any]
Styling = Callable[[Outfit, float], None]

LENGTH_M = {"chin": 0.035, "shoulder": 0.13, "long": 0.20, "waist": 0.30}
"""Below the height of the mouth."""
CUTS: dict[str, Styling] = {"buzz": buzz, "short": short}
TEXTURES: dict[str, Styling] = {"curly": curls, "wavy": waves}
STYLES: dict[str, Styling] = {"afro": afro, "bun": bun, "ponytail": ponytail, "braided": braids}
EVERY = 5
"""Of so many texels one tells what is typical."""
LIGHT_HAIR, WHITEST, SHOULDER, FADES = 79.0, 95.0, 1.2, 0.45
"""L* of the middle of white hair and of its lights, how far up these keep their contrast, and how much less colour
they have."""
WHITE, DEEPEST, WHITE_DEEPEST, WHITE_SOFTER = (66.0, 79.0), 300.0, 26.0, 0.4
"""L* of the middle from which on hair counts as white, how much darker shadows get, in L*, and how much softer."""
GATHERED = ("bun", "ponytail", "braided")
"""Styles that hold long hair together, so that none hangs loose."""


def hair(outfit: Outfit, worn: Worn) -> None:
    """Recolour, cut, texture, style and lengthen; of several variants one after the other, in one mixed colour.

    Raises:
        UnsupportedWish: hair is wanted on a bald head, or a word that has no shape here.
    """
    grown = [(spec.slots, weight) for spec, weight in worn.variants if spec.slots.get("presence") != "none"]
    if grown and outfit.subject.measures["is_bald"]:
        raise UnsupportedWish("The procedural editor cannot grow hair on a head without any.")
    for slots, _ in grown:
        _refuse_unknown("length", _length(slots), ("source-length", *CUTS, *LENGTH_M))
        _refuse_unknown("texture", _texture(slots), ("straight", *TEXTURES))
        _refuse_unknown("style", slots.get("style", ""), ("", *STYLES))
    dyes = [(colour(HAIR, slots["colour"], "hair"), weight) for slots, weight in grown if "colour" in slots]
    if dyes:
        _recolour(outfit, dyes)
    for slots, weight in grown:
        _style(outfit, slots, weight)
    for spec, weight in worn.variants:
        if spec.slots.get("presence") == "none":
            bald(outfit, weight)


def _length(slots: Mapping[str, str]) -> str:
    return slots.get("length", "source-length")


def _texture(slots: Mapping[str, str]) -> str:
    return slots.get("texture", "straight")


def _style(outfit: Outfit, slots: Mapping[str, str], weight: float) -> None:
    length, texture, style = _length(slots), _texture(slots), slots.get("style", "")
    if style in GATHERED:
        short(outfit, 0.7 * weight)
    elif length in CUTS:
        CUTS[length](outfit, weight)
    if texture in TEXTURES and style != "afro" and length != "buzz":
        TEXTURES[texture](outfit, weight)
    if style:
        STYLES[style](outfit, weight)
    if length in LENGTH_M and style not in GATHERED and style != "afro":
        outfit.parts.append(curtain(outfit, LENGTH_M[length], texture, weight))


def _refuse_unknown(slot: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        names = ", ".join(k for k in known if k)
        raise UnsupportedWish(f"The procedural editor has no hair {slot} {word!r}.", hint=f"It has: {names}.")


def _recolour(outfit: Outfit, dyes: Sequence[tuple[tuple[float, float, float], float]]) -> None:
    """Dye with every tone (sRGB), each by its weight."""
    worn = sum(weight for _, weight in dyes)
    maps = outfit.subject.texel_maps
    region = hair_region(outfit.subject)
    lab = to_lab(outfit.head)
    sure = region > 0.9
    known = lab[sure][::EVERY] if sure.any() else lab.reshape(-1, 3)[::EVERY]
    reference = np.median(known, 0)
    brightest = max(float(np.quantile(known[:, 0], 0.98)) - float(reference[0]), 1.0)

    def dyed(own: Array, tone: tuple[float, float, float]) -> Array:
        target = lab_of(tone)
        middle = min(float(target[0]), LIGHT_HAIR)
        contrast = float(np.clip(np.clip(middle / max(reference[0], 8), 0.35, 1.6), 0.5, 1.1))
        # Lights are what the photo's hair has, as far as there is room for them: strands end where white does.
        room, lit = WHITEST - middle, own[..., 0] > reference[0]
        # White hair lets light through: it has no black shadows.
        white = float(smoothstep(middle, *WHITE))
        depth = DEEPEST + (WHITE_DEEPEST - DEEPEST) * white
        shadows = contrast * (1 - WHITE_SOFTER * white)
        most = np.where(lit, np.float32(room), np.float32(depth))
        steep = np.where(lit, min(contrast, SHOULDER * room / brightest) / room, shadows / depth).astype(np.float32)
        lightness = np.clip(middle + most * np.tanh(steep * (own[..., 0] - reference[0])), 0, 98)
        # Strong colours fade in highlights and shadows as dyed hair does.
        strength = np.clip(lightness * (1 / max(middle, 5.0)), 0.3, 1.0)
        strength *= 1 - FADES * np.clip((lightness - middle) * (1 / room), 0, 1)
        # A little of the photo's own hue: neutral white beside warm skin looks blue.
        chroma = [target[c] * strength + 0.25 * own[..., c] - 0.13 * reference[c] for c in (1, 2)]
        return np.stack([lightness, *chroma], -1)

    def change(own: Array) -> Array:
        return np.asarray(sum(weight / worn * dyed(own, tone) for tone, weight in dyes))

    dark = smoothstep(float(np.median(lab[..., 0][region < 0.1][::EVERY])) - lab[..., 0], 6, 22)
    outfit.recolour(np.maximum(dyeable(outfit.subject), 0.6 * maps["eyebrows"] * dark) * min(worn, 1.0), change)
