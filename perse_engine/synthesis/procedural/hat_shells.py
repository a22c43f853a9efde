"""Hats that fit by construction: the head's own surface with its hair, lifted outwards. Beanies, caps, fedoras.

The weight is how far the hat is pulled on. It opens from the crown like a cap that grows: every point of the cloth
slides down over the head, so that half way is a smaller hat with a sharp edge and not a faint one.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from perse_engine.head.sampling import resample_grid, smoothstep
from perse_engine.synthesis.procedural.hat_ring import AXIS_Z, COLUMNS, TEXELS, Crown, Edge, lit_grid
from perse_engine.synthesis.procedural.outfit import AddedPart

Array = npt.NDArray[Any]

LIFT_M = {"beanie": 0.004, "cap": 0.006, "fedora": 0.007}
ROWS = 41
FOLD_M = 0.031
"""Height of a beanie's folded edge."""
NEAR_RAD = 0.11
LEAN = 10
"""Power mean over neighbours: leans towards the outermost, because cloth spans the dents of a hairdo."""


def shell(crown: Crown, kind: str, tone: Array, weight: float) -> tuple[AddedPart, Edge]:
    """The hat at a weight, a grid from the edge (row 0) to the top, and where it ends on the head."""
    share = np.linspace(1, 0, ROWS)[:, None]
    turn = np.linspace(-np.pi, np.pi, COLUMNS)[None]
    reach = _reach(crown)
    full = _on_head(reach, share, turn)
    below = _arc_below(full)
    points = _on_head(reach, share * max(weight, 1e-3), turn)
    edge = Edge(np.hypot(points[0, :, 0], points[0, :, 2]), points[0, :, 1])
    lift = LIFT_M[kind] * smoothstep(weight, 0.0, 0.3)
    bulge, sink = np.zeros_like(below), np.zeros_like(below)
    if kind == "beanie":
        bulge = 0.004 * smoothstep(below, FOLD_M + 0.003, FOLD_M - 0.003)
    if kind == "fedora":
        rise = smoothstep(full[..., 1], 0.02, crown.top)
        # The crease along the top.
        sink = 0.016 * np.exp(-((full[..., 0] / 0.022) ** 2)) * smoothstep(full[..., 1], 0.6 * crown.top, crown.top)
        bulge = 0.020 * rise
    outwards = points / np.linalg.norm(points, axis=-1, keepdims=True)
    points = points + outwards * (lift + bulge * weight)[..., None]
    points[..., 1] -= sink * weight
    # The edge closes on the head.
    points[0] -= 0.8 * float(lift) * outwards[0]
    grid = crown.place(np.hypot(points[..., 0], points[..., 2]), np.broadcast_to(turn, below.shape), points[..., 1])
    return lit_grid(grid, tone, paint=_pattern(kind, below)), edge


def _reach(crown: Crown) -> Array:
    """Distance of the head's surface from the middle of the edge's plane, metres, [25 angles from the top to the edge,
    73 directions]."""
    flat = np.stack([crown.points[:, 0], crown.height, crown.points[:, 2] - AXIS_Z], -1)
    far = np.linalg.norm(flat, axis=1)
    own = flat / far[:, None]
    tilt, turn = np.linspace(0, np.pi / 2, 25)[:, None], np.linspace(-np.pi, np.pi, 73)[None]
    ray = np.stack(
        [np.sin(tilt) * np.sin(turn), np.broadcast_to(np.cos(tilt), (25, 73)), np.sin(tilt) * np.cos(turn)], -1
    )
    near = np.exp((ray.reshape(-1, 3) @ own.T - 1) * 2 / NEAR_RAD**2) + 1e-12
    mean = (near @ far**LEAN / near.sum(1)) ** (1 / LEAN)
    return np.asarray(gaussian_filter(mean.reshape(25, 73), (1.0, 1.5), mode=("nearest", "wrap")))


def _on_head(reach: Array, share: Array, turn: Array) -> Array:
    """Points [R, C, 3] (aside, height above the edge's plane, ahead) at shares 0..1 of the way from the top down."""
    tilt = share * np.pi / 2
    rows = np.broadcast_to(share * (len(reach) - 1), np.broadcast_shapes(share.shape, turn.shape))
    columns = np.broadcast_to((turn + np.pi) / (2 * np.pi) * (reach.shape[1] - 1), rows.shape)
    where = np.stack([columns, rows], -1).astype(np.float32)
    radius = cv2.remap(reach.astype(np.float32), where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.stack(
        [radius * np.sin(tilt) * np.sin(turn), radius * np.cos(tilt), radius * np.sin(tilt) * np.cos(turn)], -1
    )


def _arc_below(full: Array) -> Array:
    """Metres along the finished hat from its edge up to every grid point, [R, C]."""
    step = np.linalg.norm(np.diff(full, axis=0), axis=-1)
    return np.vstack([np.zeros((1, full.shape[1])), np.cumsum(step, axis=0)])


def _pattern(kind: str, below: Array) -> Array:
    """Darkness of knitted ribs, of a twill's panels, of a fedora's band, [*TEXELS]; 1 is plain."""
    height = resample_grid(below[..., None], *TEXELS)[..., 0]
    turn = np.linspace(0, 2 * np.pi, TEXELS[1])[None]
    if kind == "beanie":
        ribs = (0.86 + 0.14 * np.cos(40 * turn)) * (0.985 + 0.015 * np.cos(height * 1400))
        return np.asarray(ribs * (1 - 0.30 * np.exp(-(((height - FOLD_M) / 0.0025) ** 2))))
    if kind == "cap":
        return np.asarray(1 - 0.22 * np.exp(-((np.sin(3 * turn) / 0.05) ** 2)) + 0 * height)
    return np.asarray(1 - 0.65 * smoothstep(height, 0.004, 0.006) * smoothstep(height, 0.028, 0.026))
