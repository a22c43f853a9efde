"""What Gaussians are seen, and which of them a category changes, read off the dataset by back-projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from perse_engine.avatar.drawing import View
from perse_engine.head.sampling import smoothstep
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Frame

CHANGE_EDGE = (0.04, 0.22)
"""Mean change of a Gaussian's pixels (0..1) from which it belongs to a category a little, and wholly."""


class ChangeMasks(Protocol):
    """Where clips differ from the source."""

    def changed(self, clip: Clip, frame: int) -> FloatArray:
        """The change mask, [H, W] float32 0..1."""
        ...


def visibility(view: View, x: FloatArray, frames: Sequence[Frame], vertices: dict[int, FloatArray]) -> FloatArray:
    """The largest sum of blending weights of each Gaussian over frames, [N]."""
    best = np.zeros(len(x), np.float32)
    grad = np.zeros_like(view.colours)
    grad[..., 0] = 1
    for frame in frames:
        view.draw(x, vertices[frame.index], frame.camera)
        best = np.maximum(best, view.colour_gradients(grad)[:, 0])
    return best


def change(
    view: View, x: FloatArray, pictures: ChangeMasks, clips: Sequence[Clip], frames: Sequence[Frame],
    vertices: dict[int, FloatArray],
) -> FloatArray:  # fmt: skip
    """Mean change that each Gaussian's pixels see, the largest over clips, [N] in 0..1.

    Works for any producer of datasets: the weights are the rasteriser's own.
    """
    best = np.zeros(len(x), np.float32)
    grad = np.zeros_like(view.colours)
    for clip in clips:
        total, weight = np.zeros(len(x), np.float32), np.full(len(x), 1e-3, np.float32)
        for frame in frames:
            view.draw(x, vertices[frame.index], frame.camera)
            grad[..., 0] = pictures.changed(clip, frame.index)
            grad[..., 1] = 1
            sums = view.colour_gradients(grad)
            total += sums[:, 0]
            weight += sums[:, 1]
        best = np.maximum(best, total / weight)
    return best


def mask_of(changed: FloatArray) -> FloatArray:
    """The category's mask m, [N] in 0..1: zero where it changes nothing, so that it never can."""
    return smoothstep(changed, *CHANGE_EDGE).astype(np.float32)
