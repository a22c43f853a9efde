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
from perse_engine.portrait.points import LEFT_EYE_LOWER, LEFT_EYE_UPPER, RIGHT_EYE_LOWER, RIGHT_EYE_UPPER
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]

UNDER_EYE = {"Right": (119, 118, 100), "Left": (348, 347, 329)}
MARGIN = 6
SKIN_PX = 14.0
"""Reach of the skin that is drawn over the lid, texels."""
GRAIN_PX = 10
LOWER_EDGE_PX = 2


def lid_blends(rgb: Array, uv468: Array) -> tuple[TextureBlend, ...]:
    """One blend per eye over the head's atlas rgb [A, A, 3], driven by eyeBlink*."""
    return _blend(rgb, uv468, "Right"), _blend(rgb, uv468, "Left")


def _blend(rgb: Array, uv468: Array, side: str) -> TextureBlend:
    mirror = load_topology().mirror
    upper, lower = (RIGHT_EYE_UPPER, RIGHT_EYE_LOWER) if side == "Right" else (LEFT_EYE_UPPER, LEFT_EYE_LOWER)
    crease: tuple[int, ...] = RIGHT_LID_CREASE
    if side == "Left":
        crease = tuple(int(mirror[i]) for i in crease)
    strip = set(upper) | set(crease)
    faces = np.array([f for f in load_topology().faces.tolist() if set(f) <= strip], np.int32)
    # 1 at the lid's margin, 0 at the crease.
    margin = np.zeros((468, 1))
    margin[list(upper)] = 1
    height, covered = bake(uv468, faces, margin, (ATLAS_PX, ATLAS_PX))
    around = np.vstack([uv468[list(strip | set(lower))], uv468[list(UNDER_EYE[side])]])
    (x0, y0), (x1, y1) = around.min(0).astype(int) - MARGIN, around.max(0).astype(int) + MARGIN + 1
    patch, strip_mask = rgb[y0:y1, x0:x1], covered[y0:y1, x0:x1]
    hole = np.zeros(strip_mask.shape, np.uint8)
    outline = np.vstack([uv468[list(upper)], uv468[list(lower)][::-1]]) - (x0, y0)
    cv2.fillPoly(hole, [np.round(outline).astype(np.int32)], 1)
    lash = np.percentile(patch[strip_mask], 5, axis=0) * 0.7
    t = np.where(strip_mask, height[y0:y1, x0:x1, 0], 0.0)
    painted = _skin(patch, strip_mask | (hole > 0), rgb, uv468, side) * _relief(t)[..., None]
    lashes = smoothstep(t, 0.86, 0.97)[..., None] * 0.85
    painted = painted * (1 - lashes) + lash * lashes
    mask = cv2.GaussianBlur(strip_mask.astype(np.float32), (0, 0), 3.0)
    # The photo's white of the eye stays on the lower lid's edge: lashes lie over it.
    edge = np.zeros(strip_mask.shape, np.float32)
    cv2.polylines(edge, [np.round(uv468[list(lower)] - (x0, y0)).astype(np.int32)], False, 1.0, LOWER_EDGE_PX)
    edge = np.clip(cv2.GaussianBlur(edge, (0, 0), 0.8), 0, 1) * (1 - strip_mask)
    painted = painted * (1 - edge[..., None]) + (0.6 * lash + 0.4 * painted) * edge[..., None]
    mask = np.maximum(mask, 0.9 * edge)
    driver = ExpressionDriver(f"lid{side}", {f"eyeBlink{side}": 1.0}, 0.05, 0.75)
    rgba = np.dstack([np.clip(painted, 0, 1), np.ones(t.shape)]).astype(np.float32)
    return TextureBlend(driver, int(x0), int(y0), rgba, mask.astype(np.float32))


def _relief(t: Array) -> Array:
    """The shadow of the crease, two fine wrinkles below it, and the roundness of the eyeball."""
    crease = 0.30 * np.exp(-(((t - 0.04) / 0.07) ** 2))
    wrinkles = 0.05 * np.exp(-(((t - 0.22) / 0.04) ** 2)) + 0.035 * np.exp(-(((t - 0.40) / 0.04) ** 2))
    round_ = 0.05 * np.exp(-(((t - 0.62) / 0.16) ** 2)) - 0.10 * smoothstep(t, 0.70, 1.0)
    return np.asarray(1 - crease - wrinkles + round_)


def _skin(patch: Array, unknown: Array, rgb: Array, uv468: Array, side: str) -> Array:
    """The skin around the eye drawn over it, without lashes, liner and shadow, with the grain of the skin below it."""
    light = cv2.GaussianBlur(patch.mean(-1), (0, 0), 2.0)
    unknown = cv2.dilate(unknown.astype(np.uint8), np.ones((5, 5))) > 0
    typical = float(np.median(light[~unknown]))
    known = np.where(unknown, 0.0, smoothstep(light, 0.72 * typical, 0.95 * typical)).astype(np.float32)
    weight = cv2.GaussianBlur(known, (0, 0), SKIN_PX) + 1e-3
    base = (cv2.GaussianBlur(patch * known[..., None], (0, 0), SKIN_PX) + 1e-3 * typical) / weight[..., None]
    x, y = np.mean(uv468[list(UNDER_EYE[side])], 0).astype(int)
    grain = rgb[y - GRAIN_PX : y + GRAIN_PX, x - GRAIN_PX : x + GRAIN_PX]
    grain = np.clip(grain / np.maximum(cv2.GaussianBlur(grain, (0, 0), 2.5), 1e-3), 0.8, 1.2)
    rows = -(-patch.shape[0] // grain.shape[0])
    columns = -(-patch.shape[1] // (2 * grain.shape[1])) + 1
    tiled = np.tile(np.hstack([grain, grain[:, ::-1]]), (rows, columns, 1))[: patch.shape[0], : patch.shape[1]]
    return np.asarray(0.97 * base * tiled)
