"""The surface below a beard: thick hair stands off the skin, long hair hangs."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.head.mesh_raster import bake
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.coarse import large, small, small_directions
from perse_engine.synthesis.procedural.outfit import Outfit, blend_changed
from perse_engine.synthesis.procedural.shadow import LIGHT

Array = npt.NDArray[Any]

SHADOW, SHADOW_M = 2.3, 0.030
"""How far a beard's shadow reaches on the head, small texels, and on the neck."""
PAINTED_MM = 9.0
"""Longer hair is the same paint on a surface that hangs down."""
WIDE_M, TIPS = 0.050, 0.09
"""Half the width of what hangs, and how far its tips differ in length."""


def cast_shadow(outfit: Outfit, grows: Array, amount: float) -> None:
    """Darken the skin beside the beard a little, and the skin and the neck below it."""
    wide = cv2.GaussianBlur(small(grows), (0, 0), SHADOW)
    below = 0.25 + 0.75 * smoothstep(-small_directions()[..., 1], 0.5, 0.8)
    outfit.recolour(large(wide * below * amount) * (1 - grows), _darker)
    _shade_neck(outfit, grows, amount)


def _shade_neck(outfit: Outfit, grows: Array, amount: float) -> None:
    look = outfit.subject.look
    torso = look.faces[look.face_part == PARTS.index("torso")]
    neck, head = np.unique(torso), np.unique(look.faces[look.face_part == PARTS.index("face")])
    hair = head[sample(grows, look.uv[head] - 0.5) > 0.5]
    if not len(hair):
        return
    moved = (look.rig.vertices + outfit.offset)[hair].astype(np.float64)
    # Light comes from above: what lies in shadow is nearest to hair above and in front of it.
    away = cKDTree(moved).query(look.rig.vertices[neck] + SHADOW_M * LIGHT, distance_upper_bound=3 * SHADOW_M)[0]
    shade = np.exp(-((away / SHADOW_M) ** 2))
    near = shade > 0.02
    if not near.any():
        return
    values = np.zeros((len(look.rig.vertices), 1), np.float32)
    values[neck[near], 0] = shade[near]
    corner = np.floor(look.uv[neck].min(0)).astype(int)
    size = np.ceil(look.uv[neck].max(0)).astype(int) - corner
    baked, _ = bake(look.uv - corner, torso[np.isin(torso, neck[near]).any(1)], values, (size[0], size[1]))
    window = (slice(corner[1], corner[1] + size[1]), slice(corner[0], corner[0] + size[0]))
    mask = amount * cv2.GaussianBlur(baked[..., 0], (0, 0), 2.0) * (outfit.labels[window] > 0)
    blend_changed(outfit.texture[window][..., :3], mask, _darker)


def _darker(lab: Array) -> Array:
    return lab * np.array([0.55, 0.95, 0.95], np.float32)


def stand_off(outfit: Outfit, length_mm: float, grows: Array, weight: float) -> None:
    """Lift the surface by the hair's thickness and let long hair hang: the paint stretches into long hairs."""
    look = outfit.subject.look
    faces = look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])]
    used = np.unique(faces)
    vertices = look.rig.vertices.astype(np.float64)
    cover = sample(cv2.GaussianBlur(grows, (0, 0), 5.0), look.uv[used] - 0.5)
    lip, chin = outfit.landmark(17), outfit.landmark(152)
    below = smoothstep(lip[1] - vertices[used, 1], 0.002, 0.8 * (lip[1] - chin[1]))
    thick = 0.30 * min(length_mm, 14.0) * smoothstep(length_mm, 1.5, 5.0) / 1000
    hang = max(length_mm - PAINTED_MM, 0.0) / 1000
    aside = (vertices[used, 0] - chin[0]) / WIDE_M
    tips = TIPS * float(smoothstep(hang, 0.0, 0.04)) * (np.sin(11 * aside + 2.0) + 0.6 * np.sin(27 * aside))
    middle = np.exp(-1.4 * np.abs(aside) ** 2.2) * (1 + tips)
    out = cover * float(thick) * (0.35 + 0.65 * below)
    down = cover * below * hang * (0.20 + 0.80 * middle)
    motion = out[:, None] * vertex_normals(vertices, faces)[used]
    motion += down[:, None] * np.array([0.0, -1.0, 0.12])
    outfit.offset[used] += weight * motion
