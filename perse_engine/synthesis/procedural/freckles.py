"""Freckles: round spots of many sizes and strengths, as wide in millimetres wherever they lie."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.coarse import COARSER, SMALL_PX, large
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.synthesis.procedural.strokes import Roots, landmark_uv, polygon_map, roots

Array = npt.NDArray[Any]

PER_MM2 = 0.11
RADIUS_MM = (0.42, 0.62)
"""Of the smallest spots, and how much larger the largest are."""
WINDOW = 5
"""Texels to each side of a spot's middle."""
BED = {
    # Where freckles are: landmarks, how many, and how far around, texels.
    (6, 197, 195, 5): (0.9, 20.0), (50, 280, 117, 346): (1.0, 30.0), (205, 425, 187, 411): (0.5, 26.0),
    (151, 108, 337): (0.22, 34.0),
}  # fmt: skip
EYES = (
    (33, 226, 113, 225, 224, 223, 222, 221, 189, 133, 112, 26, 22, 23, 24, 110, 25),
    (263, 446, 342, 445, 444, 443, 442, 441, 413, 362, 341, 256, 252, 253, 254, 339, 255),
)
"""Lids above and below."""
NOSTRILS = ((48, 64, 98, 97, 2, 326, 327, 294, 278, 457, 274, 1, 44, 237),)


@remembered
def freckles(subject: Subject) -> Array:
    """How strong freckles are, [A, A] float32 in 0..1."""
    random = np.random.default_rng(21)
    grown = roots(Outfit.of(subject), _bed(subject), PER_MM2, _upwards, 22)
    there = grown.order < grown.zone
    # Many are small and faint.
    size = random.random(len(there)) ** 2.2
    strength = (0.25 + 0.55 * size + 0.20 * random.random(len(there))) * there
    radius = RADIUS_MM[0] + RADIUS_MM[1] * size
    longer = np.exp(0.13 * random.standard_normal(len(there)))
    return _spots(grown, radius * longer, radius / longer, strength)


def _bed(subject: Subject) -> Array:
    """How many freckles there are, [A, A] in 0..1."""
    uv, maps = landmark_uv(subject), subject.texel_maps
    y, x = (np.mgrid[:SMALL_PX, :SMALL_PX] + 0.5) * COARSER
    bare = np.ones((SMALL_PX, SMALL_PX))
    for marks, (amount, reach) in BED.items():
        for mark in marks:
            bare *= 1 - amount * np.exp(-((x - uv[mark, 0]) ** 2 + (y - uv[mark, 1]) ** 2) / (2 * reach**2))
    # Beards grow from here down.
    bare = large(np.maximum(bare, smoothstep(y, uv[2, 1] - 4, uv[2, 1] + 8)))
    closed = np.ones((9, 9))
    for name in ("lips", "eyebrows", "hair", "beard"):
        bare = np.maximum(bare, smoothstep(cv2.dilate(maps[name], closed), 0.1, 0.3))
    bare = np.maximum(bare, np.clip(3 * polygon_map(subject, [*EYES, *NOSTRILS], 3.0), 0, 1))
    return np.asarray((1 - bare) * maps["face"] * maps["skin"], np.float32)


def _upwards(points: Array, normals: Array) -> Array:
    return np.broadcast_to([0.0, 1.0, 0.0], points.shape).copy()


def _spots(grown: Roots, along_mm: Array, across_mm: Array, strength: Array) -> Array:
    """Soft ellipses on the surface; the stronger of two that overlap shows."""
    out = np.zeros((ATLAS_PX, ATLAS_PX), np.float32)
    to_mm = np.linalg.inv(np.stack([grown.along, grown.across], -1))
    step = np.stack(np.meshgrid(*2 * [np.arange(-WINDOW, WINDOW + 1)]), -1).reshape(-1, 2)
    texels = np.floor(grown.uv).astype(int)[:, None] + step
    aside = np.einsum("nij,nkj->nki", to_mm, texels + 0.5 - grown.uv[:, None])
    away = (aside / np.stack([along_mm, across_mm], -1)[:, None]) ** 2
    x, y = np.clip(texels, 0, ATLAS_PX - 1).transpose(2, 0, 1)
    np.maximum.at(out, (y, x), (strength[:, None] * np.exp(-(away.sum(-1) ** 1.3))).astype(np.float32))
    return out
