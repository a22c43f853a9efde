"""Streak noise that looks like strands of hair: long along one direction, fine across it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import texel_angles
from perse_engine.head.sampling import sample

Array = npt.NDArray[Any]

ANGLE_CELLS = 360


@cache
def strand_noise(seed: int, across_deg: float, along_deg: float = 12.0) -> Array:
    """Noise over the atlas, [A, A] float32, mean 0, deviation 1: smooth along the polar angle, fine across azimuth.

    `across_deg` is about the width of a strand, `along_deg` its length.
    """
    azimuth_cells = int(360 / across_deg * 2)
    noise = np.random.default_rng(seed).standard_normal((ANGLE_CELLS, azimuth_cells)).astype(np.float32)
    wrapped = np.hstack([noise[:, -8:], noise, noise[:, :8]])
    smooth = cv2.GaussianBlur(wrapped, (0, 0), sigmaX=0.7, sigmaY=along_deg * ANGLE_CELLS / 180 / 2)[:, 8:]
    angle, azimuth = texel_angles()
    x = (azimuth + np.pi) / (2 * np.pi) * azimuth_cells
    y = np.clip(angle / np.pi, 0, 1) * (ANGLE_CELLS - 1)
    # A slow bend, so that strands are not ruler-straight.
    x = x + 1.2 / across_deg * np.sin(3.1 * angle + 5 * np.cos(azimuth))
    out = sample(smooth, np.stack([x % azimuth_cells, y], -1))
    return np.asarray((out - out.mean()) / out.std(), np.float32)
