"""The eyeglasses of the photo as an object: tubes along what was found of the frame, in the photo's colours.

Rims and bridges lie on a curved sheet before the eyes, where the photo's rays meet it, so that the photographed view
shows them as the photo does. Temples go on to the ears.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import CAMERA_DISTANCE_MM, HeadFrame
from perse_engine.head.part import Part, rigid
from perse_engine.head.sampling import grid_faces, sample
from perse_engine.head.temples import HOOK_FROM, TEMPLE_POINTS, temple_path, upon_ear
from perse_engine.portrait.eyewear import Film, Stroke
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

AWAY = "eyeglassesAway"
"""The edit shape that thins the frame to nothing."""
NOSE_ROOT, BEFORE_NOSE_MM, CURVE_PER_MM = (168, 6), 3.0, 0.0045
"""Where the sheet lies, and how far back it goes per square millimetre sideways: as the editor's eyeglasses do."""
SIDES = (127, 356)
AROUND, ACROSS_PX = 10, 16
"""Vertices around a tube; texels over its front, which its back has, too."""
DEPTH, DEPTH_MM = 0.75, (0.5, 2.0)
"""Half of a frame's depth by its half width, and between which it is."""
INSIDE = 0.85
"""Share of the width that has the frame's colour: its edges on the photo are half skin."""
BRIDGE_RISE_MM = 2.0
LIKE_RIM = 0.35
"""Difference of sRGB colours up to which a pixel of a temple has the shades of the rim."""
BELOW_HAIR, BELOW_HAIR_MM = 3, 9.0
"""Points over which a temple goes below hair that covers it, and how far."""
MOST_OFF_MM = 15.0
"""A temple that would leave the way to the ear by more is something else."""


def eyeglasses_parts(
    analysis: PortraitAnalysis, frame: HeadFrame, photo: npt.NDArray[np.uint8], ears: Sequence[Part]
) -> tuple[Part, ...]:
    """Tubes for every piece, if there is any; photo [S, S, 3]: the work image that has the eyeglasses on."""
    eyewear, hair = analysis.eyewear, analysis.regions.hair
    if eyewear is None:
        return ()
    rgb = photo.astype(np.float32) / 255
    rims = [_tube(frame, _on_sheet(frame, rim.px), rim, _colours(rgb, rim)) for rim in eyewear.rims]
    bridges = [_tube(frame, _bridge(frame, b), b, _colours(rgb, b)) for b in eyewear.bridges]
    ear_points = np.vstack([part.vertices for part in ears])
    temples = [
        _temple(frame, rgb, hair, sign, rim, temple, ear_points)
        for sign, rim, temple in zip((-1, 1), eyewear.rims, eyewear.temples, strict=True)
    ]
    lenses = () if eyewear.film is None else tuple(_lens(frame, rim, eyewear.film) for rim in eyewear.rims)
    return (*rims, *bridges, *temples, *lenses)


def _on_sheet(frame: HeadFrame, px: Array) -> Array:
    """Where the photo's rays through px [N, 2] meet the sheet, head-frame mm [N, 3]."""
    depth = float(frame.landmarks[list(NOSE_ROOT), 2].max()) + BEFORE_NOSE_MM
    rays = np.c_[(px - frame.size_px / 2) / (CAMERA_DISTANCE_MM * frame.px_per_mm), np.ones(len(px))]
    rays, eye = rays @ frame.axes.T, -frame.axes @ frame.centre
    points = np.zeros_like(rays)
    # The sheet is nearly flat: what the last round's x says about its depth is right after a few.
    for _ in range(6):
        far = (depth - CURVE_PER_MM * points[:, 0] ** 2 - eye[2]) / rays[:, 2]
        points = eye + far[:, None] * rays
    return points


def _lens(frame: HeadFrame, rim: Stroke, film: Film) -> Part:
    """A fan about the rim's middle."""
    outline = _on_sheet(frame, rim.px)
    vertices = np.vstack([outline, _on_sheet(frame, rim.px.mean(0)[None])])
    count = len(outline)
    corners = np.arange(count)
    faces = np.stack([np.roll(corners, -1), corners, np.full(count, count)], -1).astype(np.int32)
    texture = np.tile(np.append(film.colour, film.opacity).astype(np.float32), (4, 4, 1))
    return Part(
        "eyeglasses", vertices, faces, np.full((count + 1, 2), 2.0), texture,
        np.full((4, 4), REGION_LABELS["eyeglasses"], np.uint8), rigid(count + 1, "head"),
        {AWAY: vertices[-1] - vertices},
    )  # fmt: skip


def _bridge(frame: HeadFrame, stroke: Stroke) -> Array:
    points = _on_sheet(frame, stroke.px)
    along = np.linspace(-1, 1, len(points))
    return points + (BRIDGE_RISE_MM * (1 - along**2))[:, None] * [0, 0, 1]


def _temple(
    frame: HeadFrame, rgb: Array, hair: Array, sign: int, rim: Stroke, seen: Stroke | None, ears: Array
) -> Part:
    """As the photo shows its beginning, if it does; where hair ends that, it goes on below the hair."""
    outline = _on_sheet(frame, rim.px)
    at = np.argmax(sign * outline[:, 0] + 0.5 * outline[:, 1])
    side = float(frame.landmarks[SIDES[sign > 0], 0])
    ear = upon_ear(sign, ears / 1000)
    path = 1000 * temple_path(sign, outline[at] / 1000, side / 1000, ear)
    plain = np.median(_colours(rgb, rim).reshape(-1, 3), 0)
    colours = np.broadcast_to(plain, (2 * TEMPLE_POINTS, ACROSS_PX, 3)).copy()
    half = np.full(TEMPLE_POINTS, 0.8 * float(np.median(rim.half_px)))
    if seen is not None:
        path, shown = _through(frame, path, seen, sign)
        half[:] = float(np.median(seen.half_px))
        known = _colours(rgb, seen)
        rows = np.linspace(0, len(known) - 1, 2 * shown).astype(int)
        # What it crosses, hair above all, is not the frame.
        is_frame = np.linalg.norm(known[rows] - plain, axis=-1, keepdims=True) < LIKE_RIM
        colours[: len(rows)] = np.where(is_frame, known[rows], plain)
        beyond = frame.project(path[shown + 1 : shown + 2])[:, :2]
        is_covered = seen.is_cut and bool((sample(hair, beyond - 0.5) > 0.5).any())
        below = np.clip(np.arange(TEMPLE_POINTS) - shown, 0, BELOW_HAIR) * is_covered
        path = path - sign * BELOW_HAIR_MM / BELOW_HAIR * below[:, None] * [1, 0, 0]
    return _tube(frame, path, Stroke(frame.project(path)[:, :2], half), colours)


def _through(frame: HeadFrame, path: Array, seen: Stroke, sign: int) -> tuple[Array, int]:
    """A path [N, 3] raised to where the photo shows its beginning, and how many points that is."""
    out, up = sign * frame.axes[0, :2], frame.axes[1, :2]
    place = frame.project(path)[:, :2]
    reach, shown = place @ out, seen.px @ out
    visible = np.cumprod(reach <= shown.max()).astype(bool)
    last = max(int(visible.sum()) - 1, 0)
    order = np.argsort(shown)
    wanted = np.interp(reach, shown[order], (seen.px @ up)[order])
    # Axes of the image run down: `up` has a length below 1 in it, by how far the head is tilted.
    rise = (wanted - place @ up) / (up @ up) / frame.px_per_mm
    fade = np.clip((HOOK_FROM * len(path) - np.arange(len(path))) / max(HOOK_FROM * len(path) - last, 1), 0, 1)
    rise = np.where(np.arange(len(path)) <= last, rise, rise[last] * fade)
    if np.abs(rise).max() > MOST_OFF_MM:
        return path, 0
    return path + rise[:, None] * [0, 1, 0], last + 1


def _colours(rgb: Array, stroke: Stroke) -> Array:
    """The photo over a stroke's width, two rows for each of its points, [2 N, ACROSS_PX, 3]."""
    px, half = stroke.px, stroke.half_px
    if stroke.is_closed:
        px, half = np.vstack([px, px[:1]]), np.append(half, half[0])
    rows = np.linspace(0, len(px) - 1, 2 * len(px))
    px = np.stack([np.interp(rows, np.arange(len(px)), px[:, k]) for k in (0, 1)], -1)
    half = np.interp(rows, np.arange(len(half)), half)
    across = _across(px, is_closed=stroke.is_closed)
    offsets = np.linspace(-INSIDE, INSIDE, ACROSS_PX)
    return sample(rgb, px[:, None] + half[:, None, None] * offsets[:, None] * across[:, None] - 0.5)


def _across(px: Array, *, is_closed: bool) -> Array:
    """Unit vectors [N, 2] across a line; a closed one ends where it begins."""
    along = np.gradient(px, axis=0)
    if is_closed:
        along[0] = along[-1] = px[1] - px[-2]
    return np.stack([-along[:, 1], along[:, 0]], -1) / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]


def _tube(frame: HeadFrame, path: Array, stroke: Stroke, colours: Array) -> Part:
    """Around points [N, 3] mm; as wide as the stroke is on the photo."""
    half = stroke.half_px
    if stroke.is_closed:
        path, half = np.vstack([path, path[:1]]), np.append(half, half[0])
    wide = half * frame.project(path)[:, 2] / (CAMERA_DISTANCE_MM * frame.px_per_mm)
    deep = np.clip(DEPTH * wide, *DEPTH_MM)
    along = np.gradient(path, axis=0)
    if stroke.is_closed:
        along[0] = along[-1] = path[1] - path[-2]
    along /= np.linalg.norm(along, axis=1)[:, None]
    # To the camera on the photo, or outwards for temples, which run towards it.
    facing = np.where(np.abs(along[:, 2:]) < 0.7, [[0.0, 0.0, 1.0]], np.sign(path[:, :1]) * [[1.0, 0.0, 0.0]])
    across = np.cross(facing, along)
    across /= np.linalg.norm(across, axis=1)[:, None]
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
    centre = np.repeat(path, AROUND, 0)
    return Part(
        "eyeglasses", vertices, _round_faces(count), uv, texture,
        np.full(texture.shape[:2], REGION_LABELS["eyeglasses"], np.uint8), rigid(len(vertices), "head"),
        {AWAY: centre - vertices},
    )  # fmt: skip


def _round_faces(count: int) -> npt.NDArray[np.int32]:
    """Triangles of `count` rings of AROUND vertices."""
    grid = np.arange(count * AROUND).reshape(count, AROUND)
    wrapped = np.concatenate([grid, grid[:, :1]], 1).ravel()
    return np.asarray(wrapped[grid_faces(count, AROUND + 1)], np.int32)
