"""The rims of eyeglasses, looked for on the sheet before the eyes in rings around each eye.

Left and right together, because a frame is symmetric and what else is dark around an eye is less so; then again by the
colour that was found, and each for itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.portrait.bars import Line, along, contrasts, described, sampled, smooth, trace
from perse_engine.portrait.eyewear import Stroke
from perse_engine.portrait.face_sheet import FaceSheet

Array = npt.NDArray[Any]

ANGLES = 128
LOWER = slice(ANGLES // 2, ANGLES)
"""Angles run from the outer corner over the brow."""
CENTRE, RADII = np.array([0.5, -0.03]), np.array([0.40, 0.30])
"""In eye distances, of the ring at radius 1: a middling lens, a little below the eye."""
RADIUS = np.arange(0.55, 1.62, 0.015)
NOSE = 0.06
"""Nearer to the middle of the face there is no rim."""
ASKEW, ALONE = 4, 8
"""Samples by which a rim may be off its mirror image, and by which it is looked for about the line of both."""
BROAD = 1.8
"""How much wider than its lower half a rim may be above."""
TINTED = 10.0
"""How much darker than the skin around it lenses may be: what lies behind dark ones is not known."""


def find_rims(lab: Array, sheet: FaceSheet) -> list[Line]:
    """The likeliest rims of the right and the left eye on a picture [S, S, 3] in CIE Lab."""
    grids = [along(sampled(lab, sheet.px(_rings(sign)))) for sign in (-1, 1)]
    nose = np.abs(_rings(1)[..., 0]) < NOSE
    found = [np.where(nose, 0, contrasts(grid)) for grid in grids]
    line = _mirrored(found)
    # Brows and lashes lie above: the frame's colour is that of its lower half.
    lower = [described(grid, contrast, *line) for grid, contrast in zip(grids, found, strict=True)]
    colour = np.median(np.vstack([rim.colour[LOWER] for rim in lower]), 0)
    coloured = [np.where(nose, 0, contrasts(grid, colour)) for grid in grids]
    away = np.abs(np.arange(len(RADIUS)) - _mirrored(coloured)[0][:, None])
    lines = []
    for grid, contrast, plain in zip(grids, coloured, found, strict=True):
        near = np.where(away <= ALONE, contrast, 0)
        lines.append(_without_brow(described(grid, plain, *trace(near, is_closed=True))))
    return lines


def _without_brow(rim: Line) -> Line:
    """Where a brow as dark as the rim makes it wider, the rim is that edge that goes on with the rest of it."""
    usual = float(np.median(rim.half[LOWER]))
    wide = rim.half > BROAD * usual
    if not wide.any() or wide.all():
        return rim
    around = np.arange(ANGLES)
    guess = np.interp(around, around[~wide], rim.middle[~wide], period=ANGLES)
    edges = np.stack([rim.middle - rim.half + usual, rim.middle + rim.half - usual])
    nearest = np.take_along_axis(edges, np.abs(edges - guess).argmin(0)[None], 0)[0]
    return replace(rim, middle=np.where(wide, nearest, rim.middle), half=np.where(wide, usual, rim.half))


def _mirrored(found: list[Array]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The line through the contrasts of both sides, which may be a little askew."""
    box = np.ones((1, 2 * ASKEW + 1))
    loose = [cv2.dilate(c.reshape(-1, len(RADIUS)), box).reshape(c.shape) for c in found]
    return trace((loose[0] + loose[1]) / 2, is_closed=True)


def is_tinted(rim: Line) -> bool:
    """Whether what lies within the rim is much darker than what lies without."""
    return bool(np.median(rim.above[LOWER, 0]) - np.median(rim.below[LOWER, 0]) > TINTED)


def _rings(sign: int) -> Array:
    """Places on the sheet, [ANGLES, RADIUS, 2]."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
    around = np.stack([np.cos(angle), np.sin(angle)], -1) * RADII
    return np.asarray((CENTRE + around[:, None] * RADIUS[:, None]) * [sign, 1])


def ring(sign: int, samples: Array) -> Array:
    """Places on the sheet of one sample at every angle, [ANGLES, 2]."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
    radius = RADIUS[0] + samples * (RADIUS[1] - RADIUS[0])
    around = np.stack([np.cos(angle), np.sin(angle)], -1) * RADII
    return np.asarray((CENTRE + around * radius[:, None]) * [sign, 1])


def rim_stroke(sheet: FaceSheet, sign: int, rim: Line) -> Stroke:
    """Smoothed: a frame has no steps of a sample."""
    middle, half = _round_about(rim.middle), _round_about(rim.half)
    inner, outer = (sheet.px(ring(sign, middle + s * half)) for s in (-1, 1))
    px = (inner + outer) / 2
    way = np.roll(px, -1, 0) - np.roll(px, 1, 0)
    way /= np.linalg.norm(way, axis=1)[:, None]
    across = (outer - inner) / 2
    return Stroke(px, np.abs(across[:, 0] * way[:, 1] - across[:, 1] * way[:, 0]), is_closed=True)


def _round_about(values: Array) -> Array:
    wrapped = np.concatenate([values[-8:], values, values[:8]])
    return np.asarray(smooth(wrapped)[8:-8])
