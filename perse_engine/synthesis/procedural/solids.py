"""Small solids that accessories are made of, and how they shine.

Light is baked by direction: a texel of a `lit_sphere` is what a surface with that normal shows, so a part of any shape
gets its highlights from one small texture.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.synthesis.procedural.outfit import AddedPart, rigid_to
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]
Solid = tuple[Array, npt.NDArray[np.int32]]
"""Vertices [V, 3] and faces [F, 3]."""

TEXELS = 128
KEY_LIGHT = np.array([-0.35, 0.72, 0.60]) / np.linalg.norm([-0.35, 0.72, 0.60])
FILL_LIGHT = np.array([0.70, 0.15, 0.70]) / np.linalg.norm([0.70, 0.15, 0.70])


def part(solid: Solid, texture: Array, category: str, *, is_faceted: bool = False, bone: str = "head") -> AddedPart:
    """A solid that shines by `texture`, a lit sphere, and follows one bone; facets keep their edges."""
    vertices, faces = solid
    if is_faceted:
        vertices, faces = vertices[faces].reshape(-1, 3), np.arange(3 * len(faces), dtype=np.int32).reshape(-1, 3)
    normal = vertex_normals(np.asarray(vertices, np.float64), faces)
    # Lambert's azimuthal map: all directions in a disc, the back in its rim.
    disc = normal[:, :2] / np.sqrt(2 * np.maximum(1 + normal[:, 2:], 1e-3))
    uv = (0.5 + 0.49 * np.clip(disc * [1, -1], -0.999, 0.999)) * TEXELS
    return AddedPart(vertices, faces, uv, texture, REGION_LABELS[category], rigid_to(len(vertices), bone))


def lit_sphere(tone: Array | tuple[float, float, float], finish: str) -> Array:
    """What a surface of this colour shows in every direction, [TEXELS, TEXELS, 4].

    Finishes: metal, pearl, gem, plastic, cloth.
    """
    v, u = (np.mgrid[0:TEXELS, 0:TEXELS] + 0.5) / TEXELS
    x, y = (u - 0.5) / 0.49, (0.5 - v) / 0.49
    square = np.minimum(x**2 + y**2, 1.0)
    stretch = 2 * np.sqrt(1 - square)
    normal = np.stack([x * stretch, y * stretch, 1 - 2 * square], -1)
    facing = np.maximum(normal[..., 2:], 0.12)
    mirror = 2 * facing * normal - np.array([0.0, 0.0, 1.0])
    mirror /= np.linalg.norm(mirror, axis=-1, keepdims=True)
    key, fill = mirror @ KEY_LIGHT, mirror @ FILL_LIGHT
    lambert = np.clip(0.45 + 0.55 * normal @ KEY_LIGHT, 0, 1) + 0.22 * np.clip(normal @ FILL_LIGHT, 0, 1)
    up = mirror[..., 1]
    if finish == "metal":
        # A room: dark floor, a darker line at the horizon, bright walls and ceiling.
        room = 0.46 + 0.52 * smoothstep(up, -0.15, 0.55) + 0.18 * smoothstep(-up, 0.35, 0.9)
        room = room - 0.22 * np.exp(-(((up + 0.12) / 0.14) ** 2))
        base, shine = room * 1.12, 0.95 * np.exp(26 * (key - 1)) + 0.45 * np.exp(40 * (fill - 1))
    elif finish == "gem":
        sparkle = 0.5 + 0.5 * np.sin(9 * mirror[..., 0] + 4 * up) * np.sin(8 * up - 3 * mirror[..., 2])
        base, shine = 0.55 + 1.0 * sparkle * lambert, np.exp(34 * (key - 1)) + 0.6 * np.exp(50 * (fill - 1))
    else:
        amount, width = {"pearl": (0.50, 18.0), "plastic": (0.42, 22.0), "cloth": (0.05, 3.0)}[finish]
        base, shine = 0.30 + 0.75 * lambert, amount * (np.exp(width * (key - 1)) + 0.35 * np.exp(width * (fill - 1)))
    rgb = np.asarray(tone) * base[..., None] + shine[..., None]
    if finish == "pearl":
        rgb += 0.022 * np.stack([np.cos(6 * up), np.cos(6 * up + 2.1), np.cos(6 * up + 4.2)], -1)
    return np.dstack([np.clip(rgb, 0, 1), np.ones((TEXELS, TEXELS))]).astype(np.float32)


def lathe(profile: Array, origin: Array, axis: Array, columns: int = 32) -> Solid:
    """Turn a profile [P, 2] of (radius, along the axis) around an axis; from one end on the axis to the other."""
    axis = axis / np.linalg.norm(axis)
    first = np.cross(axis, [0.0, 1.0, 0.0] if abs(axis[1]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None, :, None]
    ring = np.cos(turn) * first + np.sin(turn) * second
    grid = origin + profile[:, 0, None, None] * ring + profile[:, 1, None, None] * axis
    return grid.reshape(-1, 3), _outwards(grid, ring_faces(len(profile), columns))


def tube(path: Array, radius: Array | float, *, is_closed: bool = False, columns: int = 12) -> Solid:
    """A round tube along a path [P, 3]; radius [P] or one number. Open ends taper to a point."""
    along = np.gradient(path, axis=0) if not is_closed else np.roll(path, -1, 0) - np.roll(path, 1, 0)
    along = along / np.linalg.norm(along, axis=1)[:, None]
    lead = np.array([0.31, 0.17, 0.94])
    first = np.cross(along, lead)
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = np.cross(along, first)
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None, :, None]
    thick = np.broadcast_to(np.asarray(radius, np.float64), (len(path),)).copy()
    if not is_closed:
        path, thick = path[[0, *range(len(path)), -1]], np.r_[0, thick, 0]
        first, second = first[[0, *range(len(first)), -1]], second[[0, *range(len(second)), -1]]
    grid = path[:, None] + thick[:, None, None] * (np.cos(turn) * first[:, None] + np.sin(turn) * second[:, None])
    return grid.reshape(-1, 3), _outwards(grid, ring_faces(len(grid), columns, is_closed=is_closed))


def ball(centre: Array, radius: float, columns: int = 24) -> Solid:
    """A sphere."""
    angle = np.linspace(0, np.pi, 15)
    return lathe(radius * np.stack([np.sin(angle), -np.cos(angle)], -1), centre, np.array([0.0, 1.0, 0.0]), columns)


def ring_faces(rows: int, columns: int, *, is_closed: bool = False) -> npt.NDArray[np.int32]:
    """Triangles between rows of rings; the last column meets the first, and with `is_closed` the last row too."""
    i, j = np.meshgrid(np.arange(rows if is_closed else rows - 1), np.arange(columns), indexing="ij")
    below, right = (i + 1) % rows, (j + 1) % columns
    p, q, r, s = i * columns + j, i * columns + right, below * columns + right, below * columns + j
    return np.stack([np.stack([p, q, r], -1), np.stack([p, r, s], -1)], -2).reshape(-1, 3).astype(np.int32)


def _outwards(grid: Array, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Faces whose normals point away from the middle of their ring; without the empty ones at the ends."""
    points = grid.reshape(-1, 3)
    centres = np.repeat(grid.mean(1, keepdims=True), grid.shape[1], 1).reshape(-1, 3)
    corners = points[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    faces = faces[np.linalg.norm(cross, axis=1) > 1e-12]
    corners, middle = points[faces], centres[faces].mean(1)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    away = (np.einsum("ij,ij->i", cross, corners.mean(1) - middle)).sum()
    return faces if away > 0 else faces[:, [0, 2, 1]]
