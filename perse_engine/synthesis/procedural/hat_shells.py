"""Hats that fit by construction: the head's own surface with its hair, lifted outwards. Beanies, caps, fedoras.

The weight is how far the hat is pulled on: its lower edge comes down from the crown. The cloth stays where it is, since
Gaussians learn to appear behind an edge better than to slide over a head (docs/experiments.md, Hats half way).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import resample_grid, smoothstep
from perse_engine.synthesis.procedural.hat_ring import BELOW_M, COLUMNS, TEXELS, Cloth, Crown

Array = npt.NDArray[Any]

LIFT_M = {"beanie": 0.004, "cap": 0.006, "fedora": 0.005}
ROWS = 41
TAPER, PINCH, PINCH_RAD, TAPERS_FROM_M = 0.09, 0.06, 0.6, 0.03
"""How much narrower a fedora gets towards its top, and on either side of its front, from how far above its edge on."""
LOWEST = 1.03
"""Of the way from the top to the edge: a little under a brim."""
FOLD_M = 0.031
"""Height of a beanie's folded edge."""


def shell(crown: Crown, kind: str, edge: float, weight: float) -> Cloth:
    """The cloth, from where its edge comes to lie (row 0) to the top."""
    turn = np.linspace(-np.pi, np.pi, COLUMNS)[None]
    points = _on_head(crown.reach, np.linspace(LOWEST, 0, ROWS)[:, None], turn)
    # The smooth surface's top is a little lower than the hair's.
    height = points[..., 1] * (crown.top / points[..., 1].max())
    outwards = points / np.linalg.norm(points, axis=-1, keepdims=True)
    lift = np.full(height.shape, LIFT_M[kind])
    if kind == "beanie":
        # Only where it comes to lie: a fold that ran over the head would lift every place for a moment.
        lift += 0.004 * smoothstep(height, FOLD_M + 0.003, FOLD_M - 0.003)
    rise = np.zeros_like(height)
    if kind == "fedora":
        # The crease along the top.
        middle = np.exp(-((points[..., 0] / 0.022) ** 2)) * smoothstep(height, 0.6 * crown.top, crown.top)
        rise = 0.010 * smoothstep(height, 0.02, crown.top) - 0.014 * middle
    # The weight at which the edge passes: what is left to it then is as high as the cloth.
    up = outwards[..., 1]
    appears = (crown.top - points[..., 1] - up * lift - BELOW_M) / (crown.top + up * rise)
    points += outwards * (lift + weight * rise)[..., None]
    radius = np.hypot(points[..., 0], points[..., 2])
    if kind == "fedora":
        # Hair is pressed in below it; a forehead would come through.
        pinch = np.exp(-(((np.abs(turn) - PINCH_RAD) / 0.4) ** 2))
        radius = radius * (1 - (TAPER + PINCH * pinch) * smoothstep(height, TAPERS_FROM_M, 0.9 * crown.top))
    grid = crown.place(radius, np.broadcast_to(turn, radius.shape), points[..., 1])
    # As the cloth, its fold stays where it comes to lie.
    pattern = _pattern(kind, resample_grid(height[..., None], *TEXELS)[..., 0])
    # Where the cloth is lifted to, or hair would show between it and the brim.
    above = resample_grid((points[..., 1] - edge)[..., None], *TEXELS)[..., 0]
    return Cloth(grid, pattern, above, np.clip(resample_grid(appears[..., None], *TEXELS)[..., 0], 0, 1))


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


def _pattern(kind: str, height: Array) -> Array:
    """Darkness of ribs or panels at metres above the edge at weight 1, both [*TEXELS]; 1 is plain."""
    turn = np.linspace(0, 2 * np.pi, TEXELS[1])[None]
    if kind == "beanie":
        ribs = (0.86 + 0.14 * np.cos(40 * turn)) * (0.985 + 0.015 * np.cos(height * 1400))
        return np.asarray(ribs * (1 - 0.30 * np.exp(-(((height - FOLD_M) / 0.0025) ** 2))))
    if kind == "cap":
        return np.asarray(1 - 0.22 * np.exp(-((np.sin(3 * turn) / 0.05) ** 2)) + 0 * height)
    return np.ones(TEXELS)
