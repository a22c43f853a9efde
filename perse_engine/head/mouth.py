"""The inside of the mouth: a dark pouch that hangs on the lips, teeth, a tongue, and a seal over closed lips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.part import Part, sheet
from perse_engine.head.sampling import curve, resample_grid, sample, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.shapes import ShapeFields
from perse_engine.head.subdivision import boundary_loops, fine_face
from perse_engine.head.teeth import BEHIND_LIPS_MM, Arch, MouthColours, lower_row, photographed_rows, upper_row
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
COLUMNS = 41
OPEN_GAP_MM = 2.2
"""A wider gap between the lips on the photo shows teeth."""
UPPER_SHOWS_MM = 4.5
"""How far the upper teeth hang below the upper lip when the photo does not tell."""
LOWER_SHOWS_MM = 0.8
"""How far the lower teeth stand above the line between closed lips."""
SEAL_OVERLAP_MM = 0.6
POUCH = np.array([
    # behind the lips mm, widened, up and down from the lips mm
    [0.0, 1.00, 0.0], [1.6, 1.02, 1.2], [4.0, 1.06, 4.0], [8.0, 1.12, 8.0], [14.0, 1.10, 11.0],
    [20.0, 1.02, 11.0], [26.0, 0.85, 8.0], [31.0, 0.50, 3.0], [33.0, 0.00, 0.0],
])  # fmt: skip
"""No deeper: the neck's front lies behind it."""
POUCH_SHADE = np.array([0.55, 0.55, 0.52, 0.46, 0.38, 0.30, 0.22, 0.14, 0.10])


@dataclass(frozen=True)
class Mouth:
    """The parts from back to front, and whether the photo shows an open mouth."""

    parts: tuple[Part, ...]
    seal: Part | None
    is_open: bool


def build_mouth(analysis: PortraitAnalysis, frame: HeadFrame, shapes: ShapeFields) -> Mouth:
    """What lies behind the lips; everything on the jaw follows the jaw shapes."""
    points = frame.landmarks
    gap = float(np.linalg.norm(points[13] - points[14]))
    is_open = gap > OPEN_GAP_MM
    colours = _colours(analysis, frame, is_open)
    upper, lower = curve(points[list(INNER_UPPER)], COLUMNS), curve(points[list(INNER_LOWER)], COLUMNS)
    arch = _arch(points[:468], shapes, is_open)
    bite = _lip_line(points[:468], shapes) + LOWER_SHOWS_MM
    below = Arch(np.array([arch.front[0], bite, arch.front[2] - 2.6]), arch.half_width - 2.2, arch.depth - 2)
    teeth: tuple[Part, ...] = (upper_row(arch, colours),)
    if is_open:
        teeth = photographed_rows(analysis, frame, upper, lower, colours, shapes)
    parts = (
        _pouch(points[:468], shapes, colours),
        _tongue(below, shapes, colours),
        lower_row(below, colours, shapes),
        *teeth,
    )
    seal = None if is_open else _seal(analysis, frame, shapes)
    return Mouth(parts, seal, is_open)


def _arch(points: Array, shapes: ShapeFields, is_open: bool) -> Arch:
    """Where the upper teeth are: behind the upper lip, as low as an open mouth shows them."""
    rest = _at_rest(points, shapes)
    x = (points[78, 0] + points[308, 0]) / 2
    edge = points[14, 1] + 0.4 if is_open else rest[13, 1] - UPPER_SHOWS_MM
    return Arch(np.array([x, edge, rest[13, 2] - BEHIND_LIPS_MM]))


def _lip_line(points: Array, shapes: ShapeFields) -> float:
    """Height of the line between the closed lips, mm."""
    return float(_at_rest(points, shapes)[[13, 14], 1].mean())


def _at_rest(points: Array, shapes: ShapeFields) -> Array:
    return np.asarray(points - np.sum([w * shapes.expressions[n] for n, w in shapes.source.items()], axis=0))


def _colours(analysis: PortraitAnalysis, frame: HeadFrame, is_open: bool) -> MouthColours:
    photo = analysis.work_rgb.astype(np.float32) / 255
    regions = analysis.regions
    lips = regions.lips > 0.7
    lip = photo[lips].mean(0) if lips.sum() > 20 else np.array([0.6, 0.35, 0.33])
    skin = np.median(photo[(regions.skin > 0.9) & (regions.face_oval > 0.9)], 0)
    # The light's colour, from how this skin differs from a medium one.
    light = np.clip(skin / np.array([0.74, 0.56, 0.47]), 0.45, 1.25) ** 0.75
    light = light / max(1.0, float(light.max()))
    # Enamel mirrors more of the light than skin lets one guess: half of its tint.
    tooth = np.array([0.86, 0.81, 0.73]) * (0.5 * light + 0.5 * light.mean())
    inside = cv2.erode(regions.mouth_interior, np.ones((5, 5))) > 0.95
    if is_open and inside.sum() > 30:
        values = photo[inside]
        bright = values[values.sum(1) > np.percentile(values.sum(1), 60)]
        tooth = 0.15 * tooth + 0.85 * np.median(bright, 0)
    return MouthColours(tooth, np.array([0.60, 0.33, 0.32]) * light, lip, _light_slope(photo, frame))


def _light_slope(photo: Array, frame: HeadFrame) -> float:
    """How much brighter skin beside the mouth becomes per mm towards the subject's left, as a share."""
    sides = ((205, 207, 206), (425, 427, 426))
    soft = cv2.GaussianBlur(photo, (0, 0), 3.0)
    right, left = (frame.landmarks[list(s)] for s in sides)
    values = [float(sample(soft, frame.project(p)[:, :2]).mean()) for p in (right, left)]
    apart = float(left[:, 0].mean() - right[:, 0].mean())
    return float(np.clip((values[1] - values[0]) / max(sum(values) / 2, 1e-3) / apart, -0.008, 0.008))


@cache
def lip_loop() -> npt.NDArray[np.int32]:
    """Vertices of the fine face around the mouth's opening: from the right corner over the upper lip and back."""
    loop = next(list(found) for found in boundary_loops(fine_face().faces) if 13 in found)
    start = loop.index(78)
    loop = loop[start:] + loop[:start]
    if loop.index(13) > loop.index(14):
        loop = [loop[0], *loop[:0:-1]]
    return np.array([*loop, loop[0]], np.int32)


def _pouch(points: Array, shapes: ShapeFields, colours: MouthColours) -> Part:
    """Hung on the edge of the lips, so that no view between them leads out of the head."""
    fine, loop = fine_face(), lip_loop()
    surface = np.asarray(fine.operator @ points)
    edge, normals = surface[loop], vertex_normals(surface, fine.faces)[loop]
    up = _upness(loop)
    middle = (edge[loop == 78].mean(0) + edge[loop == 308].mean(0)) / 2
    behind, wide, high = (POUCH[:, k, None] for k in range(3))
    grid = np.empty((len(POUCH), len(loop), 3))
    grid[..., 0] = middle[0] + (edge[None, :, 0] - middle[0]) * wide
    # In the end it closes about a point; lips of an open mouth are far apart.
    closes = smoothstep(behind, 18, 33)
    grid[..., 1] = edge[None, :, 1] * (1 - closes) + middle[1] * closes + up[None] * high
    grid[..., 2] = edge[None, :, 2] * (1 - closes) + edge[:, 2].mean() * closes - behind
    # Around the edge it first goes in behind the lip.
    inward = edge - 1.6 * normals
    grid[1] = np.minimum(inward, np.c_[inward[:, :2], edge[:, 2] - 1.0])
    held = 1 - smoothstep(behind, 1.6, 26.0)[..., None]
    rim = fine.operator[loop]
    motion = {n: held * np.asarray(rim @ f)[None] for n, f in (*shapes.expressions.items(), *shapes.edits.items())}
    # Its end stays closed: all of it turns half as far as the jaw.
    on_jaw = (smoothstep(up, 0.5, -0.5)[None] * (1 - closes) + 0.5 * closes)[..., None]
    for name, turn in shapes.jaw_motion(grid).items():
        motion[name] = motion[name] + (1 - held) * on_jaw * turn
    return sheet("mouth", grid, _pouch_texture(colours), REGION_LABELS["mouth_interior"], motion=motion)


def _upness(loop: Array) -> Array:
    """1 in the middle of the upper lip, -1 of the lower one, 0 at the corners, [L]."""
    corner = int(np.flatnonzero(loop == 308)[0])
    over, under = np.linspace(0, np.pi, corner + 1), np.linspace(np.pi, 2 * np.pi, len(loop) - corner)[1:]
    turn = np.sin(np.r_[over, under])
    return np.asarray(np.sign(turn) * np.abs(turn) ** 0.7)


def _pouch_texture(colours: MouthColours) -> Array:
    """Flesh at the lips, darker and darker inwards."""
    shade = np.interp(np.linspace(0, len(POUCH) - 1, 64), np.arange(len(POUCH)), POUCH_SHADE)[:, None, None]
    flesh = 0.5 * colours.gum + 0.5 * colours.lip
    redder = np.array([1.0, 0.72, 0.70]) ** np.linspace(0, 1, 64)[:, None, None]
    rgb = np.repeat(flesh * shade * redder, 32, 1)
    return np.dstack([np.clip(rgb, 0, 1), np.ones((64, 32))])


def _tongue(below: Arch, shapes: ShapeFields, colours: MouthColours) -> Part:
    """A rounded body within the lower teeth; tongueOut slides it over the lower lip."""
    # Rows lie closer towards the tip, which is round.
    a, t = np.meshgrid(np.linspace(-1, 1, 15), np.sin(np.linspace(0, np.pi / 2, 25)))
    tip = np.sqrt(np.clip(1 - np.clip((t - 0.55) / 0.45, 0, 1) ** 2, 0.0, 1))
    width, height = (below.half_width - 8.0) * tip, 7.0 * tip
    turn = a * 0.62 * np.pi
    x = below.front[0] + np.sin(turn) * width / np.sin(0.5 * np.pi)
    groove = 0.8 * np.exp(-((a / 0.16) ** 2)) * tip
    y = below.front[1] - 7.5 + np.cos(turn) * height - groove + 3.0 * (1 - t) - 1.0 * t
    # Its back is humped: that is what an open mouth shows over the lower teeth.
    hump = 5.5 * np.exp(-(((t - 0.42) / 0.26) ** 2)) * tip
    y += hump
    z = below.front[2] - 26 + 22 * t
    rest = np.stack([x, y, z], -1)
    grid = rest + shapes.source.get("jawOpen", 0.0) * shapes.jaw_motion(rest)["jawOpen"]
    motion = shapes.jaw_motion(grid)
    out = smoothstep(t, 0.2, 1.0)[..., None]
    over_lip = smoothstep(t, 0.7, 1.0)[..., None] * np.array([0, -9.0, -2.0])
    motion["tongueOut"] = out * np.array([0, 4.5, 26.0]) + over_lip
    motion["tongueOut"][..., 1] -= hump
    shade = (0.62 + 0.38 * np.cos(np.linspace(-1, 1, 48) * 1.7))[None, :, None]
    shade = shade * (1 - 0.10 * np.exp(-((np.linspace(-1, 1, 48) / 0.07) ** 2)))[None, :, None]
    depth = (0.24 + 0.91 * np.sin(np.linspace(0, np.pi / 2, 48)) ** 2)[:, None, None]
    grain = 1 + 0.05 * cv2.GaussianBlur(np.random.default_rng(5).standard_normal((48, 48)), (0, 0), 0.7)[..., None]
    rgb = (0.62 * colours.gum + 0.38 * colours.lip) * np.array([1.05, 0.92, 0.95]) * shade * depth * grain
    texture = np.dstack([np.clip(rgb, 0, 1), np.ones((48, 48))])
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"], motion=motion)


def _seal(analysis: PortraitAnalysis, frame: HeadFrame, shapes: ShapeFields) -> Part:
    """A patch between the edges of the lips, textured from the photo; it moves with them and fades when they part."""
    upper, lower = _lip_edges()
    share = np.linspace(0, 1, 9)[:, None, None]

    def between(field: Array) -> Array:
        return np.asarray((upper @ field)[None] * (1 - share) + (lower @ field)[None] * share)

    points = frame.landmarks[:468]
    grid = between(points)
    # A little of it lies behind each lip, or one would look past its edges.
    grid[..., 1] += SEAL_OVERLAP_MM * (1 - 2 * share[..., 0])
    where = frame.project(resample_grid(grid, 24, 160))[..., :2]
    grid[..., 2] -= 0.7
    photo = sample(analysis.work_rgb.astype(np.float32) / 255, where)
    motion = {name: between(field) for name, field in shapes.expressions.items()}
    texture = np.dstack([photo, np.ones(photo.shape[:2])])
    return sheet("mouth", grid, texture, REGION_LABELS["lips"], motion=motion)


def _lip_edges() -> tuple[Any, Any]:
    """Rows of the fine face along the upper and the lower lip's edge, right to left, both [C, 468]."""
    loop = lip_loop()
    corner = int(np.flatnonzero(loop == 308)[0])
    operator = fine_face().operator
    return operator[loop[: corner + 1]], operator[loop[corner:][::-1]]
