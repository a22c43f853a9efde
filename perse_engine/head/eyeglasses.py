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
from perse_engine.head.part import Part
from perse_engine.head.sampling import sample
from perse_engine.head.temples import HOOK_FROM, TEMPLE_POINTS, temple_path, upon_ear
from perse_engine.head.tubes import ACROSS_PX, SLIMMER_PX, colours_of, fringe, part_of, tube
from perse_engine.portrait.eyewear import Film, Stroke
from perse_engine.portrait.lens_film import with_film
from perse_engine.portrait.portrait import PortraitAnalysis

Array = npt.NDArray[Any]

NOSE_ROOT, BEFORE_NOSE_MM, CURVE_PER_MM = (168, 6), 3.0, 0.0045
"""Where the sheet lies, and how far back it goes per square millimetre sideways: as the editor's eyeglasses do."""
SIDES = (127, 356)
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
    """Everything that is worn, if it is; photo [S, S, 3] has it on, and the analysis' picture has not."""
    eyewear, hair = analysis.eyewear, analysis.regions.hair
    if eyewear is None:
        return ()
    rgb = photo.astype(np.float32) / 255
    paths = [*((_on_sheet(frame, rim.px), rim) for rim in eyewear.rims)]
    paths += [(_bridge(frame, bridge), bridge) for bridge in eyewear.bridges]
    tubes = [tube(frame, path, stroke, colours_of(rgb, stroke), slimmer_px=SLIMMER_PX) for path, stroke in paths]
    bare = analysis.work_rgb
    behind = (bare if eyewear.film is None else with_film(bare, eyewear.rims, eyewear.film)).astype(np.float32) / 255
    fringes = [fringe(frame, path, stroke, rgb, behind) for path, stroke in paths]
    ear_points = np.vstack([part.vertices for part in ears])
    temples = [
        _temple(frame, rgb, hair, sign, rim, temple, ear_points)
        for sign, rim, temple in zip((-1, 1), eyewear.rims, eyewear.temples, strict=True)
    ]
    lenses = () if eyewear.film is None else tuple(_lens(frame, rim, eyewear.film) for rim in eyewear.rims)
    # What is seen through comes before what is not, but for lenses, which lie below their rims' edges.
    return (*lenses, *fringes, *tubes, *temples)


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
    return part_of(vertices, faces, np.full((count + 1, 2), 2.0), texture, np.tile(vertices[-1], (count + 1, 1)))


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
    plain = np.median(colours_of(rgb, rim).reshape(-1, 3), 0)
    colours = np.broadcast_to(plain, (2 * TEMPLE_POINTS, ACROSS_PX, 3)).copy()
    half = np.full(TEMPLE_POINTS, 0.8 * float(np.median(rim.half_px)))
    if seen is not None:
        path, shown = _through(frame, path, seen, sign)
        half[:] = float(np.median(seen.half_px))
        known = colours_of(rgb, seen)
        rows = np.linspace(0, len(known) - 1, 2 * shown).astype(int)
        # What it crosses, hair above all, is not the frame.
        is_frame = np.linalg.norm(known[rows] - plain, axis=-1, keepdims=True) < LIKE_RIM
        colours[: len(rows)] = np.where(is_frame, known[rows], plain)
        beyond = frame.project(path[shown + 1 : shown + 2])[:, :2]
        is_covered = seen.is_cut and bool((sample(hair, beyond - 0.5) > 0.5).any())
        below = np.clip(np.arange(TEMPLE_POINTS) - shown, 0, BELOW_HAIR) * is_covered
        path = path - sign * BELOW_HAIR_MM / BELOW_HAIR * below[:, None] * [1, 0, 0]
    return tube(frame, path, Stroke(frame.project(path)[:, :2], half), colours)


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
