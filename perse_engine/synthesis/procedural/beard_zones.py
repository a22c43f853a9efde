"""Where beards grow: zones of the face between landmarks, with soft and uneven borders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.strokes import landmark_uv

Array = npt.NDArray[Any]

RIGHT_TO_LEFT = {
    127: 356, 234: 454, 93: 323, 132: 361, 58: 288, 172: 397, 136: 365, 150: 379, 149: 378, 176: 400, 148: 377,
    177: 401, 137: 366, 227: 447, 215: 435, 213: 433, 192: 416, 214: 434, 212: 432, 216: 436, 207: 427, 186: 410,
    92: 322, 165: 391, 167: 393, 61: 291, 57: 287, 43: 273, 106: 335, 182: 406, 83: 313, 202: 422, 210: 430, 211: 431,
    204: 424, 194: 418, 201: 421, 208: 428, 171: 396, 140: 369, 170: 395, 169: 394, 135: 364, 138: 367, 185: 409,
    40: 270, 39: 269, 37: 267, 84: 314, 181: 405, 97: 326, 98: 327, 206: 426, 91: 321, 146: 375, 32: 262, 147: 376,
    34: 264, 162: 389, 187: 411,
}  # fmt: skip
"""Landmarks that the outlines below need on the other side."""

ZONES: dict[str, tuple[tuple[int, ...], float]] = {
    # Outlines on the subject's right and the softness of their borders, texels; the left is the mirror image.
    "sideburns": ((127, 227, 137, 177, 215, 58, 132), 9.0),
    "chops": ((162, 34, 227, 137, 147, 187, 207, 186, 57, 202, 135, 136, 172, 58, 132, 93, 234, 127), 32.0),
    "cheeks": ((132, 58, 172, 136, 150, 169, 211, 202, 43, 57, 61, 186, 216, 207, 192, 213), 25.0),
    "jaw": ((132, 58, 172, 136, 150, 149, 176, 148, 152, 175, 171, 140, 170, 169, 135, 138, 215), 12.0),
    "chin": ((152, 148, 176, 140, 211, 204, 182, 83, 18), 13.0),
    "goatee": ((17, 84, 83, 201, 194, 32, 140, 176, 148, 152), 20.0),
    "strips": ((61, 57, 212, 202, 211, 32, 204, 182, 106, 43), 5.0),
    "under_lip": ((61, 146, 91, 181, 84, 17, 18, 83, 182, 106, 43, 57), 3.0),
    "soul": ((17, 84, 181, 182, 83, 18), 4.0),
    "moustache": ((164, 167, 165, 92, 186, 57, 61, 185, 40, 39, 37, 0), 5.0),
}
BORDER = (0.03, 0.68)
"""Of a blurred zone: narrow ones are whole in their middle."""
HALF_PX = ATLAS_PX // 2
UNEVEN = 0.033
"""How far tufts move the border of a zone, of its softness in texels."""


def beard_area(outfit: Outfit, coverage: Mapping[str, float]) -> Array:
    """How densely hairs stand, [A, A] in 0..1, for each zone's coverage 0..1; lips and the head's hair stay free."""
    maps = outfit.subject.texel_maps
    bare = np.ones((HALF_PX, HALF_PX), np.float32)
    for name, amount in coverage.items():
        if amount > 0:
            zone = smoothstep(_zone(outfit, name), *BORDER)
            zone = zone + UNEVEN * ZONES[name][1] * zone * (1 - zone) * _tufts_at(HALF_PX)
            bare *= 1 - amount * np.clip(zone, 0, 1)
    # What counts as hair beside the ears is the head's, below them whiskers.
    ears = int(landmark_uv(outfit.subject)[[234, 454], 1].mean() / 2)
    hair = cv2.resize(maps["hair"], (HALF_PX, HALF_PX), interpolation=cv2.INTER_LINEAR)[: ears + 10]
    above = smoothstep(ears - np.arange(ears + 10), -10, 10)[:, None]
    grows = 1 - bare
    grows[: ears + 10] *= 1 - above * smoothstep(hair, 0.3, 0.9)
    grows = cv2.resize(grows, (ATLAS_PX, ATLAS_PX), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grows * (1 - smoothstep(maps["lips"], 0.15, 0.6)))


def tufts() -> Array:
    """Smooth noise as wide as a tuft of hairs, [A, A], mean 0, deviation 1."""
    return _tufts_at(ATLAS_PX)


@cache
def _tufts_at(size: int) -> Array:
    noise = np.random.default_rng(14).standard_normal((ATLAS_PX, ATLAS_PX)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3.0) / 0.09 + cv2.GaussianBlur(noise, (0, 0), 8.0) / 0.035
    return cv2.resize(smooth / smooth.std(), (size, size), interpolation=cv2.INTER_AREA)


def _zone(outfit: Outfit, name: str) -> Array:
    """A zone on both sides, [H, H] in 0..1 with soft borders, at half the atlas's size."""
    outline, soft = ZONES[name]
    sides = [list(outline), [RIGHT_TO_LEFT.get(i, i) for i in outline]]
    # Jaw and chin go on below the jaw: the face's rim is not where the beard ends.
    reaches = (1.0, 1.07) if name in ("jaw", "chin", "chops", "goatee") else (1.0,)
    filled = np.zeros((HALF_PX, HALF_PX), np.float32)
    for side in sides:
        for reach in reaches:
            points = (HALF_PX / 2) + (landmark_uv(outfit.subject)[side] / 2 - HALF_PX / 2) * reach
            cv2.fillPoly(filled, [np.round(points).astype(np.int32)], (1.0,))
    return cv2.GaussianBlur(filled, (0, 0), soft / 2)
