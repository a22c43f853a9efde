"""What Gaussians are seen, and which of them a category changes, read off the dataset by back-projection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from perse_engine.avatar.drawing import View
from perse_engine.head.sampling import smoothstep
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Frame

CHANGE_EDGE = (0.04, 0.22)
"""Mean change of a Gaussian's pixels (0..1) from which it belongs to a category a little, and wholly."""


Seen = Callable[[Clip, int], FloatArray]
"""A picture [H, W] float32 0..1 of a clip's frame that tells where, or how much, it differs from the source."""


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
    view: View, x: FloatArray, seen: Sequence[Seen], clips: Sequence[Clip], frames: Sequence[Frame],
    vertices: dict[int, FloatArray],
) -> FloatArray:  # fmt: skip
    """Mean of what each Gaussian's pixels see, [len(clips), len(seen), N] in 0..1.

    Works for any producer of datasets: the weights are the rasteriser's own. The view may be smaller than the pictures.
    """
    pictures = [(clip, picture) for clip in clips for picture in seen]
    sums = np.zeros((len(pictures) + 1, len(x)), np.float32)
    height, width = view.alpha.shape
    for frame in frames:
        view.draw(x, vertices[frame.index], frame.camera.resized(width, height))
        images = [_resized(picture(clip, frame.index), (width, height)) for clip, picture in pictures]
        _add_seen(view, [*images, np.ones_like(view.alpha)], sums)
    means: FloatArray = sums[:-1] / (sums[-1] + 1e-3)
    return means.reshape(len(clips), len(seen), len(x))


def _resized(picture: FloatArray, size_px: tuple[int, int]) -> FloatArray:
    shrunk: FloatArray = cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA)
    return shrunk


def _add_seen(view: View, images: Sequence[FloatArray], sums: FloatArray) -> None:
    """Add what each Gaussian of the last drawing sees of each image [H, W], weighted by blending; sums [images, N]."""
    grad = np.zeros_like(view.colours)
    for first in range(0, len(images), 3):
        three = images[first : first + 3]
        for channel, image in enumerate(three):
            grad[..., channel] = image
        sums[first : first + 3] += view.colour_gradients(grad).T[: len(three)]


def covers(changed: FloatArray, hidden: FloatArray | None, below: FloatArray | None = None) -> FloatArray:
    """How much of what lies below a variant hides, [...] in 0..1, of Gaussians of which it changes so much.

    `hidden` is the editor's own word (a head's `hides`); without it a change counts as paint, as dense as it is large.
    `below` is how much of a Gaussian lies below an accessory itself: what trained beneath it shines through its edges.
    """
    if hidden is None:
        return np.asarray(changed**2, np.float32)
    return np.asarray(hidden if below is None else np.maximum(hidden, below * changed**2), np.float32)


def mask_of(changed: FloatArray) -> FloatArray:
    """The category's mask m, [N] in 0..1: zero where it changes nothing, so that it never can."""
    return smoothstep(changed, *CHANGE_EDGE).astype(np.float32)
