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
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.remembered import remembered

Array = npt.NDArray[Any]

LIGHT = np.array([0.0, 0.80, 0.60])
"""Where the light of a portrait usually comes from: above and in front."""
STEPS = (0.25, 0.8, 1.6, 2.6)
SEEN = 2.5
"""Spreads of a shadow beyond which less than 0.002 of it is left."""


def contact_shadow(outfit: Outfit, parts: Sequence[AddedPart], strength: float, reach_m: float = 0.010) -> None:
    """Darken the head where parts lie between it and the light, softer the further away they are."""
    if outfit.casts_shadows:
        darken(outfit, shadow_mask(outfit, parts, reach_m) * np.float32(strength))


def darken(outfit: Outfit, mask: Array) -> None:
    """Keep light off the head, [A, A]."""

    def darker(lab: Array) -> Array:
        return lab * np.array([0.42, 0.92, 0.92])

    outfit.recolour(mask, darker)


def shadow_mask(outfit: Outfit, parts: Sequence[AddedPart], reach_m: float) -> Array:
    """How much of the light is kept off every texel of the head, [A, A] float32 in 0..1."""
    return on_texels(outfit.subject, contact_shade(outfit.subject, parts, reach_m))


def contact_shade(subject: Subject, parts: Sequence[AddedPart], reach_m: float) -> Array:
    """How much of the light is kept off every vertex of the head, [N]."""
    vertices = head_points(subject)
    cover = cKDTree(np.vstack([np.vstack([p.vertices, p.vertices[p.faces].mean(1)]) for p in parts]))
    shade = np.zeros(len(vertices))
    for step in STEPS:
        spread = reach_m * (0.45 + 0.35 * step)
        away = cover.query(vertices + step * reach_m * LIGHT, distance_upper_bound=SEEN * spread)[0]
        shade = np.maximum(shade, (1 - 0.22 * step) * np.exp(-((away / spread) ** 2)))
    return shade


def head_points(subject: Subject) -> Array:
    """The vertices of face and scalp, metres, [N, 3]."""
    return subject.look.rig.vertices[np.unique(_head_faces(subject))].astype(np.float64)


def on_texels(subject: Subject, shade: Array) -> Array:
    """A number for each of the head's points, [N], between them and a little softened, [A, A] float32."""
    look, faces = subject.look, _head_faces(subject)
    values = np.zeros((len(look.rig.vertices), 1), np.float32)
    values[np.unique(faces), 0] = shade
    baked, _ = bake(look.uv, faces, values, (ATLAS_PX, ATLAS_PX))
    return np.asarray(cv2.GaussianBlur(baked[..., 0], (0, 0), 2.0))


@remembered
def _head_faces(subject: Subject) -> Array:
    look = subject.look
    return look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])]
