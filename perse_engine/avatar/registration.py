"""Where a picture lies against what an avatar shows of it: eight numbers by one Gauss-Newton step.

    target ~ (1 + gain) shown(shifted, head turned)

Residuals count by their size, not its square, so that what the avatar has not learned yet is little reason to move.
The prior keeps what a picture cannot tell near 0.
"""

from __future__ import annotations

from typing import Any

import cv2
import numba as nb
import numpy as np
import numpy.typing as npt

from perse_engine.compiled import PARALLEL_WORK, kernel
from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]
F = np.float32

CORRECTIONS = 8
SHIFT, TURN, GAIN = slice(0, 2), slice(2, 5), slice(5, 8)
"""How far a picture lies right and down, px of the dataset; how far its head is turned about the world's axes, degrees;
by what share red, green and blue are too bright."""
PRIOR = np.array([2.0, 2.0, 1.0, 1.0, 1.0, 0.05, 0.05, 0.05])
"""Their standard deviations before a picture was looked at."""
LIMIT = 4.0
"""In those: what lies further off is no small error but another picture."""
BLUR_PX = 1.0
"""Standard deviation: edges become as wide as the errors are, so that one step finds most of them."""
SMALL = 0.02
"""Residuals (0..1) below it count by their square."""
LIKE_RESIDUALS = 100.0
"""How many say the same: what is not learned yet is wrong over whole patches."""
LOOKED_AT_PX = 256
"""Of pictures twice as wide, every other pixel of every other row is looked at."""

MOTIONS = 5
MATRIX, VECTOR = slice(0, CORRECTIONS**2), slice(CORRECTIONS**2, CORRECTIONS**2 + CORRECTIONS)
ERROR, COUNT, SUMS = VECTOR.stop, VECTOR.stop + 1, VECTOR.stop + 2
PARTS = 16
"""Sums are cut into as many parts, so that they do not depend on the number of threads."""


def registered(shown: FloatArray, target: FloatArray, flow: FloatArray, known: FloatArray, size_px: int) -> FloatArray:
    """Better corrections [8] float32, from what is shown with the `known` ones.

    Args:
        shown, target: [H, W, 3] float32 over black; the target as the dataset has it.
        flow: [H, W, 6] float32 as `head_flow` gives it.
        size_px: width of the dataset's pictures, of which these may be smaller copies.
    """
    parts = np.zeros((PARTS, SUMS))
    width = shown.shape[1]
    gains = (1 + known[GAIN]).astype(np.float32)
    with PARALLEL_WORK:
        add_sums(
            _blurred(shown), _blurred(target), flow, gains, F(width / size_px), max(1, width // LOOKED_AT_PX), parts
        )
    sums = parts.sum(0)
    # The residuals' mean size is what they are expected to be: by how much they are believed.
    size = max(sums[ERROR] / max(sums[COUNT], 1.0), 1e-4)
    belief = 1 / (LIKE_RESIDUALS * size)
    matrix = belief * sums[MATRIX].reshape(CORRECTIONS, CORRECTIONS) + np.diag(PRIOR**-2)
    vector = belief * sums[VECTOR] - known / PRIOR**2
    found = known + np.linalg.solve(matrix, vector)
    return np.asarray(np.clip(found, -LIMIT * PRIOR, LIMIT * PRIOR), np.float32)


def _blurred(picture: FloatArray) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), BLUR_PX))


@kernel(parallel=True)
def add_sums(
    shown: Array, target: Array, flow: Array, gains: Array, scale: Any, stride: int, parts: Array
) -> None:  # fmt: skip
    """Normal equations of the corrections, each cut of the rows in its own row of parts [PARTS, SUMS].

    `scale` is px of these pictures per px of the dataset. Pixels that are black in both say nothing.
    """
    height, width = shown.shape[0], shown.shape[1]
    cuts = parts.shape[0]
    for part in nb.prange(cuts):
        sums = parts[part]
        slopes = np.zeros(MOTIONS + 1, np.float32)
        for y in range(1 + (height - 2) * part // cuts, 1 + (height - 2) * (part + 1) // cuts):
            if y % stride:
                continue
            for x in range(1, width - 1, stride):
                for c in range(3):
                    gain, own = gains[c], shown[y, x, c]
                    residual = target[y, x, c] - gain * own
                    if own == F(0) and residual == F(0):
                        continue
                    # The mean of both pictures' gradients: right to the second order for a shift between them.
                    right = gain * (shown[y, x + 1, c] - shown[y, x - 1, c]) + target[y, x + 1, c] - target[y, x - 1, c]
                    down = gain * (shown[y + 1, x, c] - shown[y - 1, x, c]) + target[y + 1, x, c] - target[y - 1, x, c]
                    right *= F(0.25) * scale
                    down *= F(0.25) * scale
                    slopes[0], slopes[1] = -right, -down
                    for k in range(3):
                        slopes[2 + k] = -right * flow[y, x, 2 * k] - down * flow[y, x, 2 * k + 1]
                    slopes[MOTIONS] = own
                    size = abs(residual)
                    weight = F(1) / max(size, F(SMALL))
                    sums[ERROR] += size
                    sums[COUNT] += 1
                    for i in range(MOTIONS + 1):
                        row = i if i < MOTIONS else MOTIONS + c
                        slope = weight * slopes[i]
                        sums[CORRECTIONS * CORRECTIONS + row] += slope * residual
                        for j in range(MOTIONS + 1):
                            column = j if j < MOTIONS else MOTIONS + c
                            sums[CORRECTIONS * row + column] += slope * slopes[j]
