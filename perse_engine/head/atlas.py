"""Texture coordinates of face and scalp: azimuthal about the head's centre.

Polar angle becomes the distance from the middle and azimuth the angle: the face gets most texels, there is no seam, the
mirror image is u -> 1 - u, and rings of hair are circles. Curled lips and nostrils fold over in it; there the chart is
relaxed by mean-value coordinates (Floater 2003) that keep the oval and are pulled towards the azimuthal position.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import scipy.sparse.linalg as spl

from perse_engine.head.sampling import smoothstep
from perse_engine.head.scalp import RINGS, HeadSurface
from perse_engine.head.subdivision import fine_face
from perse_engine.portrait.points import LIPS_INNER, OVAL
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]

ATLAS_PX = 1024
"""About 2.4 texels per mm on the face; the work image has 1.7 px per mm."""
RADIUS = 0.49
"""Of the atlas side, where the polar angle is 180 degrees."""
POWER = 0.75
"""Below 1 the face gets more texels than the back of the head (1 would be equidistant)."""


def polar_uv(points: Array) -> Array:
    """Head-frame points [..., 3] to atlas texels [..., 2]."""
    radius = np.linalg.norm(points, axis=-1)
    angle = np.arccos(np.clip(points[..., 2] / radius, -1, 1))
    return uv_of_angles(angle, np.arctan2(points[..., 1], points[..., 0]))


def uv_of_angles(angle: Array, azimuth: Array) -> Array:
    """Polar angle and azimuth, radians, to atlas texels [..., 2]."""
    q = (angle / np.pi) ** POWER * RADIUS
    return np.stack([0.5 + q * np.cos(azimuth), 0.5 - q * np.sin(azimuth)], -1) * ATLAS_PX


@cache
def texel_angles() -> tuple[Array, Array]:
    """Polar angle and azimuth of every texel centre, [A, A] float32 each; not to be written to."""
    y, x = np.mgrid[0:ATLAS_PX, 0:ATLAS_PX].astype(np.float32)
    dx, dy = (x + 0.5) / ATLAS_PX - 0.5, 0.5 - (y + 0.5) / ATLAS_PX
    return (np.sqrt(dx**2 + dy**2) / RADIUS) ** (1 / POWER) * np.pi, np.arctan2(dy, dx)


def head_uv(surface: HeadSurface, landmarks: Array) -> tuple[Array, Array]:
    """Texture coordinates of all head vertices [Vh, 2] and of the 468 landmarks [468, 2], texels."""
    uv = polar_uv(surface.vertices)
    coarse = _relaxed(landmarks)
    uv[: surface.face_count] = fine_face().operator @ coarse
    last = surface.face_count + np.arange(len(surface.azimuth)) * RINGS + RINGS - 1
    uv[last] = uv_of_angles(np.full(len(last), np.pi), surface.azimuth)
    return uv, coarse


def signed_area(uv: Array, faces: npt.NDArray[np.int32]) -> Array:
    """Twice the area of each triangle in texture space, with its sign, [F]."""
    p = uv[faces]
    u, v = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])


def _relaxed(landmarks: Array) -> Array:
    points = landmarks[:468]
    faces = load_topology().faces
    goal = polar_uv(points)
    weights = _mean_value_weights(points, faces)
    total = np.asarray(weights.sum(1)).ravel()
    to_mouth = np.linalg.norm(points[:, None] - points[None, list(LIPS_INNER)], axis=2).min(1)
    pull = 0.02 + 6.0 * smoothstep(to_mouth, 6, 22)
    area = signed_area(goal, faces)
    folded = area < 0.5 if np.median(area) > 0 else area > -0.5
    folded_vertices = np.unique(faces[folded])
    pull[folded_vertices] = np.minimum(pull[folded_vertices], 0.05)
    pull[list(OVAL)] = 1e6
    matrix = sp.diags(total * (1 + pull)) - weights
    return np.asarray(spl.spsolve(matrix.tocsc(), (total * pull)[:, None] * goal))


def _mean_value_weights(points: Array, faces: npt.NDArray[np.int32]) -> Any:
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, m = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = points[j] - points[i], points[m] - points[i]
        la, lb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        tangent = np.tan(0.5 * np.arccos(np.clip((a * b).sum(1) / (la * lb), -1, 0.999999)))
        rows += [i, i]
        columns += [j, m]
        values += [tangent / la, tangent / lb]
    return sp.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(468, 468))
