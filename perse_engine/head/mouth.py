"""The inside of the mouth: teeth, cavity, tongue, and a seal over lips that are closed on the photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.part import Part, sheet
from perse_engine.head.sampling import curve, push_pull, resample_grid, sample, smoothstep
from perse_engine.head.shapes import ShapeFields
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
COLUMNS = 41
TEETH_ROWS = 15
TEETH_TEXELS = (72, 192)
OPEN_GAP_MM = 2.2
"""A wider gap between the lips on the photo shows teeth."""
TEETH_BEHIND_LIPS_MM = 4.5
DARK = np.array([0.20, 0.085, 0.075])
# Edges between teeth, as a share of half the row's width, from the middle outwards.
TOOTH_EDGES = np.array([0, 0.19, 0.34, 0.49, 0.62, 0.74, 0.84, 0.92, 1.0])


@dataclass(frozen=True)
class Mouth:
    """The parts from back to front, and whether the photo shows an open mouth."""

    parts: tuple[Part, ...]
    seal: Part | None
    is_open: bool


@dataclass(frozen=True)
class _Colours:
    tooth: Array
    gum: Array
    lip: Array


def build_mouth(analysis: PortraitAnalysis, frame: HeadFrame, shapes: ShapeFields) -> Mouth:
    """Sheets behind the lips; everything on the jaw follows the jaw shapes."""
    points = frame.landmarks
    gap = float(np.linalg.norm(points[13] - points[14]))
    is_open = gap > OPEN_GAP_MM
    colours = _colours(analysis, is_open)
    upper, lower = curve(points[list(INNER_UPPER)], COLUMNS), curve(points[list(INNER_LOWER)], COLUMNS)
    parts = (
        _cavity(upper, lower, shapes),
        _tongue(upper, lower, shapes, colours),
        _lower_teeth(upper, lower, shapes, colours),
        _upper_teeth(analysis, frame, upper, lower, colours, is_open),
    )
    seal = None if is_open else _seal(analysis, frame, shapes)
    return Mouth(parts, seal, is_open)


def _colours(analysis: PortraitAnalysis, is_open: bool) -> _Colours:
    photo = analysis.work_rgb.astype(np.float32) / 255
    regions = analysis.regions
    lips = regions.lips > 0.7
    lip = photo[lips].mean(0) if lips.sum() > 20 else np.array([0.6, 0.35, 0.33])
    skin = np.median(photo[(regions.skin > 0.9) & (regions.face_oval > 0.9)], 0)
    # The light's colour, from how this skin differs from a medium one.
    light = np.clip(skin / np.array([0.74, 0.56, 0.47]), 0.45, 1.25) ** 0.75
    light = light / max(1.0, float(light.max()))
    tooth = np.array([0.84, 0.79, 0.70]) * light
    inside = cv2.erode(regions.mouth_interior, np.ones((5, 5))) > 0.95
    if is_open and inside.sum() > 30:
        values = photo[inside]
        bright = values[values.sum(1) > np.percentile(values.sum(1), 60)]
        tooth = 0.15 * tooth + 0.85 * np.median(bright, 0)
    return _Colours(tooth, np.array([0.58, 0.30, 0.29]) * light, lip)


def _jaw_motion(shapes: ShapeFields, points: Array, share: Array | float = 1.0) -> Mapping[str, Array]:
    return {name: motion * share for name, motion in shapes.jaw_motion(points).items()}


def _cavity(upper: Array, lower: Array, shapes: ShapeFields) -> Part:
    top, bottom = upper + np.array([0, 7.0, -13]), lower + np.array([0, -9.0, -10.5])
    share = np.linspace(0, 1, 6)[:, None, None]
    grid = top[None] * (1 - share) + bottom[None] * share
    grid[..., 2] -= 10 * np.sin(np.pi * share[..., 0])
    # A pouch: its ends widen and come forward behind the cheeks, or one would look out past the corners of the mouth.
    across = np.abs(np.linspace(-1, 1, COLUMNS))[None]
    middle = (upper[0, 0] + upper[-1, 0]) / 2
    grid[..., 0] = middle + (grid[..., 0] - middle) * (1 + 0.27 * across**3)
    grid[..., 2] += 5.5 * smoothstep(across, 0.55, 1.0)
    # It narrows with the lips, or its ends would look out of the cheeks; on the jaw it turns with the jaw.
    motion = {name: _between(field, share) * np.array([0.9, 0, 0.9]) for name, field in shapes.expressions.items()}
    motion |= {k: m[None] * share for k, m in shapes.jaw_motion(bottom).items()}
    down = np.linspace(0, 1, 32)[:, None]
    colour = np.array([0.20, 0.07, 0.07]) * (1 - 0.6 * down) + np.array([0.30, 0.10, 0.10]) * down * 0.5
    texture = np.dstack([np.repeat(colour[:, None], 32, 1), np.ones((32, 32))])
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"], motion=motion)


def _tongue(upper: Array, lower: Array, shapes: ShapeFields, colours: _Colours) -> Part:
    """A rounded slab on the lower jaw; tongueOut slides it over the lower lip."""
    middle = (lower[COLUMNS // 2] + upper[COLUMNS // 2]) / 2
    width = 0.30 * float(np.linalg.norm(lower[-1] - lower[0]))
    s, t = np.meshgrid(np.linspace(-1, 1, 11), np.linspace(0, 1, 13))
    tip = np.sqrt(np.clip(1 - np.clip((t - 0.72) / 0.28, 0, 1) ** 2, 0.02, 1))
    grid = np.stack([middle[0] + s * width * tip, middle[1] - 7.0 - 2.0 * s**2, middle[2] - 32 + 22 * t], -1)
    motion = dict(_jaw_motion(shapes, grid))
    out = smoothstep(t, 0.2, 1.0)[..., None]
    motion["tongueOut"] = out * np.array([0, 0.5, 26.0]) + smoothstep(t, 0.7, 1.0)[..., None] * np.array(
        [0, -9.0, -2.0]
    )
    shade = (0.7 + 0.3 * np.cos(np.linspace(-1, 1, 32) * 1.3))[None, :, None] * np.linspace(0.55, 1.0, 32)[
        :, None, None
    ]
    rgb = (0.65 * colours.gum + 0.35 * colours.lip) * shade
    texture = np.dstack([np.clip(rgb, 0, 1), np.ones((32, 32))])
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"], motion=motion)


def _lower_teeth(upper: Array, lower: Array, shapes: ShapeFields, colours: _Colours) -> Part:
    down = np.linspace(-1.0, 0.6, TEETH_ROWS)[:, None, None]
    grid = lower[None] + np.array([0, -6.5, 0]) * down + np.array([0, -5.0, -TEETH_BEHIND_LIPS_MM - 2.5])
    middle = (upper[0, 0] + upper[-1, 0]) / 2
    grid[..., 0] = middle + (grid[..., 0] - middle) * 0.76
    across = np.linspace(-1, 1, COLUMNS)[None]
    grid[..., 2] -= 2 + 6 * across**2
    grid[..., 1] -= 2.0 * across**2
    texture = _teeth_texture(colours.tooth * 0.74, colours.gum, is_upper=False)
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"], motion=_jaw_motion(shapes, grid))


def _upper_teeth(
    analysis: PortraitAnalysis, frame: HeadFrame, upper: Array, lower: Array, colours: _Colours, is_open: bool
) -> Part:
    down = np.linspace(-0.9, 1.0, TEETH_ROWS)[:, None, None]
    bottom = lower if is_open else upper + np.array([0, -6.0, 0])
    grid = upper[None] * (1 - down) + bottom[None] * down
    middle = (upper[0, 0] + upper[-1, 0]) / 2
    grid[..., 0] = middle + (grid[..., 0] - middle) * 1.08
    # Rows of teeth are an arch: without it the ends poke through the cheeks.
    grid[..., 2] -= TEETH_BEHIND_LIPS_MM + 7 * np.linspace(-1, 1, COLUMNS)[None] ** 4
    texture = _teeth_texture(colours.tooth, colours.gum, is_upper=True)
    if is_open:
        texture = _photographed_teeth(analysis, frame, grid, colours)
    else:
        texture[..., :3] *= 0.72
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"])


def _photographed_teeth(analysis: PortraitAnalysis, frame: HeadFrame, grid: Array, colours: _Colours) -> Array:
    height, width = TEETH_TEXELS
    photo = analysis.work_rgb.astype(np.float32) / 255
    where = frame.project(resample_grid(grid, height, width))[..., :2]
    inside = smoothstep(sample(cv2.erode(analysis.regions.mouth_interior, np.ones((3, 3))), where), 0.5, 0.98)
    seen = sample(photo, where)
    guess = push_pull(seen, (inside > 0.9).astype(np.float32))
    down = np.linspace(-0.9, 1.0, height)[:, None] * np.ones((1, width))
    across = np.linspace(-1, 1, width)[None] * np.ones((height, 1))
    gums = smoothstep(down, -0.10, -0.38)[..., None]
    lightness = guess.mean(-1, keepdims=True) / max(float(guess.mean()), 1e-3)
    guess = guess * (1 - gums) + 0.45 * colours.gum * (1 + lightness) * gums
    corner = smoothstep(np.abs(across), 0.80, 0.97)[..., None]
    guess = guess * (1 - corner) + DARK * corner
    shade = 1 - 0.35 * smoothstep(down, 0, -0.6)[..., None]
    rgb = seen * inside[..., None] + (1 - inside[..., None]) * guess * shade
    return np.dstack([np.clip(rgb, 0, 1), np.ones((height, width))])


def _teeth_texture(tooth: Array, gum: Array, *, is_upper: bool) -> Array:
    height, width = TEETH_TEXELS
    x = np.linspace(-1, 1, width)[None] * np.ones((height, 1))
    y = np.linspace(0, 1, height)[:, None] * np.ones((1, width))
    edges = np.r_[-TOOTH_EDGES[:0:-1], TOOTH_EDGES]
    gaps = np.prod(1 - 0.16 * np.exp(-(((x[..., None] - edges) / 0.012) ** 2)), -1)
    nearest = np.abs(x[..., None] - edges).min(-1)
    if is_upper:
        tip = 0.93 - 0.10 * np.abs(x) ** 1.5 - 0.05 * np.exp(-((nearest / 0.02) ** 2))
        alpha, gums = 1 - smoothstep(y, tip - 0.03, tip + 0.02), 1 - smoothstep(y, 0.30, 0.38)
        light = smoothstep(y, 0.35, 0.75)
    else:
        tip = 0.07 + 0.04 * np.exp(-((nearest / 0.02) ** 2))
        alpha, gums = smoothstep(y, tip - 0.02, tip + 0.03), smoothstep(y, 0.62, 0.72)
        light = smoothstep(y, 0.6, 0.2)
    shade = (1 - 0.45 * np.abs(x) ** 2.2) * gaps * (0.85 + 0.15 * np.sin(np.pi * y))
    enamel = tooth * (shade * (0.55 + 0.45 * light))[..., None]
    flesh = gum * 0.75 * shade[..., None]
    rgb = enamel * (1 - gums[..., None]) + flesh * gums[..., None]
    return np.dstack([np.clip(rgb, 0, 1), alpha])


def _seal(analysis: PortraitAnalysis, frame: HeadFrame, shapes: ShapeFields) -> Part:
    """A patch between the inner lip lines, textured from the photo; it moves with the lips and fades when they part."""
    rows = 7
    share = np.linspace(0, 1, rows)[:, None, None]
    grid = _between(frame.landmarks[:468], share)
    where = frame.project(resample_grid(grid, 24, 160))[..., :2]
    grid[..., 2] -= 0.9
    photo = sample(analysis.work_rgb.astype(np.float32) / 255, where)
    motion = {name: _between(field, share) for name, field in shapes.expressions.items()}
    texture = np.dstack([photo, np.ones(photo.shape[:2])])
    return sheet("mouth", grid, texture, REGION_LABELS["lips"], motion=motion)


def _between(field: Array, share: Array) -> Array:
    """A field on the landmarks, from the upper inner lip (share 0) to the lower one (1), [R, COLUMNS, 3]."""
    upper, lower = curve(field[list(INNER_UPPER)], COLUMNS), curve(field[list(INNER_LOWER)], COLUMNS)
    return np.asarray(upper[None] * (1 - share) + lower[None] * share)
