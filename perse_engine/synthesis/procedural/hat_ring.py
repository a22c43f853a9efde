"""Where a hat's edge runs around the head, and what stands out from it: brims and visors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from perse_engine.head.sampling import grid_faces, resample_grid, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.synthesis.procedural.fabric import light
from perse_engine.synthesis.procedural.outfit import AddedPart, rigid_to
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

TILT = 0.30
"""The lower edge rises towards the front: metres up per metre forward."""
AXIS_Z = -0.09
"""The middle of the head lies this far behind the eyes, metres."""
COLUMNS = 121
TEXELS = (96, 512)
NEAR_RAD = 0.11
LEAN = 10
"""Power mean over neighbours: leans towards the outermost, because cloth spans the dents of a hairdo."""
BRIM_ROWS = 11
THICK_M = 0.0032
CAP_LIMIT = np.radians(78)
"""A cap's visor ends this far to each side."""
BRIMLESS = ("beanie", "beret")
TWILL = ("cap", "bucket")
WHOLE_BRIM = "fedora"
"""A hat whose brim goes all around."""


BELOW_M, HALF_EDGE_M = 0.002, 0.0015
"""The cloth ends a little under its edge, softly."""


@dataclass(frozen=True)
class Cloth:
    """A hat's crown: a grid [n, m, 3] of world metres from the edge (row 0) to the top; per texel [*TEXELS] its paint,
    metres above the hat's edge, BELOW_M under which it is not there yet, and from which weight on it is."""

    grid: Array
    paint: Array
    above: Array
    appears: Array

    def ring(self, turn: Array) -> Array:
        """How far from the axis its edge runs, smooth all around."""
        rows, columns = self.grid.shape[:2]
        above = resample_grid(self.above[..., None], rows, columns)[..., 0]
        x, _, z = self.grid[np.argmax(above > 0, 0), np.arange(columns)].T
        return _smooth(np.hypot(x, z - AXIS_Z)[:-1], turn)


@dataclass(frozen=True)
class Crown:
    """Vertices of the shell above the lowest edge, their normals, faces and height above the final edge, metres."""

    points: Array
    normals: Array
    faces: npt.NDArray[np.int32]
    height: Array
    top: float
    base: float

    @cached_property
    def reach(self) -> Array:
        """Distance of the head's surface from the middle of the edge's plane, metres, [25 angles from the top to the
        edge, 73 directions]."""
        flat = np.stack([self.points[:, 0], self.height, self.points[:, 2] - AXIS_Z], -1)
        far = np.linalg.norm(flat, axis=1)
        own = flat / far[:, None]
        tilt, turn = np.linspace(0, np.pi / 2, 25)[:, None], np.linspace(-np.pi, np.pi, 73)[None]
        ray = np.stack(
            [np.sin(tilt) * np.sin(turn), np.broadcast_to(np.cos(tilt), (25, 73)), np.sin(tilt) * np.cos(turn)], -1
        )
        near = np.exp((ray.reshape(-1, 3) @ own.T - 1) * 2 / NEAR_RAD**2) + 1e-12
        mean = (near @ far**LEAN / near.sum(1)) ** (1 / LEAN)
        return np.asarray(gaussian_filter(mean.reshape(25, 73), (1.0, 1.5), mode=("nearest", "wrap")))

    def radius(self, height: Array, turn: Array) -> Array:
        """Distance of the head's surface from the axis at heights and directions, [...]."""
        angle = np.arctan2(self.points[:, 0], self.points[:, 2] - AXIS_Z)
        reach = np.hypot(self.points[:, 0], self.points[:, 2] - AXIS_Z)
        flat = np.stack([np.ravel(a) for a in np.broadcast_arrays(height, turn)])
        out = np.empty(flat.shape[1])
        for i, (h, t) in enumerate(flat.T):
            aside = (angle - t + np.pi) % (2 * np.pi) - np.pi
            near = np.exp(-((aside / 0.10) ** 2) - ((self.height - h) / 0.006) ** 2) + 1e-12
            out[i] = (near * reach).sum() / near.sum()
        return out.reshape(np.broadcast_shapes(np.shape(height), np.shape(turn)))

    def ring(self, edge: float, turn: Array) -> Array:
        """The head's radius at the edge, smooth all around."""
        return _smooth(self.radius(np.full(72, edge), np.linspace(-np.pi, np.pi, 73)[:-1]), turn)

    def place(self, radius: Array, turn: Array, height: Array) -> Array:
        """World points of cylinder coordinates in the tilted frame."""
        x, z = radius * np.sin(turn), radius * np.cos(turn) + AXIS_Z
        return np.stack([x, self.base + height + TILT * z, z], -1)


def _smooth(around: Array, turn: Array) -> Array:
    """Numbers at even steps from -pi to pi (without it), at other angles and without their short waves."""
    waves = np.fft.rfft(around)
    waves[7:] = 0
    even = np.fft.irfft(waves, len(around))
    return np.interp(turn, np.linspace(-np.pi, np.pi, len(around) + 1), np.r_[even, even[:1]])


@dataclass(frozen=True)
class Brim:
    """What stands out from the edge: directions [1, COLUMNS], and metres outwards and upwards at weight 1
    [2 * BRIM_ROWS, COLUMNS], first out, then back underneath."""

    turn: Array
    reach: Array
    rise: Array


def brim_of(kind: str) -> Brim:
    """A ring of cloth; a cap has it in front only. Not for BRIMLESS ones."""
    limit = CAP_LIMIT if kind == "cap" else np.pi
    turn = np.linspace(-limit, limit, COLUMNS)[None]
    out = np.r_[np.linspace(0, 1, BRIM_ROWS), np.linspace(1, 0, BRIM_ROWS)][:, None]
    aside, ahead = np.sin(turn) ** 2, np.cos(turn)
    if kind == "cap":
        # It narrows to nothing at its ends, and hangs down the less, or its ends would dangle at the temples.
        taper = np.clip(np.cos(turn * np.radians(90) / limit), 0, 1) ** 0.6
        reach, rise = 0.066 * taper, (-0.016 - 0.020 * aside) * taper
    elif kind == "cowboy":
        reach, rise = 0.082 + 0.012 * ahead**2 + 0 * turn, 0.046 * aside - 0.010 * np.abs(ahead)
    elif kind == "bucket":
        reach, rise = 0.046 + 0 * turn, -0.036 + 0 * turn
    elif kind == "top-hat":
        reach, rise = 0.040 + 0.008 * ahead**2, 0.012 * aside - 0.004 * ahead**2
    else:
        reach, rise = 0.046 - 0.008 * aside, 0.010 * aside - 0.008 * np.maximum(ahead, 0)
    curl = out ** (2.0 if kind in ("cowboy", "top-hat") else 1.0)
    return Brim(turn, reach * out, rise * curl)


def placed(crown: Crown, brim: Brim, ring: Array, edge: float, weight: float) -> Array:
    """The points [2 * BRIM_ROWS, COLUMNS, 3] around the edge, `ring` metres from the axis; less weight is narrower."""
    under = np.repeat([0.0, 1.0], BRIM_ROWS)[:, None]
    radius = ring + brim.reach * weight
    height = edge + 0.001 + brim.rise * weight - under * THICK_M * min(1.0, 4 * weight)
    return crown.place(radius, np.broadcast_to(brim.turn, radius.shape), height)


def lit_grid(grid: Array, tone: Array, *, hatched: float = 0.0, paint: Array | float = 1.0) -> AddedPart:
    """A grid [n, m, 3] of felt in the light; `hatched` 0..1 of the way to twill, `paint` [*TEXELS] darkens it."""
    n, m = grid.shape[:2]
    faces = grid_faces(n, m)
    normals = vertex_normals(grid.reshape(-1, 3), faces).reshape(n, m, 3)
    middle = np.array([0.0, grid[..., 1].mean(), AXIS_Z])
    if (normals * (grid - middle)).sum() < 0:
        normals, faces = -normals, faces[:, [0, 2, 1]]
    lit = resample_grid(light(normals)[..., None], *TEXELS)[..., 0]
    noise = cv2.GaussianBlur(np.random.default_rng(4).standard_normal(TEXELS).astype(np.float32), (0, 0), 1.0)
    shade = lit * (1 + 0.03 * noise / noise.std())
    seams = np.sin(np.linspace(0, 2 * np.pi * n / 3.2, TEXELS[0]))[:, None]
    shade = shade * (1 - 0.14 * hatched * smoothstep(seams, 0.86, 1.0)) * paint
    # Even black felt has a sheen where the light falls on it.
    rgb = tone * shade[..., None] + 0.065 * shade[..., None] ** 3
    texture = np.dstack([np.clip(rgb, 0, 1), np.ones(TEXELS)]).astype(np.float32)
    v, u = np.meshgrid(np.linspace(0.5, TEXELS[0] - 0.5, n), np.linspace(0.5, TEXELS[1] - 0.5, m), indexing="ij")
    uv = np.stack([u, v], -1).reshape(-1, 2)
    return AddedPart(grid.reshape(-1, 3), faces, uv, texture, REGION_LABELS["hat"], rigid_to(n * m, "head"))
