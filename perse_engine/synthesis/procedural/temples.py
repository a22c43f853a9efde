"""Temples of eyeglasses: along the side of the head onto the ear, below hair that covers it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS, Subject
from perse_engine.head.temples import HOOK_FROM, TEMPLE_POINTS, temple_path, upon_ear
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.remembered import remembered

Array = npt.NDArray[Any]

COVERED_M = 0.003, 0.012
"""Hair so much thicker than the head is at the ear covers it."""
BELOW_M, SOFT, DIVES = 0.005, 1.0, 3
"""How far below its surface a temple lies in hair, which is thicker than the frame, over how many points it dives."""


def temple(outfit: Outfit, sign: float, hinge: Array) -> Array:
    """Path [TEMPLE_POINTS, 3] from the rim's hinge [3] along the side of the head onto the ear, and down behind it."""
    look, landmark = outfit.subject.look, outfit.landmark(127 if sign < 0 else 356)
    ears = np.unique(look.faces[look.face_part == PARTS.index("ears")])
    points = (look.rig.vertices + outfit.offset)[ears].astype(np.float64)
    return _below_hair(outfit, temple_path(sign, hinge, float(landmark[0]), upon_ear(sign, points)))


def _below_hair(outfit: Outfit, path: Array) -> Array:
    """Let it dive where it comes to hair, if that covers the ear."""
    above, _, hair = _above(outfit, path)
    covered = smoothstep(-above[int(HOOK_FROM * TEMPLE_POINTS)], *COVERED_M)
    inside = covered * smoothstep(gaussian_filter1d(np.maximum.accumulate(hair), SOFT), 0.2, 0.9)
    goal = np.minimum(above, above * (1 - inside) - BELOW_M * inside)
    # What is nearest changes on the way in.
    for _ in range(DIVES):
        above, normals, _ = _above(outfit, path)
        path = path - np.maximum(above - goal, 0)[:, None] * normals
    return path


def _above(outfit: Outfit, path: Array) -> tuple[Array, Array, Array]:
    """How far a path [P, 3] lies over the head [P], its normals there [P, 3], and how much hair there is [P]."""
    tree, head, normals, hair = _surface(outfit.subject)
    near = tree.query(path)[1]
    surface = outfit.subject.look.rig.vertices[head[near]] + outfit.offset[head[near]]
    return ((path - surface) * normals[near]).sum(1), normals[near], hair[near]


@remembered
def _surface(subject: Subject) -> tuple[cKDTree, Array, Array, Array]:
    """Of face and scalp: where they are, indices of vertices [N], their normals [N, 3], and how much hair is there."""
    look = subject.look
    faces = look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])]
    head = np.unique(faces)
    vertices = look.rig.vertices.astype(np.float64)
    hair = sample(subject.texel_maps["hair"], look.uv[head] - 0.5)
    return cKDTree(vertices[head]), head, vertex_normals(vertices, faces)[head], hair
