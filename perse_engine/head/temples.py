"""Temples of eyeglasses: from the rim along the side of the head onto the ear, and down behind it. Any frame of axes
x left, y up, z forwards; metres."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep

Array = npt.NDArray[Any]

TEMPLE_POINTS, HOOK_FROM, HOOK_M = 28, 0.82, (0.014, 0.020, 0.012)
"""From which share of its points a temple hooks behind the ear, and how far inwards, down and back."""
EAR_TOP_M = 0.008


def temple_path(sign: float, hinge: Array, side_x: float, ear: Array) -> Array:
    """Points [TEMPLE_POINTS, 3] from a hinge [3] onto an ear [3]; `side_x` is how far out the head's side is."""
    x0, y0, z0 = hinge
    side = sign * max(abs(side_x) + 0.003, abs(x0) + 0.002)
    s = np.linspace(0, 1, TEMPLE_POINTS)
    along, behind = np.clip(s / HOOK_FROM, 0, 1), np.clip((s - HOOK_FROM) / (1 - HOOK_FROM), 0, 1)
    x = x0 + (side - x0) * smoothstep(along, 0, 0.35) + (ear[0] - side) * smoothstep(along, 0.35, 1.0)
    y = y0 + (ear[1] - y0) * along - HOOK_M[1] * behind**1.5
    return np.stack([x - sign * HOOK_M[0] * behind**0.7, y, z0 + (ear[2] - z0) * along - HOOK_M[2] * behind], -1)


def upon_ear(sign: float, points: Array) -> Array:
    """Between the upper rim of an ear and the head, [3], from points [N, 3] of both ears."""
    points = points[sign * points[:, 0] > 0]
    top = points[points[:, 1] > points[:, 1].max() - EAR_TOP_M]
    out = float(np.quantile(np.abs(top[:, 0]), 0.25))
    return np.array([sign * out, float(points[:, 1].max()) - 0.002, float(np.median(top[:, 2]))])
