"""The photo in the head's atlas, and how to interpolate in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import push_pull

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Baked:
    """The photo in atlas space: colour [A, A, 3], weight [A, A] (how much to trust it), region maps, geometry."""

    colour: Array
    weight: Array
    hair: Array
    skin: Array
    is_face: Array
    facing: Array
    place: Array


def per_azimuth(at: Array, values: Array, azimuth: Array) -> Array:
    """Interpolate a periodic function of the azimuth, known at `at`, [A, A] float32."""
    grid = np.linspace(-np.pi, np.pi, 721)
    turns = np.r_[at - 2 * np.pi, at, at + 2 * np.pi]
    table = np.interp(grid, turns, np.r_[values, values, values])
    return np.interp(azimuth.ravel(), grid, table).reshape(azimuth.shape).astype(np.float32)


def low_pass(image: Array, weight: Array, sigma: float = 4.0) -> Array:
    """Weighted blur of [A, A, C] at an eighth of the resolution; `sigma` in its texels."""
    small_size = (ATLAS_PX // 8, ATLAS_PX // 8)

    def blurred(x: Array) -> Array:
        return cv2.GaussianBlur(
            cv2.resize(x.astype(np.float32), small_size, interpolation=cv2.INTER_AREA), (0, 0), sigma
        )

    small = blurred(image * weight[..., None]) / (blurred(weight)[..., None] + 1e-4)
    return cv2.resize(small, (ATLAS_PX, ATLAS_PX), interpolation=cv2.INTER_LINEAR)


def fill(image: Array, weight: Array) -> Array:
    """Push-pull at half resolution, [A, A, C]."""
    half = ATLAS_PX // 2

    def down(x: Array) -> Array:
        return cv2.resize(x.astype(np.float32), (half, half), interpolation=cv2.INTER_AREA)

    small_weight = down(weight)
    small = down(image * weight[..., None]).reshape(half, half, -1) / np.maximum(small_weight, 1e-6)[..., None]
    filled = cv2.resize(push_pull(small, small_weight), (ATLAS_PX, ATLAS_PX), interpolation=cv2.INTER_LINEAR)
    return filled.reshape(ATLAS_PX, ATLAS_PX, -1)
