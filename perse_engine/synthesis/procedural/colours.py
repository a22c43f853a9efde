"""What colour words mean, sRGB 0..1. Chosen by eye."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import UnsupportedWish

Array = npt.NDArray[Any]
Colour = tuple[float, float, float]

HAIR: dict[str, Colour] = {
    "black": (0.06, 0.05, 0.05), "brown": (0.27, 0.17, 0.1), "blonde": (0.78, 0.63, 0.38), "ginger": (0.55, 0.25, 0.10),
    "grey": (0.58, 0.58, 0.58), "white": (0.86, 0.85, 0.83), "blue": (0.13, 0.26, 0.60), "red": (0.48, 0.10, 0.08),
    "dark": (0.10, 0.07, 0.05), "pink": (0.80, 0.42, 0.58), "green": (0.14, 0.42, 0.22),
}  # fmt: skip
LIPS: dict[str, Colour] = {
    "red": (0.66, 0.12, 0.15), "rose": (0.78, 0.40, 0.42), "plum": (0.42, 0.13, 0.27), "pale": (0.78, 0.60, 0.55),
    "brown": (0.48, 0.26, 0.20), "pink": (0.86, 0.45, 0.52), "coral": (0.86, 0.38, 0.30),
}  # fmt: skip
BLUSH: dict[str, Colour] = {"pink": (0.88, 0.45, 0.50), "peach": (0.92, 0.55, 0.42)}
SHADOW: dict[str, Colour] = {
    "brown": (0.38, 0.25, 0.18), "blue": (0.16, 0.34, 0.66), "green": (0.14, 0.40, 0.30), "plum": (0.40, 0.14, 0.34),
    "black": (0.07, 0.06, 0.07),
}  # fmt: skip
CLOTH: dict[str, Colour] = {
    "grey": (0.42, 0.43, 0.45), "red": (0.58, 0.10, 0.11), "navy": (0.10, 0.14, 0.28), "brown": (0.36, 0.24, 0.15),
    "black": (0.07, 0.07, 0.08), "white": (0.88, 0.88, 0.86), "green": (0.16, 0.34, 0.22), "blue": (0.18, 0.32, 0.60),
}  # fmt: skip
FRAMES: dict[str, Colour] = {
    "black": (0.05, 0.05, 0.05), "red": (0.50, 0.06, 0.07), "gold": (0.72, 0.56, 0.26), "dark": (0.12, 0.09, 0.08),
    "silver": (0.70, 0.71, 0.73), "blue": (0.12, 0.22, 0.50), "brown": (0.32, 0.19, 0.10),
}  # fmt: skip
METALS: dict[str, Colour] = {
    "gold": (0.86, 0.64, 0.28), "silver": (0.84, 0.85, 0.88), "rose-gold": (0.85, 0.56, 0.46),
}  # fmt: skip
JEWELS: dict[str, Colour] = {
    "pearl": (0.86, 0.82, 0.76), "ruby": (0.62, 0.04, 0.10), "emerald": (0.03, 0.45, 0.24),
    "sapphire": (0.07, 0.16, 0.58), "diamond": (0.78, 0.82, 0.88),
}  # fmt: skip
HEADPHONES: dict[str, Colour] = {
    "black": (0.07, 0.07, 0.08), "white": (0.86, 0.86, 0.85), "red": (0.60, 0.06, 0.07), "silver": (0.78, 0.79, 0.82),
    "blue": (0.12, 0.24, 0.56),
}  # fmt: skip
BRIGHT_SKIN, CAST = np.array([0.80, 0.64, 0.55]), 0.6
"""Skin in the light in which colour words are meant, and how far a photo's light tells in hair."""


def in_light(hair: Array, skin: Array) -> Array:
    """Hair's colour in the light of a photo in which bare skin has this colour, sRGB [3] each."""
    return np.asarray(hair * (skin / BRIGHT_SKIN) ** CAST)


def colour(table: dict[str, Colour], word: str, category: str) -> Colour:
    """Look a colour word up; `light-` and `dark-` before it make it lighter or darker."""
    if word in table:
        return table[word]
    shade, _, plain = word.partition("-")
    if plain in table and shade in ("light", "dark"):
        r, g, b = table[plain]
        return (0.45 * r, 0.45 * g, 0.45 * b) if shade == "dark" else (0.4 + 0.6 * r, 0.4 + 0.6 * g, 0.4 + 0.6 * b)
    raise UnsupportedWish(
        f"The procedural editor has no {category} in {word!r}.", hint=f"It has: {', '.join(sorted(table))}."
    )
