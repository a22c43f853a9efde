"""Eyeballs: a still sclera behind the lids and an iris disc that turns about the eyeball's centre."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.part import Part, sheet
from perse_engine.head.sampling import curve, push_pull, resample_grid, sample, smoothstep
from perse_engine.head.shapes import ShapeFields
from perse_engine.head.subdivision import boundary_loops, fine_face
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
SOCKET_MM = np.array([[0.0, 0.0], [0.6, 0.8], [1.5, 2.5], [2.0, 6.0], [1.0, 11.0]])
"""How far its rings lie outwards from and behind the edge of the lids."""
RIM = 1.14
"""The dark rim of the iris goes on beyond the landmarks around it."""
IRIS_CELLS = 13
IRIS_TEXELS = 64
SCLERA_TEXELS = (96, 160)


@dataclass(frozen=True)
class Eye:
    """The pieces of one eye from back to front and the centre that its bone turns about, mm."""

    socket: Part
    sclera: Part
    iris: Part
    centre: Array

    @property
    def parts(self) -> tuple[Part, ...]:
        """In the order in which they are drawn."""
        return self.socket, self.sclera, self.iris


@dataclass(frozen=True)
class _Opening:
    """Lid lines from image left to right [., 3] mm, the iris's first landmark, the bone."""

    upper: Array
    lower: Array
    upper_px: Array
    lower_px: Array
    iris: int
    bone: str


def build_eyes(analysis: PortraitAnalysis, frame: HeadFrame, shapes: ShapeFields) -> tuple[Eye, Eye]:
    """Right and left eye."""
    right = _eye(analysis, frame, shapes, _opening(frame, RIGHT_EYE_UPPER, RIGHT_EYE_LOWER, RIGHT_IRIS, "eyeRight"))
    left = _eye(
        analysis, frame, shapes, _opening(frame, LEFT_EYE_UPPER[::-1], LEFT_EYE_LOWER[::-1], LEFT_IRIS, "eyeLeft")
    )
    return right, left


def _opening(frame: HeadFrame, upper: tuple[int, ...], lower: tuple[int, ...], iris: int, bone: str) -> _Opening:
    u, w = frame.landmarks[list(upper)], frame.landmarks[list(lower)]
    return _Opening(u, w, frame.project(u)[:, :2], frame.project(w)[:, :2], iris, bone)


def _eye(analysis: PortraitAnalysis, frame: HeadFrame, shapes: ShapeFields, opening: _Opening) -> Eye:
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
    radius = float(np.linalg.norm(rim - frame.landmarks[opening.iris], axis=1).mean()) * RIM
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
    whole = polygon(photo.shape[:2], np.vstack([opening.upper_px, opening.lower_px[::-1]]))
    mask = cv2.erode(whole, np.ones((3, 3)))
    iris_px = frame.project(frame.landmarks[opening.iris : opening.iris + 5])[:, :2]
    radius_px = float(np.linalg.norm(iris_px[1:] - iris_px[0], axis=1).mean())
    white = _sclera_texture(photo, (mask, whole), frame, grid, iris_px[0], radius_px)
    side = opening.bone.removeprefix("eye")
    sclera = sheet("eyes", grid, white, REGION_LABELS["sclera"], motion=_withdrawn(grid, side))
    disc = _iris_grid(centre, radius)
    iris_picture = _iris_texture(photo, mask, iris_px[0], radius_px)
    motion = _withdrawn(disc, side)
    iris = sheet("irises", disc, iris_picture, REGION_LABELS["iris"], bone=opening.bone, motion=motion)
    return Eye(_socket(photo, frame, shapes, opening, side), sclera, iris, centre)


@cache
def lid_loop(corner: int) -> npt.NDArray[np.int32]:
    """Vertices of the fine face around the eye that has landmark `corner`, closed."""
    loop = next(list(found) for found in boundary_loops(fine_face().faces) if corner in found)
    return np.array([*loop, loop[0]], np.int32)


def _socket(photo: Array, frame: HeadFrame, shapes: ShapeFields, opening: _Opening, side: str) -> Part:
    """Flesh from the edge of the lids to behind the eyeball: from the side one sees it, not through the head."""
    fine, loop = fine_face(), lid_loop(133 if side == "Right" else 362)
    surface = np.asarray(fine.operator @ frame.landmarks[:468])
    edge = surface[loop]
    out = edge - edge.mean(0)
    out[:, 2] = 0
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    away, behind = SOCKET_MM[:, 0, None, None], SOCKET_MM[:, 1, None, None]
    grid = edge[None] + out[None] * away + np.array([0, 0, -1.0]) * behind
    rim = fine.operator[loop]
    motion = {n: np.repeat((rim @ f)[None], len(SOCKET_MM), 0) for n, f in shapes.expressions.items()}
    pixels = frame.project(edge)[:, :2]
    colour = np.median(sample(cv2.GaussianBlur(photo, (0, 0), 1.5), pixels), 0) * np.array([1.0, 0.80, 0.78])
    rgb = colour * np.linspace(0.9, 0.35, 8)[:, None, None] * np.ones((8, 16, 1))
    texture = np.dstack([np.clip(rgb, 0, 1), np.ones((8, 16))])
    return sheet("eyes", grid, texture, REGION_LABELS["skin"], motion=motion)


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


def _sclera_texture(
    photo: Array, masks: tuple[Array, Array], frame: HeadFrame, grid: Array, iris: Array, radius: float
) -> Array:
    """The photo with the iris removed, [96, 160, 4]; masks of the opening: its surely inner part, all of it."""
    height, width = SCLERA_TEXELS
    where = frame.project(resample_grid(grid, height, width))[..., :2]
    seen = sample(photo, where)
    distance = np.linalg.norm(where - iris, axis=-1)
    white = (sample(masks[0], where) > 0.9) & (distance > radius * (RIM + 0.1))
    # An iris that fills the opening leaves nothing to sample.
    filled = push_pull(seen, white.astype(np.float32)) if white.sum() > 30 else np.full_like(seen, 0.72)
    if white.sum() > 30:
        # What the iris hides lies in the middle, away from the shadows of lids and lashes that the rest shows.
        values = seen[white]
        bright = values[values.sum(1) > np.percentile(values.sum(1), 70)].mean(0)
        # Thin skin and vessels tint the rest; the middle is the least tinted.
        bright = 0.95 * (0.7 * bright + 0.3 * bright.mean())
        hidden = smoothstep(distance, radius * 1.9, radius * RIM)[..., None]
        filled = filled * (1 - 0.7 * hidden) + bright * 0.7 * hidden
    filled = cv2.GaussianBlur(filled, (0, 0), 3.0)
    keep = smoothstep(sample(masks[1], where), 0.2, 0.7)
    keep = keep * smoothstep(distance, radius * RIM, radius * (RIM + 0.3))
    rgb = seen * keep[..., None] + filled * (1 - keep[..., None])
    down = np.linspace(-0.5, 1.5, height)[:, None, None]
    away = np.linalg.norm(resample_grid(grid, height, width)[..., :2] - grid[ROWS // 2, COLUMNS // 2, :2], axis=-1)
    shade = (1 - 0.22 * smoothstep(down, 0.35, -0.25)) * (1 - 0.10 * smoothstep(down, 0.75, 1.2))
    shade = shade * (1 - 0.25 * smoothstep(away, 5.0, 14.0))[..., None]
    rgb = rgb * (keep[..., None] + (1 - keep[..., None]) * shade)
    return np.dstack([np.clip(rgb, 0, 1), np.ones((height, width))])


def _iris_texture(photo: Array, mask: Array, centre: Array, radius: float) -> Array:
    """The iris as a disc with a soft rim, [64, 64, 4]; what lids hide is mirrored from below or taken from its ring."""
    n = IRIS_TEXELS
    y, x = np.mgrid[0:n, 0:n]
    gx, gy = (x - (n - 1) / 2) / (n / 2 - 1.5), (y - (n - 1) / 2) / (n / 2 - 1.5)
    distance = np.hypot(gx, gy)
    where = np.stack([centre[0] + gx * radius * RIM, centre[1] + gy * radius * RIM], -1)
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
