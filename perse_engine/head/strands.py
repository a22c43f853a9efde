"""How hair flows over the head, and streak noise that looks like strands: long along the flow, fine across it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import texel_angles
from perse_engine.head.sampling import sample, smoothstep

Array = npt.NDArray[Any]

ANGLE_CELLS = 360
WHORL = np.array([0.10, 0.80, -0.59])
"""Where hair grows away from: a little to the subject's left, at the upper back of the head. From there it falls."""


@cache
def texel_directions() -> Array:
    """Unit vector from the head's centre to every texel, head frame, [A, A, 3] float32."""
    angle, azimuth = texel_angles()
    return np.stack([np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)], -1)


@cache
def flow_angles() -> tuple[Array, Array]:
    """Polar angle about the whorl, along which strands run, and azimuth about it, across them; [A, A] float32 each."""
    whorl = WHORL / np.linalg.norm(WHORL)
    side = np.cross(whorl, [1.0, 0, 0])
    side /= np.linalg.norm(side)
    other = np.cross(whorl, side)
    d = texel_directions()
    along = np.arccos(np.clip(d @ whorl, -1, 1))
    return along.astype(np.float32), np.arctan2(d @ other, d @ side).astype(np.float32)


@cache
def strand_noise(seed: int, across_deg: float, along_deg: float = 12.0) -> Array:
    """Noise over the atlas, [A, A] float32, mean 0, deviation 1: smooth along the flow, fine across it.

    `across_deg` is about the width of a strand, `along_deg` its length. It fades at the whorl, where strands meet.
    """
    azimuth_cells = int(360 / across_deg * 2)
    noise = np.random.default_rng(seed).standard_normal((ANGLE_CELLS, azimuth_cells)).astype(np.float32)
    wrapped = np.hstack([noise[:, -8:], noise, noise[:, :8]])
    smooth = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=0.7, sigmaY=along_deg * ANGLE_CELLS / 180 / 2)[:, 8:]
    along, across = flow_angles()
    # A slow bend, so that strands are not ruler-straight.
    x = (across + np.pi) / (2 * np.pi) * azimuth_cells
    x = (
        x
        + (2.2 * np.sin(3.1 * along + 5 * np.cos(across)) + 1.1 * np.sin(7.3 * along + 3 * np.sin(2 * across)))
        / across_deg
    )
    y = np.clip(along / np.pi, 0, 1) * (ANGLE_CELLS - 1)
    out = sample(smooth, np.stack([x % azimuth_cells, y], -1))
    out = (out - out.mean()) / out.std() * smoothstep(along, np.radians(3), np.radians(16))
    return np.asarray(out, np.float32)
