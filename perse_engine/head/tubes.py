"""Tubes along lines on the photo, in the photo's colours, and the soft fringes of their edges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import CAMERA_DISTANCE_MM, HeadFrame
from perse_engine.head.part import Part, rigid
from perse_engine.head.sampling import grid_faces, sample
from perse_engine.portrait.eyewear import Stroke
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

AWAY = "eyeglassesAway"
"""The edit shape that thins the frame to nothing."""
AROUND, ACROSS_PX = 10, 16
"""Vertices around a tube; texels over its front, which its back has, too."""
DEPTH, DEPTH_MM = 0.75, (0.5, 2.0)
"""Half of a frame's depth by its half width, and between which it is."""
INSIDE = 0.85
"""Share of the width that has the frame's colour: its edges on the photo are half skin."""
SLIMMER_PX, SLIMMEST_PX = 0.35, 0.4
"""By how much tubes with fringes end before the stroke's edge, which is soft on the photo."""
FRINGE_PX, BEFORE_MM = 1.2, 0.1
"""How far a fringe goes beyond the stroke, and by how much it lies before lenses."""
GRAIN = 0.12
"""Share of a pixel's difference to the skin that is the skin's own grain."""
CLEAR = 0.12
"""Difference of sRGB colours from which on frame and background are told apart."""


def colours_of(rgb: Array, stroke: Stroke, inside: float = INSIDE, beyond_px: float = 0.0) -> Array:
    """The photo over a share of a stroke's width and more, two rows for each of its points, [2 N, ACROSS_PX, 3]."""
    px, half = stroke.px, stroke.half_px
    if stroke.is_closed:
        px, half = np.vstack([px, px[:1]]), np.append(half, half[0])
    rows = np.linspace(0, len(px) - 1, 2 * len(px))
    px = np.stack([np.interp(rows, np.arange(len(px)), px[:, k]) for k in (0, 1)], -1)
    half = np.interp(rows, np.arange(len(half)), half)
    across = _across(px, is_closed=stroke.is_closed)
    half = inside * half + beyond_px
    offsets = np.linspace(-1, 1, ACROSS_PX)
    return sample(rgb, px[:, None] + half[:, None, None] * offsets[:, None] * across[:, None] - 0.5, is_sharp=True)


def _across(px: Array, *, is_closed: bool) -> Array:
    """Unit vectors [N, 2] across a line; a closed one ends where it begins."""
    along = np.gradient(px, axis=0)
    if is_closed:
        along[0] = along[-1] = px[1] - px[-2]
    return np.stack([-along[:, 1], along[:, 0]], -1) / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]


def tube(frame: HeadFrame, path: Array, stroke: Stroke, colours: Array, slimmer_px: float = 0.0) -> Part:
    """Around points [N, 3] mm; as wide as the stroke is on the photo, or a little slimmer."""
    path, wide = _widths(frame, path, replace(stroke, half_px=np.maximum(stroke.half_px - slimmer_px, SLIMMEST_PX)))
    deep = np.clip(DEPTH * wide, *DEPTH_MM)
    along, across = _directions(path, is_closed=stroke.is_closed)
    front = np.cross(along, across)
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    ring = (wide[:, None] * np.cos(angle))[..., None] * across[:, None]
    ring = ring + (deep[:, None] * np.sin(angle))[..., None] * front[:, None]
    vertices = (path[:, None] + ring).reshape(-1, 3)
    count, height = len(path), len(colours)
    u = 0.5 + (0.5 - 0.5 * np.cos(angle)) * (ACROSS_PX - 1)
    v = np.linspace(0.5, height - 0.5, count)
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), -1).reshape(-1, 2)
    texture = np.dstack([np.clip(colours, 0, 1), np.ones(colours.shape[:2])]).astype(np.float32)
    return part_of(vertices, _round_faces(count), uv, texture, np.repeat(path, AROUND, 0))


def fringe(frame: HeadFrame, path: Array, stroke: Stroke, rgb: Array, behind: Array) -> Part:
    """A ribbon along points [N, 3] mm, with the share of the frame in each pixel of the photo as its opacity.

    Without it a frame's edges would be sharper, and elsewhere by parts of a pixel, than the photo has them.
    """
    worn, bare = (colours_of(image, stroke, 1.0, FRINGE_PX) for image in (rgb, behind))
    middle = slice(ACROSS_PX // 3, -(ACROSS_PX // 3))
    own = np.median(worn[:, middle], 1)[:, None]
    apart = np.linalg.norm(own - bare, axis=-1)
    share = ((worn - bare) * (own - bare)).sum(-1) / np.maximum(apart, CLEAR) ** 2
    opacity = np.clip((share - GRAIN) / (1 - GRAIN), 0, 1) * (apart > CLEAR)
    # What is hardly frame has its plain colour: the skin's grain would be dirt around it before a background.
    unmixed = own + (worn - own) * opacity[..., None] ** 2
    path, wide = _widths(frame, path, replace(stroke, half_px=stroke.half_px + FRINGE_PX))
    _, across = _directions(path, is_closed=stroke.is_closed)
    sides = np.array([1.0, -1.0])
    vertices = path[:, None] + sides[:, None] * (wide[:, None] * across)[:, None] + [0, 0, BEFORE_MM]
    texture = np.dstack([np.clip(unmixed, 0, 1), opacity]).astype(np.float32)
    u, v = np.array([0.5, ACROSS_PX - 0.5]), np.linspace(0.5, len(texture) - 0.5, len(path))
    uv = np.stack(np.broadcast_arrays(u[None], v[:, None]), -1).reshape(-1, 2)
    return part_of(vertices.reshape(-1, 3), grid_faces(len(path), 2), uv, texture, np.repeat(path, 2, 0))


def part_of(vertices: Array, faces: npt.NDArray[np.int32], uv: Array, texture: Array, thinned: Array) -> Part:
    """`thinned`, [V, 3], is where the vertices are when nothing is left."""
    labels = np.full(texture.shape[:2], REGION_LABELS["eyeglasses"], np.uint8)
    weights = rigid(len(vertices), "head")
    return Part("eyeglasses", vertices, faces, uv, texture, labels, weights, {AWAY: thinned - vertices})


def _widths(frame: HeadFrame, path: Array, stroke: Stroke) -> tuple[Array, Array]:
    """The points [N, 3], of a rim with the first again, and half the stroke's width there, mm [N]."""
    half = stroke.half_px
    if stroke.is_closed:
        path, half = np.vstack([path, path[:1]]), np.append(half, half[0])
    return path, half * frame.project(path)[:, 2] / (CAMERA_DISTANCE_MM * frame.px_per_mm)


def _directions(path: Array, *, is_closed: bool) -> tuple[Array, Array]:
    """Unit vectors [N, 3] along a path and across it."""
    along = np.gradient(path, axis=0)
    if is_closed:
        along[0] = along[-1] = path[1] - path[-2]
    along /= np.linalg.norm(along, axis=1)[:, None]
    # To the camera on the photo, or outwards for temples, which run towards it.
    facing = np.where(np.abs(along[:, 2:]) < 0.7, [[0.0, 0.0, 1.0]], np.sign(path[:, :1]) * [[1.0, 0.0, 0.0]])
    across = np.cross(facing, along)
    return along, across / np.linalg.norm(across, axis=1)[:, None]


def _round_faces(count: int) -> npt.NDArray[np.int32]:
    """Triangles of `count` rings of AROUND vertices."""
    grid = np.arange(count * AROUND).reshape(count, AROUND)
    wrapped = np.concatenate([grid, grid[:, :1]], 1).ravel()
    return np.asarray(wrapped[grid_faces(count, AROUND + 1)], np.int32)
