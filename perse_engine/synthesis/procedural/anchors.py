"""Where accessories sit: places on the head's surface, hair included, found from landmarks of any subject."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.outfit import Outfit

Array = npt.NDArray[Any]


def head_triangles(outfit: Outfit) -> Array:
    """Corners of the triangles of face, scalp and ears, [F, 3, 3] world metres."""
    look = outfit.subject.look
    head = np.isin(look.face_part, [PARTS.index(part) for part in ("face", "scalp", "ears")])
    return look.rig.vertices.astype(np.float64)[look.faces[head]]


def face_width(outfit: Outfit) -> float:
    """Between the tragi, metres."""
    return float(np.linalg.norm(outfit.landmark(454) - outfit.landmark(234)))


def ear_lobe(outfit: Outfit, sign: float) -> Array:
    """Where an earring is fixed, [3]; sign -1 for the right ear.

    The ear itself is hair in many photos: from where the lobe must be, the nearest way out to the front and the side.
    """
    width = face_width(outfit)
    upper, middle = (234, 93) if sign < 0 else (454, 323)
    hidden = 0.85 * outfit.landmark(middle) + 0.15 * outfit.landmark(upper)
    hidden = hidden + width * np.array([0.035 * sign, 0.0, -0.045])
    triangles = _near(head_triangles(outfit), hidden, 0.6 * width)
    turns = np.radians(np.arange(15, 90, 10))
    ways = np.stack([sign * np.sin(turns), np.zeros(len(turns)), np.cos(turns)], -1)
    lengths = np.array([_way_out(triangles, hidden, way) for way in ways])
    best = int(np.argmin(lengths))
    return np.asarray(hidden + lengths[best] * ways[best])


def _near(triangles: Array, point: Array, reach: float) -> Array:
    return triangles[np.linalg.norm(triangles.mean(1) - point, axis=1) < reach]


def _way_out(triangles: Array, start: Array, way: Array) -> float:
    """How far along a ray the last triangle lies (Moeller and Trumbore 1997); 0 when there is none."""
    a, e, f = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    p = np.cross(way, f)
    determinant = np.einsum("ij,ij->i", e, p)
    sure = np.abs(determinant) > 1e-14
    a, e, f, p, determinant = a[sure], e[sure], f[sure], p[sure], determinant[sure]
    t = start - a
    u = np.einsum("ij,ij->i", t, p) / determinant
    q = np.cross(t, e)
    v = q @ way / determinant
    far = np.einsum("ij,ij->i", f, q) / determinant
    hit = (u >= 0) & (v >= 0) & (u + v <= 1) & (far > 0)
    return float(far[hit].max()) if hit.any() else 0.0
