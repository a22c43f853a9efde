"""Ears: a relief on an outline, placed where the face ends and turned out as far as the photo shows.

Lengths and angles are those of adults (Farkas 1994: ear length 59-63 mm, width 33-36 mm; long axis leans back about
15 degrees; protrusion about 25 degrees). Where the photo shows hair instead, the ear is pressed under the hair.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter

from perse_engine.head.atlas import ATLAS_PX, uv_of_angles
from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.mesh_raster import bake
from perse_engine.head.part import Part, rigid
from perse_engine.head.sampling import grid_faces, sample, smoothstep
from perse_engine.head.scalp import HeadSurface, vertex_normals
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

HEIGHT_PX, WIDTH_PX, BACK_PX = 176, 112, 16
MARGIN_PX = 8
LENGTH_MM, SHORTEST_MM, LONGEST_MM = 61.0, 52.0, 70.0
WIDTH_OF_LENGTH = 0.57
LEAN_DEG = 13.0
TURNED_OUT_DEG, LEAST_DEG, MOST_DEG = 27.0, 16.0, 44.0
BEHIND_TRAGUS_MM = 5.0
ABOVE_EYE_MM, BELOW_NOSE_MM = 13.0, 3.0
UNDER_HAIR_MM = 3.0
ALL_COVERED = 0.75
ROOT_MM, OUT_PER_WIDTH_MM = 3.0, 70.0
"""The front edge lies so deep in the skin; how much farther the ear may stand out, per width backwards."""
HOLLOW_PX = 25
TURNS, RINGS, BACK_RINGS = 72, 22, 4
THICKNESS_MM = 3.4

OUTLINE = (
    (0.10, -0.30), (0.20, -0.45), (0.36, -0.50), (0.52, -0.43), (0.66, -0.27), (0.83, -0.06), (0.96, 0.14),
    (1.00, 0.30), (0.91, 0.44), (0.70, 0.50), (0.44, 0.48), (0.22, 0.40), (0.08, 0.27), (0.02, 0.10), (0.00, -0.06),
    (0.03, -0.19),
)  # fmt: skip
"""Points of the right ear as seen from the side, in widths backwards and lengths upwards, from the lobe around."""
HELIX, ROOT = (4, 12.5), (12.0, 16.5)
"""Where the rolled rim runs, and where the ear grows out of the head, in points of OUTLINE."""
CENTRE = (0.42, 0.02)
RIDGES = (
    # Lines of the relief: points, height mm, half width mm.
    (((0.30, -0.27), (0.50, -0.20), (0.63, -0.06), (0.66, 0.10), (0.58, 0.24), (0.44, 0.35)), 4.2, 2.7),
    (((0.60, 0.20), (0.46, 0.24), (0.30, 0.26)), 3.0, 2.2),
    (((0.08, 0.20), (0.20, 0.12), (0.34, 0.06)), 3.4, 2.2),
    (((0.05, 0.02), (0.06, -0.12)), 4.6, 2.9),
    (((0.27, -0.26), (0.33, -0.25)), 2.6, 3.0),
    (((0.34, -0.40), (0.36, -0.38)), 1.6, 5.0),
)
CONCHA, CONCHA_MM, CONCHA_DEEP_MM = (0.30, -0.04), (6.8, 10.5), 9.0


@dataclass(frozen=True)
class Ear:
    """One ear in the head frame.

    Attributes:
        grid: [TURNS + 1, RINGS + BACK_RINGS, 3] mm, from the middle of the front to the edge, and back behind it.
        uv: like grid, 2, texels of its texture.
        relief, inside: [HEIGHT_PX, WIDTH_PX], mm over its plane, and whether the outline holds the texel.
        texel_points: [HEIGHT_PX, WIDTH_PX, 3] mm, where the texels of the front lie.
        normal: [3], the way it faces; length_mm from top to lobe.
    """

    grid: Array
    uv: Array
    relief: Array
    inside: Array
    texel_points: Array
    normal: Array
    length_mm: float


def shape_ears(analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, uv: Array) -> tuple[Ear, Ear]:
    """Right and left; their place and size from the landmarks and the photo's outline."""
    radius = _radius_map(surface, uv)
    hair = cv2.GaussianBlur(analysis.regions.hair, (0, 0), 3)
    ears = [_shape(frame, surface, sign) for sign in (-1.0, 1.0)]
    cover = [gaussian_filter(smoothstep(sample(hair, frame.project(e.grid)[..., :2]), 0.35, 0.7), 2.0) for e in ears]
    # Light from behind looks like hair: what is free on one side is covered on the other only if all of it is.
    least = np.minimum(*cover)
    right, left = (
        replace(ear, grid=_under(ear, own if own.mean() > ALL_COVERED else least, radius))
        for ear, own in zip(ears, cover, strict=True)
    )
    return right, left


def ears_in_photo(ears: tuple[Ear, Ear], frame: HeadFrame) -> Array:
    """Where the ears lie on the work image, [S, S] 0..1: their pixels are not the head's."""
    mask = np.zeros((frame.size_px, frame.size_px), np.uint8)
    for ear in ears:
        quads = frame.project(ear.grid[:, :RINGS])[..., :2]
        for quad in np.stack([quads[:-1, :-1], quads[1:, :-1], quads[1:, 1:], quads[:-1, 1:]], 2).reshape(-1, 4, 2):
            cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), (1.0,), cv2.LINE_8, 4)
    return cv2.dilate(mask, np.ones((5, 5))).astype(np.float32)


def _place(frame: HeadFrame, surface: HeadSurface, sign: float) -> tuple[Array, float, float]:
    """The tragus [3] mm, the length and how far it is turned out, radians."""
    marks = frame.landmarks
    tragus, outer_eye = (234, 33) if sign < 0 else (454, 263)
    side = (np.sign(np.cos(surface.azimuth)) == sign) & (surface.earness > 0.5)
    # From the brow to the base of the nose.
    top, bottom = marks[outer_eye, 1] + ABOVE_EYE_MM, marks[2, 1] - BELOW_NOSE_MM
    length = 0.5 * float(np.clip(top - bottom, SHORTEST_MM, LONGEST_MM)) + 0.5 * LENGTH_MM
    middle = 0.5 * float(top + bottom)
    turned = np.radians(TURNED_OUT_DEG)
    root = np.array([marks[tragus, 0], middle, marks[tragus, 2] - BEHIND_TRAGUS_MM])
    if side.sum() >= 4:
        out = float(np.percentile(np.abs(surface.outline[side] * np.cos(surface.azimuth[side]) * np.sin(
            surface.silhouette_angle[side])), 90))  # fmt: skip
        reach = (out - abs(root[0]) - 2.0) / (WIDTH_OF_LENGTH * length)
        turned = float(np.clip(np.arcsin(np.clip(reach, 0.0, 0.9)), *np.radians([LEAST_DEG, MOST_DEG])))
    return root, length, turned


def _shape(frame: HeadFrame, surface: HeadSurface, sign: float) -> Ear:
    root, length, turned = _place(frame, surface, sign)
    width = WIDTH_OF_LENGTH * length
    relief, inside = _relief(length)
    back = np.array([sign * np.sin(turned), 0.0, -np.cos(turned)])
    normal = np.array([sign * np.cos(turned), 0.0, np.sin(turned)])
    lean = np.radians(LEAN_DEG)
    across = np.cos(lean) * back - np.sin(lean) * np.array([0.0, 1.0, 0.0])
    up = np.cos(lean) * np.array([0.0, 1.0, 0.0]) + np.sin(lean) * back

    def place(st: Array, height: Array) -> Array:
        return np.asarray(root + st[..., :1] * width * across + st[..., 1:] * length * up + height[..., None] * normal)

    edge = _outline(TURNS + 1)
    rings = np.linspace(0, 1, RINGS) ** 0.8
    front = CENTRE + (edge - CENTRE)[:, None] * rings[None, :, None]
    inwards = CENTRE + (edge - CENTRE)[:, None] * np.linspace(0.97, 0.2, BACK_RINGS)[None, :, None]
    texel = _texel_of(front)
    heights = sample(relief, texel)
    behind = sample(relief, _texel_of(edge))[:, None] - THICKNESS_MM * np.linspace(0.6, 1.6, BACK_RINGS)[None]
    # Behind the front's hollows too, or it would show in them.
    lowest = cv2.erode(relief, np.ones((HOLLOW_PX, HOLLOW_PX)))
    behind = np.minimum(behind, sample(lowest, _texel_of(inwards)) - 0.5)
    grid = np.concatenate([place(front, heights), place(inwards, behind)], 1)
    back_uv = np.stack([
        np.broadcast_to(np.linspace(WIDTH_PX + 2, WIDTH_PX + BACK_PX - 3, BACK_RINGS)[None], behind.shape),
        np.broadcast_to(texel[:, -1:, 1], behind.shape)], -1)  # fmt: skip
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    points = place(_st_of(np.stack([columns, rows], -1)), relief)
    return Ear(grid, np.concatenate([texel, back_uv], 1) + 0.5, relief, inside, points, normal, length)


def _outline(count: int) -> Array:
    """The closed outline, [count, 2], the last point the first."""
    points = np.array([*OUTLINE, OUTLINE[0]])
    spline = CubicSpline(np.arange(len(points)), points, bc_type="periodic")
    return np.asarray(spline(np.linspace(0, len(OUTLINE), count)))


def _texel_of(st: Array) -> Array:
    """Widths and lengths to texels (x, y), centres at whole numbers."""
    x = MARGIN_PX + st[..., 0] * (WIDTH_PX - 2 * MARGIN_PX)
    y = HEIGHT_PX / 2 - st[..., 1] * (HEIGHT_PX - 2 * MARGIN_PX)
    return np.stack([x, y], -1)


def _st_of(texel: Array) -> Array:
    s = (texel[..., 0] - MARGIN_PX) / (WIDTH_PX - 2 * MARGIN_PX)
    t = (HEIGHT_PX / 2 - texel[..., 1]) / (HEIGHT_PX - 2 * MARGIN_PX)
    return np.stack([s, t], -1)


def _relief(length: float) -> tuple[Array, Array]:
    """Height over the ear's plane, mm, and the inside of the outline, [HEIGHT_PX, WIDTH_PX] each."""
    scale = np.array([WIDTH_OF_LENGTH * length, length])
    edge = _outline(480)
    inside = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    cv2.fillPoly(inside, [np.round(_texel_of(edge) * 16).astype(np.int32)], (1.0,), cv2.LINE_8, 4)
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    at = _st_of(np.stack([columns, rows], -1)) * scale
    from_edge = np.linalg.norm(at[:, :, None] - edge[::4] * scale, axis=-1)
    depth = from_edge.min(-1) * inside
    along = from_edge.argmin(-1) * (len(OUTLINE) / (len(edge[::4]) - 1))
    helix = smoothstep(along, HELIX[0] - 0.6, HELIX[0] + 0.8) * smoothstep(along, HELIX[1] + 0.5, HELIX[1] - 0.5)
    wrapped = np.where(along < 2, along + len(OUTLINE), along)
    is_root = smoothstep(wrapped, ROOT[0] - 0.4, ROOT[0] + 0.4) * smoothstep(wrapped, ROOT[1] + 0.5, ROOT[1] - 0.3)
    height = helix * (5.0 * np.exp(-(((depth - 2.0) / 1.9) ** 2)) - 2.2 * np.exp(-(((depth - 6.6) / 1.9) ** 2)))
    for points, rise, half_width in RIDGES:
        height += rise * np.exp(-((_distance(at, np.array(points) * scale) / half_width) ** 2))
    off = (at - np.array(CONCHA) * scale) / np.array(CONCHA_MM) / (length / LENGTH_MM)
    height -= CONCHA_DEEP_MM * np.exp(-((off**2).sum(-1) ** 1.4))
    # Where the ear grows out of the head it starts below the skin.
    height -= is_root * 7.0 * (1 - smoothstep(depth, 0.0, 6.0))
    return height.astype(np.float32), inside.astype(np.float32)


def _distance(at: Array, line: Array) -> Array:
    best = np.full(at.shape[:2], np.inf)
    for a, b in pairwise(line):
        way = b - a
        t = np.clip(((at - a) @ way) / (way @ way), 0, 1)
        best = np.minimum(best, np.linalg.norm(at - a - t[..., None] * way, axis=-1))
    return best


def _radius_map(surface: HeadSurface, uv: Array) -> Array:
    """The head's radius in the atlas, mm."""
    radius = np.linalg.norm(surface.vertices, axis=1)[:, None]
    baked, _ = bake(uv, surface.faces, radius, (ATLAS_PX, ATLAS_PX))
    return baked[..., 0]


def _under(ear: Ear, cover: Array, radius: Array) -> Array:
    """Press covered vertices below the hair's surface, and what the ear grows out with below the skin."""
    grid = ear.grid
    own = np.linalg.norm(grid, axis=-1)
    angle = np.arccos(grid[..., 2] / own)
    hull = sample(radius, uv_of_angles(angle, np.arctan2(grid[..., 1], grid[..., 0])) - 0.5)
    hull = np.where(hull > 1, hull, own)
    backwards = _st_of(ear.uv - 0.5)[..., 0].copy()
    backwards[:, RINGS:] = 1.0
    bound = np.minimum(own, hull - ROOT_MM + OUT_PER_WIDTH_MM * np.maximum(backwards, 0))
    bound += cover * (np.minimum(bound, hull - UNDER_HAIR_MM) - bound)
    return np.asarray(grid * (bound / own)[..., None])


def ear_parts(analysis: PortraitAnalysis, frame: HeadFrame, ears: tuple[Ear, Ear], cheek: Array) -> tuple[Part, Part]:
    """Textured: the photo where it shows them, else skin with the relief's own shades. cheek [3]: skin beside them."""
    shown = [_from_photo(analysis, frame, ear) for ear in ears]
    seen = [np.median(c[w > 0.6], 0) if (w > 0.6).sum() > 300 else None for c, w in shown]
    parts = []
    for number, (ear, (colour, weight)) in enumerate(zip(ears, shown, strict=True)):
        own, other = seen[number], seen[1 - number]
        found = own if own is not None else other
        base = np.clip(cheek * np.array([1.0, 0.93, 0.92]), 0, 1) if found is None else 0.75 * found + 0.25 * cheek
        shade = _shade(ear)
        painted = np.clip(base * shade[..., None], 0, 1)
        front = painted + (colour - painted) * weight[..., None]
        back = np.clip(base * 0.8, 0, 1) * np.ones((HEIGHT_PX, BACK_PX, 1))
        rgb = np.concatenate([front, back], 1)
        texture = np.dstack([rgb, np.ones(rgb.shape[:2])]).astype(np.float32)
        parts.append(_part(ear, texture))
    return parts[0], parts[1]


def _part(ear: Ear, texture: Array) -> Part:
    points = ear.grid.reshape(-1, 3)
    faces = grid_faces(*ear.grid.shape[:2])
    if (vertex_normals(points, faces).reshape(ear.grid.shape)[:, 1:RINGS] @ ear.normal).mean() < 0:
        faces = faces[:, [0, 2, 1]]
    return Part(
        name="ears",
        vertices=points,
        faces=faces,
        uv=ear.uv.reshape(-1, 2),
        texture=texture,
        labels=np.full(texture.shape[:2], REGION_LABELS["skin"], np.uint8),
        weights=rigid(len(points), "head"),
    )


def _shade(ear: Ear) -> Array:
    """Hollows are dark and ridges light, and light falls from above, [HEIGHT_PX, WIDTH_PX]."""
    px_per_mm = (HEIGHT_PX - 2 * MARGIN_PX) / ear.length_mm
    hollow = ear.relief - cv2.GaussianBlur(ear.relief, (0, 0), 4.0 * px_per_mm)
    slope = np.gradient(cv2.GaussianBlur(ear.relief, (0, 0), 0.6 * px_per_mm), axis=0) * px_per_mm
    return np.clip(1 + 0.055 * np.minimum(hollow, 0) + 0.02 * np.maximum(hollow, 0), 0.42, 1.1) * np.clip(
        1 + 0.10 * slope, 0.8, 1.15
    )


def _from_photo(analysis: PortraitAnalysis, frame: HeadFrame, ear: Ear) -> tuple[Array, Array]:
    """The photo on the ear's front, [H, W, 3], and how much it shows of it, [H, W]."""
    regions = analysis.regions
    place = frame.project(ear.texel_points)[..., :2] - 0.5
    to_camera = frame.axes @ (-frame.centre) - ear.texel_points.mean((0, 1))
    facing = float(ear.normal @ to_camera / np.linalg.norm(to_camera))
    inside = cv2.erode((regions.person > 0.6).astype(np.uint8), np.ones((5, 5))).astype(np.float32)
    shown = sample(inside, place) * smoothstep(sample(cv2.GaussianBlur(regions.hair, (0, 0), 2), place), 0.4, 0.15)
    shown = shown * sample(regions.valid, place) * smoothstep(facing, 0.12, 0.35)
    shown = shown * smoothstep(sample(cv2.GaussianBlur(regions.familiarity, (0, 0), 4), place), 0.3, 0.6)
    weight = cv2.GaussianBlur(cv2.erode((shown * ear.inside).astype(np.float32), np.ones((7, 7))), (0, 0), 3.0)
    return np.clip(sample(analysis.work_rgb.astype(np.float32) / 255, place, is_sharp=True), 0, 1), weight
