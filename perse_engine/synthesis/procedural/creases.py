"""Lines of age: creases that are dark along their bottom and lighter on the fold above them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import curve
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.strokes import landmark_uv

Array = npt.NDArray[Any]

Crossing = tuple[int, int, float]
"""Two landmarks and how far to go from the first to the second."""

_BROW_TO_HAIR = ((104, 105), (69, 66), (108, 107), (337, 336), (299, 296), (333, 334))
LINES: tuple[tuple[float, tuple[Crossing, ...]], ...] = (
    # Depth 0..1, then the points; lists on the right side have their mirror image below.
    *((0.8, tuple((a, b, t) for a, b in _BROW_TO_HAIR)) for t in (0.55, 0.05, -0.40)),
    (0.7, ((9, 107, 0.45), (8, 55, 0.45))),
    (0.7, ((9, 336, 0.45), (8, 285, 0.45))),
    # Crow's feet.
    (0.75, ((226, 130, 0.0), (226, 156, 0.45), (226, 156, 0.85))),
    (0.85, ((226, 130, 0.0), (226, 143, 0.45), (226, 143, 0.95))),
    (0.7, ((31, 226, 0.4), (111, 35, 0.5), (111, 143, 0.7))),
    (0.75, ((446, 359, 0.0), (446, 383, 0.45), (446, 383, 0.85))),
    (0.85, ((446, 359, 0.0), (446, 372, 0.45), (446, 372, 0.95))),
    (0.7, ((261, 446, 0.4), (340, 265, 0.5), (340, 372, 0.7))),
    # Under the eyes.
    (0.5, ((31, 111, 0.2), (228, 117, 0.2), (229, 118, 0.2), (230, 119, 0.2), (231, 120, 0.1))),
    (0.5, ((261, 340, 0.2), (448, 346, 0.2), (449, 347, 0.2), (450, 348, 0.2), (451, 349, 0.1))),
    # From the nose to the mouth's corners, and down from there.
    (1.0, ((129, 203, 0.2), (203, 206, 0.5), (206, 216, 0.5), (216, 212, 0.3), (212, 57, 0.3))),
    (1.0, ((358, 423, 0.2), (423, 426, 0.5), (426, 436, 0.5), (436, 432, 0.3), (432, 287, 0.3))),
    (0.6, ((57, 43, 0.3), (43, 202, 0.6), (202, 210, 0.5))),
    (0.6, ((287, 273, 0.3), (273, 422, 0.6), (422, 430, 0.5))),
)  # fmt: skip


def creases(outfit: Outfit, region: Array, amount: float) -> None:
    """Darken along the lines within `region` [A, A], lighten beside them."""
    uv = landmark_uv(outfit.subject)
    drawn = np.zeros((ATLAS_PX, ATLAS_PX), np.float32)
    for depth, line in LINES:
        points = np.array([uv[a] + t * (uv[b] - uv[a]) for a, b, t in line])
        path = curve(points, 24) if len(points) > 2 else points
        one = np.zeros((ATLAS_PX, ATLAS_PX), np.uint8)
        # Deepest in the middle: the ends are drawn once, the middle twice.
        for part, strength in ((path, 0.45), (path[len(path) // 5 : -(len(path) // 5) or None], 0.55)):
            layer = np.zeros_like(one)
            cv2.polylines(
                layer, [np.round(part * 16).astype(np.int32)], False, (255 * strength * depth,), 1, cv2.LINE_AA, 4
            )
            one = cv2.add(one, layer)
        drawn = np.maximum(drawn, one.astype(np.float32) / 255)
    sharp = cv2.GaussianBlur(drawn, (0, 0), 1.3) * 2.2
    wide = cv2.GaussianBlur(drawn, (0, 0), 3.2) * 5.0
    fold = np.roll(cv2.GaussianBlur(drawn, (0, 0), 2.0), -4, axis=0) * 4.0
    where = region * amount
    outfit.recolour(np.clip(sharp, 0, 1) * where, lambda lab: lab + np.array([-15.0, 3.0, 1.0]))
    outfit.recolour(np.clip(wide, 0, 1) * where, lambda lab: lab + np.array([-11.0, 3.0, 0.0]))
    outfit.recolour(np.clip(fold, 0, 1) * where, lambda lab: lab + np.array([5.0, 0.0, 0.0]))
