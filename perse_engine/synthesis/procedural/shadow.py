"""Soft shadows that accessories cast on the head they touch, painted into its texture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.mesh_raster import bake
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit

Array = npt.NDArray[Any]

LIGHT = np.array([0.0, 0.80, 0.60])
"""Where the light of a portrait usually comes from: above and in front."""
STEPS = (0.25, 0.8, 1.6, 2.6)
SEEN = 2.5
"""Spreads of a shadow beyond which less than 0.002 of it is left."""


def contact_shadow(outfit: Outfit, parts: Sequence[AddedPart], strength: float, reach_m: float = 0.010) -> None:
    """Darken the head where parts lie between it and the light, softer the further away they are."""
    mask = shadow_mask(outfit, parts, reach_m) * np.float32(strength)

    def darken(lab: Array) -> Array:
        return lab * np.array([0.42, 0.92, 0.92])

    outfit.recolour(mask, darken)


def shadow_mask(outfit: Outfit, parts: Sequence[AddedPart], reach_m: float) -> Array:
    """How much of the light is kept off every texel of the head, [A, A] float32 in 0..1."""
    look = outfit.subject.look
    faces = look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])]
    used = np.unique(faces)
    vertices = look.rig.vertices[used].astype(np.float64)
    cover = cKDTree(np.vstack([np.vstack([p.vertices, p.vertices[p.faces].mean(1)]) for p in parts]))
    shade = np.zeros(len(used))
    for step in STEPS:
        spread = reach_m * (0.45 + 0.35 * step)
        away = cover.query(vertices + step * reach_m * LIGHT, distance_upper_bound=SEEN * spread)[0]
        shade = np.maximum(shade, (1 - 0.22 * step) * np.exp(-((away / spread) ** 2)))
    values = np.zeros((len(look.rig.vertices), 1), np.float32)
    values[used, 0] = shade
    baked, _ = bake(look.uv, faces, values, (ATLAS_PX, ATLAS_PX))
    return np.asarray(cv2.GaussianBlur(baked[..., 0], (0, 0), 2.0))
