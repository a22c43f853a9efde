"""Light from behind: bright, bluish streaks along hair and cheeks take the tone of what lies around them.

Where a window shines from behind, the outline of a head glows. Turned, the glow would lie in the middle of the picture,
like paint. Constants were tuned by eye on three people; on those without such light nothing changes visibly.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.baked import fill
from perse_engine.head.sampling import smoothstep

Array = npt.NDArray[Any]

LEAST_TEXELS = 500
SIGMA_PX = 3.0
"""Glow is broader than this; what is finer, strands and pores, stays."""
HAIR_L, HAIR_BRIGHTER = 74.0, (4.0, 14.0)
"""Hair glows from here on, and if it is so much brighter than its darker half (CIE Lab)."""
SKIN_BLUER, SKIN_BRIGHTER = (2.0, 6.0), (1.0, 5.0)
"""Skin glows where it is so much bluer and brighter than in front: shade may be blue, too."""
ASIDE = (0.84, 0.70)
"""How far a surface that glows faces the camera at most (cosine)."""
KEPT = 0.12
"""Share of the glow that stays: hair shines at its edge."""


def without_backlight(colour: Array, weight: Array, hair: Array, skin: Array, facing: Array) -> Array:
    """The photo in the atlas, [A, A, 3] sRGB 0..1, with tame edges; maps [A, A] 0..1, facing is a cosine."""
    lab = cv2.cvtColor(np.ascontiguousarray(np.clip(colour, 0, 1), np.float32), cv2.COLOR_RGB2LAB)
    for kind, glow_of in ((hair, _hair_glow), (skin, _skin_glow)):
        sure = (weight * smoothstep(kind, 0.6, 0.95)).astype(np.float32)
        # What is hardly sure shows, too: others are guessed from it.
        near = (smoothstep(weight, 0.0, 0.2) * smoothstep(kind, 0.3, 0.8)).astype(np.float32)
        low = _blurred(lab, near)
        glow = glow_of(low, sure, facing) * near
        if glow.max() > 0:
            calm = fill(low, sure * (1 - np.clip(2 * glow, 0, 1)))
            lab = lab + (calm - low) * ((1 - KEPT) * glow)[..., None]
    return np.clip(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1)


def _blurred(lab: Array, sure: Array) -> Array:
    total = cv2.GaussianBlur(sure, (0, 0), SIGMA_PX)[..., None]
    return np.asarray(cv2.GaussianBlur(lab * sure[..., None], (0, 0), SIGMA_PX) / np.maximum(total, 1e-4))


def _hair_glow(low: Array, sure: Array, facing: Array) -> Array:
    lightness = low[..., 0]
    own = lightness[sure > 0.9]
    if len(own) < LEAST_TEXELS:
        return np.zeros_like(facing)
    brighter = lightness - max(float(np.percentile(own, 35)), HAIR_L - HAIR_BRIGHTER[0])
    return _wide(smoothstep(brighter, *HAIR_BRIGHTER) * smoothstep(facing, *ASIDE))


def _skin_glow(low: Array, sure: Array, facing: Array) -> Array:
    front = low[(sure > 0.9) & (facing > 0.75)]
    if len(front) < LEAST_TEXELS:
        return np.zeros_like(facing)
    middle = np.median(front, 0)
    bluer, brighter = middle[2] - low[..., 2], low[..., 0] - middle[0]
    return _wide(smoothstep(bluer, *SKIN_BLUER) * smoothstep(brighter, *SKIN_BRIGHTER) * smoothstep(facing, *ASIDE))


def _wide(glow: Array) -> Array:
    """With its soft border."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    return np.asarray(cv2.GaussianBlur(cv2.dilate(glow.astype(np.float32), disc), (0, 0), 2.0))
