"""Eyeballs: a still sclera behind the lids and an iris disc that turns about the eyeball's centre."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.part import Part, sheet
from perse_engine.head.sampling import curve, push_pull, resample_grid, sample, smoothstep
from perse_engine.portrait.matting import polygon
from perse_engine.portrait.points import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    LEFT_IRIS,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
    RIGHT_IRIS,
)
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

EYEBALL_RADIUS_MM = 12.0
"""Adult eyeballs measure 24 mm across."""
COLUMNS, ROWS = 33, 25
BEHIND_LIDS_MM = 5.0
"""How far the white of the eye goes on above and below the opening: raised lids uncover it."""
LID_MM = 0.8
"""Lids are at least this far in front of the iris."""
IRIS_CELLS = 13
IRIS_TEXELS = 64
SCLERA_TEXELS = (96, 160)


@dataclass(frozen=True)
class Eye:
    """Both pieces of one eye and the centre that its bone turns about, mm."""

    sclera: Part
    iris: Part
    centre: Array


@dataclass(frozen=True)
class _Opening:
    """Lid lines from image left to right [., 3] mm, the iris's first landmark, the bone."""

    upper: Array
    lower: Array
    upper_px: Array
    lower_px: Array
    iris: int
    bone: str


def build_eyes(analysis: PortraitAnalysis, frame: HeadFrame) -> tuple[Eye, Eye]:
    """Right and left eye."""
    right = _eye(analysis, frame, _opening(frame, RIGHT_EYE_UPPER, RIGHT_EYE_LOWER, RIGHT_IRIS, "eyeRight"))
    left = _eye(analysis, frame, _opening(frame, LEFT_EYE_UPPER[::-1], LEFT_EYE_LOWER[::-1], LEFT_IRIS, "eyeLeft"))
    return right, left


def _opening(frame: HeadFrame, upper: tuple[int, ...], lower: tuple[int, ...], iris: int, bone: str) -> _Opening:
    u, w = frame.landmarks[list(upper)], frame.landmarks[list(lower)]
    return _Opening(u, w, frame.project(u)[:, :2], frame.project(w)[:, :2], iris, bone)


def _eye(analysis: PortraitAnalysis, frame: HeadFrame, opening: _Opening) -> Eye:
    photo = analysis.work_rgb.astype(np.float32) / 255
    across, down = np.linspace(0, 1, COLUMNS), np.linspace(-0.5, 1.5, ROWS)[:, None, None]
    upper, lower = curve(opening.upper, COLUMNS), curve(opening.lower, COLUMNS)
    share = np.clip(down, 0, 1)
    grid = upper[None] * (1 - share) + lower[None] * share
    # Above and below it goes on behind the lids, at the corners too, where the opening has no height.
    grid[..., 1] += 2 * BEHIND_LIDS_MM * (np.clip(-down, 0, 1) - np.clip(down - 1, 0, 1))[..., 0]
    lid_depth = grid[..., 2].copy()
    middle = frame.landmarks[opening.iris].copy()
    rim = frame.landmarks[opening.iris + 1 : opening.iris + 5]
    radius = float(np.linalg.norm(rim - frame.landmarks[opening.iris], axis=1).mean()) * 1.06
    centre = np.array([middle[0], middle[1], _front(upper, lower, middle, radius) - EYEBALL_RADIUS_MM])
    offset = np.linalg.norm(grid[..., :2] - centre[:2], axis=-1)
    sphere = centre[2] + np.sqrt(np.maximum(EYEBALL_RADIUS_MM**2 - offset**2, 1.0))
    outside = smoothstep(offset, 8.0, 11.5)
    behind_lids = lid_depth - 1.5
    edge = np.clip(np.abs(2 * down[..., 0] - 1) - 1, 0, 1)
    grid[..., 2] = np.minimum(sphere * (1 - outside) + behind_lids * outside, lid_depth - 0.5 * (1 - edge))
    # Well behind the iris: Gaussians are sorted by their middles, and white must never come before brown.
    grid[..., 2] -= 1.0
    grid[..., 2] -= 3.0 * edge + 0.3 * np.abs(2 * across - 1)[None] ** 4
    # Wider than the opening: from the side one looks behind its corners.
    grid[..., 0] += (grid[..., 0] - grid[..., 0].mean()) * 0.10
    mask = polygon(photo.shape[:2], np.vstack([opening.upper_px, opening.lower_px[::-1]]))
    mask = cv2.erode(mask, np.ones((3, 3)))
    iris_px = frame.project(frame.landmarks[opening.iris : opening.iris + 5])[:, :2]
    radius_px = float(np.linalg.norm(iris_px[1:] - iris_px[0], axis=1).mean())
    white = _sclera_texture(photo, mask, frame, grid, iris_px[0], radius_px)
    side = opening.bone.removeprefix("eye")
    sclera = sheet("eyes", grid, white, REGION_LABELS["sclera"], motion=_withdrawn(grid, side))
    disc = _iris_grid(centre, radius)
    iris_picture = _iris_texture(photo, mask, iris_px[0], radius_px)
    motion = _withdrawn(disc, side)
    iris = sheet("irises", disc, iris_picture, REGION_LABELS["iris"], bone=opening.bone, motion=motion)
    return Eye(sclera, iris, centre)


def _front(upper: Array, lower: Array, middle: Array, radius: float) -> float:
    """How far forward the eyeball can be, z in mm, so that the iris lies behind both lids where they cover it."""
    between = (upper + lower) / 2
    front = float(between[np.argmin(np.abs(between[:, 0] - middle[0])), 2]) - 0.2
    for line in (upper, lower):
        near = line[np.abs(line[:, 0] - middle[0]) < radius]
        away = np.minimum(np.linalg.norm(near[:, :2] - middle[:2], axis=1), 0.95 * EYEBALL_RADIUS_MM)
        recedes = EYEBALL_RADIUS_MM - np.sqrt(EYEBALL_RADIUS_MM**2 - away**2)
        front = min([front, *(near[:, 2] - LID_MM + recedes)])
    return front


def _withdrawn(grid: Array, side: str) -> dict[str, Array]:
    """The eye draws back while its lids close: they slide over it and never through it."""
    return {f"eyeBlink{side}": np.zeros_like(grid) + np.array([0, 0, -2.5])}


def _sclera_texture(photo: Array, mask: Array, frame: HeadFrame, grid: Array, iris: Array, radius: float) -> Array:
    """The photo with the iris removed, [96, 160, 4]."""
    height, width = SCLERA_TEXELS
    where = frame.project(resample_grid(grid, height, width))[..., :2]
    seen = sample(photo, where)
    inside = sample(mask, where)
    distance = np.linalg.norm(where - iris, axis=-1)
    white = (inside > 0.9) & (distance > radius * 1.13)
    # An iris that fills the opening leaves nothing to sample.
    filled = push_pull(seen, white.astype(np.float32)) if white.sum() > 30 else np.full_like(seen, 0.72)
    if white.sum() > 30:
        # What the iris hides lies in the middle, away from the shadows of lids and lashes that the rest shows.
        values = seen[white]
        bright = values[values.sum(1) > np.percentile(values.sum(1), 55)].mean(0)
        hidden = smoothstep(distance, radius * 1.6, radius * 1.1)[..., None]
        filled = filled * (1 - 0.75 * hidden) + bright * 0.75 * hidden
    down = np.linspace(-0.5, 1.5, height)[:, None, None]
    filled = filled * (1 - 0.30 * smoothstep(down, 0.35, -0.25)) * (1 - 0.10 * smoothstep(down, 0.75, 1.2))
    keep = smoothstep(inside, 0.1, 0.6) * smoothstep(distance, radius * 1.08, radius * 1.2)
    rgb = np.where(keep[..., None] > 0.5, seen, cv2.GaussianBlur(filled, (0, 0), 2.0))
    return np.dstack([np.clip(rgb, 0, 1), np.ones((height, width))])


def _iris_texture(photo: Array, mask: Array, centre: Array, radius: float) -> Array:
    """The iris as a disc with a soft rim, [64, 64, 4]; what lids hide is mirrored from below or taken from its ring."""
    n = IRIS_TEXELS
    y, x = np.mgrid[0:n, 0:n]
    gx, gy = (x - (n - 1) / 2) / (n / 2 - 1.5), (y - (n - 1) / 2) / (n / 2 - 1.5)
    distance = np.hypot(gx, gy)
    where = np.stack([centre[0] + gx * radius * 1.06, centre[1] + gy * radius * 1.06], -1)
    seen = sample(photo, where)
    visible = ((sample(mask, where) > 0.95) & (distance < 1.05)).astype(np.float32)
    rings = 14
    profile = np.zeros((rings, 3))
    last = np.array([0.15, 0.1, 0.08])
    for k in range(rings):
        ring = (visible > 0) & (distance >= k / rings * 1.05) & (distance < (k + 1) / rings * 1.05)
        last = np.median(seen[ring], 0) if ring.sum() > 3 else last
        profile[k] = last
    radial = np.stack([np.interp(distance * rings / 1.05 - 0.5, np.arange(rings), profile[:, c]) for c in range(3)], -1)
    sure = cv2.GaussianBlur(cv2.erode(visible, np.ones((3, 3))), (0, 0), 1.5)[..., None]
    flipped = np.clip(sure[::-1] - sure, 0, 1)
    rgb = seen * sure + (1 - sure) * (seen[::-1] * flipped + radial * (1 - flipped))
    return np.dstack([np.clip(rgb, 0, 1), 1 - smoothstep(distance, 0.9, 1.04)])


def _iris_grid(centre: Array, radius: float) -> Array:
    """A cap of the eyeball, a little in front of the sclera, [13, 13, 3] mm."""
    cells = np.linspace(-1, 1, IRIS_CELLS)
    x, y = np.meshgrid(cells * radius, -cells * radius)
    z = np.sqrt(np.maximum((EYEBALL_RADIUS_MM + 0.25) ** 2 - x**2 - y**2, 1.0))
    return np.stack([centre[0] + x, centre[1] + y, centre[2] + z], -1)
