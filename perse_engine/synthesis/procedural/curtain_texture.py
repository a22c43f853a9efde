"""What long hair looks like: strands in the hair's own colour, lit by the shape of its locks, with uneven tips."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from perse_engine.head.sampling import smoothstep

Array = npt.NDArray[Any]

TEXELS = (320, 1024)
LIGHT = np.array([0.15, 0.55, 0.82])
"""Direction towards the light: in front, from above."""


def curtain_texture(
    tone: Array, cap_colour: Array, grid: Array, lock: Array, y: Array, mouth_y: float, top: float, weight: float
) -> Array:
    """RGBA [*TEXELS, 4] for a curtain with the vertices `grid` [R, C, 3].

    Args:
        cap_colour: [R, C, 3], the hair that it lies on; above it goes on in that colour.
        lock: [R, C], -1..1; between locks it is dark.
        y: [R, C] metres; top: where it begins.
    """
    height, width = TEXELS
    random = np.random.default_rng(17)
    fine, coarse = (
        cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), s, sigmaY=60)
        for s in (2.4, 7)
    )
    fine, coarse = fine / fine.std(), coarse / coarse.std()
    on_cap = smoothstep(y, mouth_y - 0.03, mouth_y + 0.10)
    base = on_cap[..., None] * cap_colour + (1 - on_cap[..., None]) * tone
    # The cap's own colour has its light already: only the relief of the locks is added to that.
    light = _light(grid)
    relief = light / gaussian_filter(light, (3, 7), mode="nearest")
    shade = np.exp(0.045 * fine + 0.06 * coarse) * _enlarged(
        (on_cap * relief + (1 - on_cap) * light) * (0.90 + 0.10 * lock)
    )
    down = np.linspace(0, 1, height)[:, None]
    across = np.abs(np.linspace(-1, 1, width))[None]
    # The tips of whole locks first, then of their strands.
    tips = 0.95 + 0.05 * _enlarged(lock) - 0.025 * coarse - 0.01 * fine
    end = 1 - smoothstep(down, 0.90 * tips, tips)
    edge = 1 - smoothstep(across + 0.012 * coarse + 0.006 * fine, 0.94, 0.985)
    # It begins strand by strand.
    start = smoothstep(_enlarged(top - y) + 0.010 * coarse + 0.006 * fine, 0.008, 0.045)
    alpha = np.clip(end * edge * start, 0, 1) * min(1.0, 25 * weight)
    return np.dstack([np.clip(_enlarged(base) * shade[..., None], 0, 1), alpha]).astype(np.float32)


def _light(grid: Array) -> Array:
    """Light on the locks [R, C], about 0.9 where it faces forwards."""
    along, across = np.gradient(grid, axis=0), np.gradient(grid, axis=1)
    normal = np.cross(along, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    outward = grid - grid.mean((0, 1)) * [1, 0, 1] - grid * [0, 1, 0]
    normal *= np.sign((normal * outward).sum(-1, keepdims=True))
    return np.asarray(0.74 + 0.28 * np.clip(normal @ LIGHT, -0.3, 1))


def _enlarged(values: Array) -> Array:
    return cv2.resize(np.ascontiguousarray(values, np.float32), TEXELS[::-1], interpolation=cv2.INTER_LINEAR)
