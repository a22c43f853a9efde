"""In-betweens without a model: both pictures are warped to where the landmarks are half way, then blended.

A thin-plate spline (Bookstein 1989) carries the landmarks' way to every pixel; the border of the picture stays.
What has no landmarks, hair and hats, is cross-faded: see the interpolator 'rig' for those.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import RBFInterpolator

from perse_engine.portrait.points import LEFT_EYE, LEFT_EYEBROW, LIPS_OUTER, OVAL, RIGHT_EYE, RIGHT_EYEBROW, SKIN_SEEDS
from perse_engine.synthesis.learned.interpolator import Face
from perse_engine.synthesis.learned.paste import paste

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

POINTS = tuple(
    dict.fromkeys(
        (*OVAL, *RIGHT_EYE, *LEFT_EYE, *RIGHT_EYEBROW, *LEFT_EYEBROW, *LIPS_OUTER, *SKIN_SEEDS, 1, 2, 98, 327)
    )
)
"""Landmarks that carry the warp: outlines, and bare skin between them."""
GRID = 48
BORDER_POINTS = 6
SMOOTHING = 1.0


class WarpInterpolator:
    """See `FaceInterpolator`. Faces without landmarks are blended where they are."""

    def between(self, first: Face, second: Face, mask: Array, steps: Sequence[float]) -> list[Rgb]:
        """See `FaceInterpolator`."""
        way = landmark_way(first, second)
        return [paste(first.picture, _at(first.picture, second.picture, way, t), mask) for t in steps]

    def forget(self, keep: Container[str] = ()) -> None:
        """See `FaceInterpolator`; nothing is kept."""


def landmark_way(first: Face, second: Face) -> Array:
    """How far each pixel goes from the first face to the second, [S, S, 2] px (x, y)."""
    size = first.picture.shape[0]
    if first.landmarks is None or second.landmarks is None:
        return np.zeros((size, size, 2), np.float32)
    ends = np.array([first.landmarks[list(POINTS)], second.landmarks[list(POINTS)]])
    edge = np.linspace(0, size - 1, BORDER_POINTS)
    sides = [np.c_[edge, 0 * edge + k] for k in (0, size - 1)] + [np.c_[0 * edge + k, edge] for k in (0, size - 1)]
    border = np.unique(np.vstack(sides), axis=0)
    # In the middle of the way, so that both pictures are looked up in the same field.
    places = np.vstack([ends.mean(0), border])
    moves = np.vstack([ends[1] - ends[0], 0 * border])
    spline = RBFInterpolator(places / size, moves, kernel="thin_plate_spline", smoothing=SMOOTHING / size)
    axis = np.linspace(0, 1, GRID)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    coarse = spline(grid).reshape(GRID, GRID, 2).astype(np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32) * ((GRID - 1) / (size - 1))
    return np.asarray(cv2.remap(coarse, x, y, cv2.INTER_LINEAR))


def _at(first: Rgb, second: Rgb, way: Array, t: float) -> Rgb:
    size = first.shape[0]
    y, x = np.mgrid[:size, :size].astype(np.float32)

    def moved(picture: Rgb, share: float) -> Array:
        column, row = x + np.float32(share) * way[..., 0], y + np.float32(share) * way[..., 1]
        out = cv2.remap(picture, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(out, np.float64)

    mixed = (1 - t) * moved(first, -t) + t * moved(second, 1 - t)
    return np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
