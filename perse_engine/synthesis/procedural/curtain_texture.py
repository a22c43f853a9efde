"""What long hair looks like: strands in the hair's own colour, lit by the shape of its locks, with uneven tips."""

from __future__ import annotations

from functools import cache
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
BEGINS_M = 0.045
"""Above the mouth: where it appears first, to grow upwards and downwards from there."""
BLUNT = 0.25
"""How uneven the ends of half long hair are, next to its whole length's."""
START_M, START_ON_SKIN_M = (0.028, 0.076), (0.008, 0.045)
"""Below its upper edge: it comes out of the hair that is there strand by strand, or there is a seam."""
FINE, COARSE = 0.032, 0.045
"""Contrast of strands and of tufts: no more than a photo has, or they look painted."""
RELIEF, BETWEEN = 0.5, 0.13
"""How much of the locks' light and of the shade between them tells: hair lets light through."""
CURLED_BORDER = 0.05
"""How far the border follows the ringlets there, of half the width."""
SOFT = 0.02
"""Of the weight: how much of it a strand takes to appear."""


def curtain_texture(
    tone: Array, cap_colour: Array, covered: Array, grid: Array, lock: Array, y: Array, mouth_y: float,
    curled: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """For a curtain with the vertices `grid` [R, C, 3]: RGBA [*TEXELS, 4] of all of it, and from which weight each
    texel shows [*TEXELS].

    Args:
        cap_colour: [R, C, 3], the hair that it lies on; above it goes on in that colour.
        covered: [R, C] in 0..1, where it lies on hair, out of which it comes slowly.
        lock: [R, C], -1..1; between locks it is dark.
        y: [R, C] metres, falling with the rows.
        curled: instead of straight strands, log shade of ringlets and how far aside they swing, [*, W] each, a row for
            every mm from the upper edge on.
    """
    fine, coarse = _strands()
    on_cap = smoothstep(y, mouth_y - 0.03, mouth_y + 0.10)
    base = on_cap[..., None] * cap_colour + (1 - on_cap[..., None]) * tone
    # The cap's own colour has its light already: only the relief of the locks is added to that.
    light = _light(grid)
    relief = light / gaussian_filter(light, (3, 7), mode="nearest")
    lit = on_cap * relief + (1 - on_cap) * light / light.mean()
    lit = lit**RELIEF * (1 + BETWEEN * (0.25 - smoothstep(-lock, -0.2, 1.0)))
    across = np.linspace(-1, 1, TEXELS[1], dtype=np.float32)[None]
    height_m = _enlarged(y)
    if curled is None:
        strands, border = FINE * fine + COARSE * coarse, np.abs(across)
    else:
        strands, swing = (_by_height(rows, y.max() - height_m) for rows in curled)
        border = np.abs(across) + CURLED_BORDER * (1 - np.sign(across) * swing)
    shade = np.exp(strands) * _enlarged(lit)
    begins, length = mouth_y + BEGINS_M, y.max() - y.min()
    # Strand by strand, and at the tips whole locks first: more so the longer it hangs.
    uneven = 0.010 * coarse + 0.006 * fine
    edge = 1 - smoothstep(border + 0.012 * coarse + 0.006 * fine, 0.94, 0.985)
    below = y.max() - height_m + 1.6 * uneven
    slow, slowly = smoothstep(below, *START_M), smoothstep(_enlarged(covered), 0.6, 0.95)
    start = slow * slowly + smoothstep(below, *START_ON_SKIN_M) * (1 - slowly)
    up = (height_m - uneven - begins) / (y.max() - begins)
    down = (begins - height_m) / (begins - y.min())
    tips = length / (begins - y.min()) * (0.075 - 0.055 * _enlarged(lock) + 0.030 * coarse + 0.013 * fine)
    # No strand is cut in the middle; some tips never come. Shorter hair is cut blunt.
    up = np.maximum.accumulate(up[::-1], 0)[::-1]
    down = np.maximum.accumulate(down + tips * (BLUNT + (1 - BLUNT) * smoothstep(down, 0.6, 1.0)), 0)
    appears = np.maximum(up, down)
    appears = np.where(appears > 1, 1 + 2 * SOFT, SOFT + (1 - 2 * SOFT) * np.maximum(appears, 0))
    rgba = np.dstack([np.clip(_enlarged(base) * shade[..., None], 0, 1), edge * start])
    return rgba.astype(np.float32), appears.astype(np.float32)


@cache
def _strands() -> tuple[Array, Array]:
    """Noise as wide as strands and as tufts of them, [*TEXELS] each, of deviation 1."""
    random = np.random.default_rng(17)
    noise = (
        cv2.GaussianBlur(random.standard_normal(TEXELS).astype(np.float32), (0, 0), s, sigmaY=60) for s in (2.6, 9)
    )
    fine, coarse = (n / n.std() for n in noise)
    return fine, coarse


def shown(rgba: Array, appears: Array, weight: float) -> Array:
    """RGBA [H, W, 4] at a weight, of what appears [H, W] one after the other."""
    grown = smoothstep(weight - appears, -SOFT, SOFT)
    return np.dstack([rgba[..., :3], rgba[..., 3] * grown]).astype(np.float32)


def _light(grid: Array) -> Array:
    """Light on the locks [R, C], about 0.9 where it faces forwards."""
    along, across = np.gradient(grid, axis=0), np.gradient(grid, axis=1)
    normal = np.cross(along, across)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
    outward = grid - grid.mean((0, 1)) * [1, 0, 1] - grid * [0, 1, 0]
    normal *= np.sign((normal * outward).sum(-1, keepdims=True))
    return np.asarray(0.74 + 0.28 * np.clip(normal @ LIGHT, -0.3, 1))


def _by_height(rows: Array, below_m: Array) -> Array:
    """What lies so far below the upper edge, [*TEXELS], of a row for every mm."""
    columns = np.tile(np.arange(TEXELS[1], dtype=np.float32), (TEXELS[0], 1))
    below_mm = np.asarray(1e3 * below_m, np.float32)
    return np.asarray(cv2.remap(rows, columns, below_mm, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _enlarged(values: Array) -> Array:
    return cv2.resize(np.ascontiguousarray(values, np.float32), TEXELS[::-1], interpolation=cv2.INTER_LINEAR)
