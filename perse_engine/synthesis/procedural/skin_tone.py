"""The tone of skin: of the head, the neck and the ears, and what it gives to the eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.outfit import Outfit, blend_changed
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

DARKEST, LIGHTEST = 34.0, 86.0
"""L* of a face that darkening and lightening stop at."""
BROWN_CHROMA, BROWN_HUE = 25.0, np.array([0.54, 0.84])
"""Brown skin has at least this CIE chroma, in this direction of a and b."""
RELIEF = 0.7
"""How much of the contrast that darkening costs is given back: shades, brows and freckles make the person."""
EYES = 0.26
"""How much darker eyes get, of what skin does: they keep their light, but glare in skin that gives none back."""
SHINE, WHITER = 1.6, 0.012
"""The same of what is lighter than the typical skin: dark skin shines as much as light one; and how much less colour
it has, per L*."""


def toned(lightness: float, red: float, yellow: float, typical: Array) -> Callable[[Array], Array]:
    """Lightness by a factor that stops at the darkest and lightest of skins; typical [3] is the person's CIE Lab.

    Darker skin is less saturated than scaling would have it, but never grey, and what is light or dark in it stays.
    """
    middle = float(typical[0])
    factor = _factor(lightness, middle)
    saturation = 0.35 + 0.65 * factor
    shift = np.array([red, yellow]) * (0.4 + 0.6 * factor)
    lack = BROWN_CHROMA - float(np.hypot(*(typical[1:] * saturation + shift)))
    shift = shift + BROWN_HUE * max(lack, 0.0) * float(smoothstep(np.float64(1 - factor), 0.1, 0.4))
    lost = max(1 - factor, 0.0)
    steep, steeper = np.float32(factor + RELIEF * lost), np.float32((SHINE - RELIEF) * lost)
    whiter, shift = np.float32(WHITER * SHINE * lost), shift.astype(np.float32)

    def change(lab: Array) -> Array:
        apart = lab[..., :1] - np.float32(middle)
        bright = np.maximum(apart, 0)
        light = np.clip(np.float32(middle * factor) + steep * apart + steeper * bright, 0, 98)
        # What shines has the light's colour, not the skin's.
        chroma = lab[..., 1:] * np.float32(saturation) + shift
        return np.concatenate([light, chroma * (1 - whiter * np.minimum(bright, 20))], -1)

    return change


def _factor(lightness: float, middle: float) -> float:
    return float(np.clip(lightness, min(1.0, DARKEST / middle), max(1.0, LIGHTEST / middle)))


def darken_eyes(outfit: Outfit, lightness: float, typical: Array, weight: float) -> None:
    """The white of eyes is lit by the skin around it, too."""
    amount = EYES * weight * max(1 - _factor(lightness, float(typical[0])), 0.0)
    white = (outfit.labels[ATLAS_PX:] == REGION_LABELS["sclera"]) * np.float32(amount)
    blend_changed(outfit.texture[ATLAS_PX:, :, :3], white, lambda lab: lab * np.array([0, 1, 1], np.float32))


def paint_neck(outfit: Outfit, weight: float, change: Callable[[Array], Array]) -> None:
    """Skin outside the head's atlas: of the torso and the ears."""
    skin = (outfit.labels == REGION_LABELS["skin"]) & (outfit.texture[..., 3] > 0)
    skin[:ATLAS_PX, :ATLAS_PX] = False
    mask = cv2.GaussianBlur(skin.astype(np.float32), (0, 0), 2.0) * weight
    mask[:ATLAS_PX, :ATLAS_PX] = 0
    blend_changed(outfit.texture[..., :3], mask, change)
