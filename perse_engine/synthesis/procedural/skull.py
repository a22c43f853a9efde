"""The skull below the hair: where the scalp lies when the hair is gone or shorter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.remembered import remembered

Array = npt.NDArray[Any]

SKULL_CENTRE_M = np.array([0.0, 0.012, -0.085])
SKULL_HALF_AXES_M = np.array([0.080, 0.100, 0.100])
"""Roughly an adult skull with skin, about the world's origin (between the eyes), for a face 0.145 m wide."""
MEAN_FACE_WIDTH_M = 0.145
OWN_SHAPE_M = (0.025, 0.090)
"""Behind the face's edge the skull first goes on as wide as the face is: no dents at the temples, ears stay free."""
NAPE = 0.26
"""How much nearer the nape lies than an ellipsoid would have it: below it begins the neck."""
EAR_QUANTILE, EAR_ROOT_M, MOST_EAR_M = 0.75, 0.0005, 0.006
"""An ear's deepest quarter is its root, no deeper in the skin than this; further out than the last no ear is moved."""


@remembered
def scalp_vertices(subject: Subject) -> tuple[Array, Array]:
    """Scalp vertices, and how far each is from the face, metres."""
    look = subject.look
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    face = np.unique(look.faces[look.face_part == PARTS.index("face")])
    distance, _ = cKDTree(look.rig.vertices[face]).query(look.rig.vertices[scalp])
    return scalp, np.asarray(distance)


@remembered
def onto_skull(subject: Subject) -> Array:
    """Displacement of every vertex that takes the scalp in to the skull, [V, 3] metres."""
    vertices = subject.look.rig.vertices
    scalp, distance = scalp_vertices(subject)
    reach, down, back = _placed(subject, vertices[scalp])
    rim = scalp[distance < 1e-6]
    own = np.interp(_azimuth(subject, scalp), *_around(_azimuth(subject, rim), _placed(subject, vertices[rim])[0]))
    goal = 1 + (own - 1) * (1 - smoothstep(distance, *OWN_SHAPE_M))
    goal = goal - NAPE * smoothstep(back, 0.0, 0.7) * smoothstep(down, -0.25, 0.5)
    amount = np.maximum(1 - goal / reach, 0)
    offset = np.zeros_like(vertices)
    offset[scalp] = amount[:, None] * (SKULL_CENTRE_M - vertices[scalp])
    return offset


def cropped(subject: Subject, kept: float) -> Array:
    """Displacement [V, 3] metres that leaves this share of the hair's volume and uncovers the ears."""
    inwards = (1 - kept) * onto_skull(subject)
    return inwards + _ears_free(subject, subject.look.rig.vertices + inwards)


def _ears_free(subject: Subject, moved: Array) -> Array:
    """Displacement [V, 3] metres that takes ears, which hair had pressed in, out of a head with vertices `moved`."""
    look = subject.look
    ears = np.unique(look.faces[look.face_part == PARTS.index("ears")])
    head = np.unique(look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])])
    ways, reach = _directions(moved[head])
    tree = cKDTree(ways)
    offset = np.zeros_like(moved)
    for sign in (-1, 1):
        ear = ears[sign * moved[ears, 0] > 0]
        own_ways, own_reach = _directions(moved[ear])
        deep = reach[tree.query(own_ways, k=4)[1]].mean(1) - own_reach
        offset[ear, 0] = sign * np.clip(np.quantile(deep, EAR_QUANTILE) - EAR_ROOT_M, 0.0, MOST_EAR_M)
    return offset


def _directions(points: Array) -> tuple[Array, Array]:
    away = points - SKULL_CENTRE_M
    reach = np.linalg.norm(away, axis=1)
    return away / reach[:, None], reach


def _placed(subject: Subject, points: Array) -> tuple[Array, Array, Array]:
    """How far out points lie, 1 on the ellipsoid, and how far down and back their directions point, -1..1."""
    unit = (points - SKULL_CENTRE_M) * (MEAN_FACE_WIDTH_M / subject.measures["face_width_m"]) / SKULL_HALF_AXES_M
    reach = np.linalg.norm(unit, axis=1)
    return reach, -unit[:, 1] / reach, -unit[:, 2] / reach


def _azimuth(subject: Subject, indices: Array) -> Array:
    away = subject.look.uv[indices].astype(np.float64) - ATLAS_PX / 2
    return np.arctan2(-away[:, 1], away[:, 0])


def _around(azimuth: Array, values: Array) -> tuple[Array, Array]:
    """Sorted and smoothed along the face's edge, once more on either side, for `np.interp`."""
    order = np.argsort(azimuth)
    turns = azimuth[order]
    smooth = np.tile(gaussian_filter1d(values[order], 2.0, mode="wrap"), 3)
    return np.concatenate([turns - 2 * np.pi, turns, turns + 2 * np.pi]), smooth
