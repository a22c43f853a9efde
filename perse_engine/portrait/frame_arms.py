"""What holds the rims of eyeglasses: bars over the nose, and temples as far as a photo shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.portrait.bars import STANDS_OUT, Line, along, contrasts, described, sampled, smooth, trace
from perse_engine.portrait.eyewear import Stroke
from perse_engine.portrait.face_sheet import CURVE, FaceSheet
from perse_engine.portrait.frame_rims import NOSE, RADII, RADIUS

Array = npt.NDArray[Any]

BRIDGE = np.arange(-0.16, 0.36, 0.0055)
"""Heights at which bridges are looked for."""
ANOTHER, LIKE = 0.7, 30.0
"""A second bar has at least so much of the first one's contrast, and is at most so far from its colour."""
TEMPLE_PLACES = 24
TEMPLE = np.arange(-0.16, 0.16, 0.0055)
"""About the line from the rim to the ear."""
CLEAR = 0.8
"""Share of a temple's length that stands out."""
EAR_SIDE = (127, 356)
BACK = 0.9
"""Depth, in eye distances behind the rim, to which temples are followed."""


def find_bridges(lab: Array, sheet: FaceSheet, places: list[Array], rims: list[Line]) -> tuple[Stroke, ...]:
    """One bar or two from rim to rim, the clearer one first."""
    step = RADII[0] * (RADIUS[1] - RADIUS[0])
    reach = min(float((np.abs(p[:, 0]) - r.half * step).min()) for p, r in zip(places, rims, strict=True))
    reach = max(reach, NOSE / 2)
    x = np.arange(0, reach, BRIDGE[1] - BRIDGE[0])
    y = np.broadcast_to(BRIDGE, (len(x), len(BRIDGE)))
    sides = [along(sampled(lab, sheet.px(np.stack([sign * x[:, None] + 0 * y, y], -1)))) for sign in (-1, 1)]
    contrast = (contrasts(sides[0]) + contrasts(sides[1])) / 2
    colour = np.median(np.vstack([rim.colour for rim in rims]), 0)
    found: list[tuple[Stroke, float]] = []
    for _ in range(2):
        samples, widths = trace(contrast, is_closed=False)
        line = described((sides[0] + sides[1]) / 2, contrast, samples, widths)
        strength = float(np.median(line.contrast))
        is_like = float(np.linalg.norm(np.median(line.colour, 0) - colour)) < LIKE
        if strength < STANDS_OUT or (found and (not is_like or strength < ANOTHER * found[0][1])):
            break
        found.append((_bridge_stroke(sheet, x, line, places), strength))
        contrast = np.where(np.abs(np.arange(len(BRIDGE)) - line.middle[:, None]) < 3 * line.half.max(), 0, contrast)
    return tuple(stroke for stroke, _ in found)


def _bridge_stroke(sheet: FaceSheet, x: Array, line: Line, places: list[Array]) -> Stroke:
    step = BRIDGE[1] - BRIDGE[0]
    y = BRIDGE[0] + smooth(line.middle) * step
    half = np.full(2 * len(x) + 1, float(np.median(line.half)) * step * sheet.unit_px)
    ends = [p[np.argmin(np.hypot(*(p - [np.sign(p[0, 0]) * x[-1], y[-1]]).T))] for p in places]
    right, left = np.stack([-x[::-1], y[::-1]], -1), np.stack([x[1:], y[1:]], -1)
    return Stroke(sheet.px(np.vstack([ends[0][None], right, left, ends[1][None]])), half)


def find_temple(lab: Array, sheet: FaceSheet, sign: int, rim: Array, landmarks: Array) -> Stroke | None:
    """From the rim towards the ear, as long as something is there; None where nothing is."""
    ear = (landmarks[EAR_SIDE[sign > 0]].astype(np.float64) - sheet.origin) @ sheet.axes.T / sheet.unit_px
    hinge = rim[np.argmax(np.abs(rim[:, 0]) + 0.5 * rim[:, 1])]
    start = np.array([*hinge, sheet.depth - CURVE * hinge[0] ** 2])
    end = np.array([sign * max(abs(ear[0]) + 0.05, abs(hinge[0]) + 0.03), hinge[1], start[2] - BACK])
    t = np.linspace(0, 1, TEMPLE_PLACES)[:, None]
    spine = start + (end - start) * np.hstack([np.clip(t / 0.35, 0, 1) ** 2, t, t])
    grid = spine[:, None] + TEMPLE[:, None] * np.array([0, 1.0, 0])
    px = (sheet.unit_px * grid @ sheet.axes + sheet.origin)[..., :2]
    outwards = (px[:, 0] - px[0, 0]) @ (sheet.axes[0, :2] * sign)
    seen = int((np.maximum.accumulate(outwards) <= outwards).argmin()) or TEMPLE_PLACES
    side = sampled(lab, px)[:seen]
    if seen < 3:
        return None
    contrast = contrasts(side)
    samples, widths = trace(contrast, is_closed=False)
    line = described(side, contrast, samples, widths)
    share = np.cumsum(line.contrast > STANDS_OUT) / np.arange(1, seen + 1)
    clear = int(np.flatnonzero(share >= CLEAR).max(initial=-1)) + 1
    if clear < 3:
        return None
    step = float(np.linalg.norm(px[0, 1] - px[0, 0]))
    middle = px[np.arange(clear), samples[:clear]]
    # Its width is clearer on skin than on hair.
    half = float(np.median(line.half[: max(clear // 2, 3)])) * step
    return Stroke(middle, np.full(clear, half), is_cut=clear < seen)
