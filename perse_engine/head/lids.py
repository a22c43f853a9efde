"""Closed eyelids: the lid strip is a few pixels of the photo, so its stretched copy is replaced by painted skin."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.mesh_raster import bake
from perse_engine.head.sampling import smoothstep
from perse_engine.head.shapes import RIGHT_LID_CREASE
from perse_engine.head.subject import ExpressionDriver, TextureBlend
from perse_engine.portrait.points import LEFT_EYE_UPPER, RIGHT_EYE_UPPER
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]

BROW_SIDE = (53, 52, 65)
UNDER_EYE = {"Right": (119, 118, 100), "Left": (348, 347, 329)}
MARGIN = 6


def lid_blends(rgb: Array, uv468: Array) -> tuple[TextureBlend, ...]:
    """One blend per eye over the head's atlas rgb [A, A, 3], driven by eyeBlink*."""
    return _blend(rgb, uv468, "Right"), _blend(rgb, uv468, "Left")


def _blend(rgb: Array, uv468: Array, side: str) -> TextureBlend:
    mirror = load_topology().mirror
    upper = RIGHT_EYE_UPPER if side == "Right" else LEFT_EYE_UPPER
    crease: tuple[int, ...] = RIGHT_LID_CREASE
    brow: tuple[int, ...] = BROW_SIDE
    if side == "Left":
        crease, brow = tuple(int(mirror[i]) for i in crease), tuple(int(mirror[i]) for i in brow)
    strip = set(upper) | set(crease)
    faces = np.array([f for f in load_topology().faces.tolist() if set(f) <= strip], np.int32)
    # 1 at the lid's margin, 0 at the crease.
    margin = np.zeros((468, 1))
    margin[list(upper)] = 1
    height, covered = bake(uv468, faces, margin, (ATLAS_PX, ATLAS_PX))
    rows, columns = np.where(covered)
    y0, y1 = rows.min() - MARGIN, rows.max() + MARGIN + 1
    x0, x1 = columns.min() - MARGIN, columns.max() + MARGIN + 1
    patch = rgb[y0:y1, x0:x1]
    mask = cv2.GaussianBlur(covered[y0:y1, x0:x1].astype(np.float32), (0, 0), 2.5) * 0.95
    lid = _lid_colour(rgb, uv468, crease, brow, side)
    lash = np.percentile(patch[covered[y0:y1, x0:x1]], 5, axis=0) * 0.7
    local = cv2.GaussianBlur(patch, (0, 0), 6)
    local = local * (lid.mean() / max(float(local.mean()), 1e-3))
    t = height[y0:y1, x0:x1, 0]
    shade = 1 - 0.12 * smoothstep(t, 0.35, 0.95) - 0.22 * np.exp(-(((t - 0.03) / 0.10) ** 2))
    # From the shadow of the crease to the lid's own skin.
    out = smoothstep(t, 0.0, 0.5)[..., None]
    painted = (local * (1 - out) + (0.55 * lid + 0.45 * local) * out) * shade[..., None]
    lashes = smoothstep(t, 0.80, 0.95)[..., None] * 0.8
    painted = painted * (1 - lashes) + lash * lashes
    driver = ExpressionDriver(f"lid{side}", {f"eyeBlink{side}": 1.0}, 0.05, 0.75)
    rgba = np.dstack([np.clip(painted, 0, 1), np.ones(t.shape)]).astype(np.float32)
    return TextureBlend(driver, int(x0), int(y0), rgba, mask.astype(np.float32))


def _lid_colour(rgb: Array, uv468: Array, crease: tuple[int, ...], brow: tuple[int, ...], side: str) -> Array:
    """Between the skin under the brow, where make-up and shadow are least, and the skin under the eye."""
    below = uv468[list(crease[2:7])]
    above = uv468[[brow[min(2, k * 3 // 5)] for k in range(len(below))]]
    points = np.vstack([(1 - a) * below + a * above for a in (0.35, 0.55, 0.7)])
    colours = np.array([_around(rgb, p, 2) for p in points])
    bright = colours[np.argsort(colours.sum(1))[-max(3, len(colours) // 3) :]].mean(0)
    under = np.mean([_around(rgb, uv468[i], 3) for i in UNDER_EYE[side]], 0)
    return np.asarray(0.35 * bright + 0.65 * under * 0.93)


def _around(rgb: Array, at: Array, radius: int) -> Array:
    x, y = int(at[0]), int(at[1])
    return np.asarray(rgb[y - radius : y + radius + 1, x - radius : x + radius + 1].mean((0, 1)))
