"""Thin bars across pictures: the cheapest line through a grid of samples that is darker, lighter or of another colour
than what lies on both of its sides.

A grid [N, S, 3] has N places along the bar and S samples across it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HALF_WIDTHS = (1, 2, 3, 5, 7, 10, 13)
"""In samples; a bar may grow from place to place by one entry."""
GAP, FAR_GAP, LEAST_FLANK = 2, 5, 3
"""Samples between a bar and what it is compared with, where its edge is soft, and where its shining side may still be;
how many are compared."""
PLAIN, PLAIN_SLOPE = 25.0, 0.2
"""Contrast in CIE Lab units above which more tells little: lashes are stronger than gold wires."""
COLOUR_SPREAD, ONE_SIDED = np.array([13.0, 10.0, 10.0]), 0.6
"""How unlike itself a bar is along its way, shade and shine included; how much an edge counts beside a bar."""
STANDS_OUT = 4.0
"""Contrast from which on a bar is there (docs/experiments.md, Eyeglasses on the photo)."""
CLEAR_EDGE, UNLIKE = 8.0, (0.12, 0.88)
"""Difference to what lies beside from which on an edge is measured; shares of it where its softness ends, which is
about the grain of skin off its ends."""
STEP, STEP_COST, WIDTH_COST = 2, 0.6, 1.5
"""Samples that a line may move across from place to place, and what that and another width cost, in contrast."""


@dataclass(frozen=True)
class Line:
    """Along a bar: its middle [N] and half width [N] in samples, its contrast [N] and colour [N, 3] in CIE Lab, and the
    colours [N, 3] on the side of the first samples and on the other."""

    middle: Array
    half: Array
    contrast: Array
    colour: Array
    below: Array
    above: Array


def contrasts(lab: Array, colour: Array | None = None) -> Array:
    """How much a bar of each half width stands out at each place, [H, N, S]: both sides have to differ alike.

    Where its colour is known, [3] CIE Lab, other bars count less, and one side may be as the bar is: a brow.
    """
    found = []
    for half in HALF_WIDTHS:
        middle, below, above = _means(lab, half)
        contrast = np.sqrt(np.maximum(((middle - below) * (middle - above)).sum(-1), 0))
        if colour is not None:
            edge = np.maximum(*(np.linalg.norm(middle - side, axis=-1) for side in (below, above)))
            off = (((middle - colour) / COLOUR_SPREAD) ** 2).sum(-1)
            contrast = np.maximum(contrast, ONE_SIDED * edge) * np.exp(-off / 2)
        found.append(contrast)
    return np.stack(found)


def trace(contrast: Array, *, is_closed: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The best line through contrasts [H, N, S]: samples [N] and entries of HALF_WIDTHS [N], by dynamic programming."""
    widths, count, samples = contrast.shape
    gain = np.minimum(contrast, PLAIN) + PLAIN_SLOPE * contrast
    # Three rounds: the middle one does not know where the first began.
    places = np.arange(count) if not is_closed else np.tile(np.arange(count), 3)
    moves = [(w, s) for w in (0, -1, 1) for s in range(-STEP, STEP + 1)]
    total = np.zeros((widths, samples))
    came = np.zeros((len(places), widths, samples), np.int8)
    for k, place in enumerate(places):
        options = np.stack([_moved(total, w, s) - STEP_COST * abs(s) - WIDTH_COST * abs(w) for w, s in moves])
        came[k] = options.argmax(0)
        total = options.max(0) + gain[:, place]
    width, sample = np.unravel_index(int(total.argmax()), total.shape)
    line = []
    for k in range(len(places) - 1, -1, -1):
        line.append((int(sample), int(width)))
        w, s = moves[came[k, width, sample]]
        width, sample = width - w, sample - s
    path = np.array(line[::-1])
    middle = path[count : 2 * count] if is_closed else path
    return middle[:, 0], middle[:, 1]


def described(lab: Array, contrast: Array, samples: npt.NDArray[np.int64], widths: npt.NDArray[np.int64]) -> Line:
    """What lies along a traced line of a grid [N, S, 3]."""
    n = np.arange(len(samples))
    means, far = (
        np.stack([np.stack(_means(lab, half, gap))[:, n, samples] for half in HALF_WIDTHS])[widths, :, n]
        for gap in (GAP, FAR_GAP)
    )
    bar, below, above = means[:, 0], means[:, 1], means[:, 2]
    half = np.array(HALF_WIDTHS)[widths]
    down, up = (_reach(lab, samples, half, bar, side, step) for side, step in ((far[:, 1], -1), (far[:, 2], 1)))
    middle = samples + (up - down) / 2
    return Line(middle, 0.5 + (up + down) / 2, contrast[widths, n, samples], bar, below, above)


def _reach(lab: Array, samples: Array, half: Array, bar: Array, side: Array, step: int) -> Array:
    """How many samples from its middle a bar ends towards one side, [N]: as much as it covers there of each sample."""
    away = np.arange(1, HALF_WIDTHS[-1] + FAR_GAP + 1)
    at = np.clip(samples[:, None] + step * away, 0, lab.shape[1] - 1)
    difference = np.linalg.norm(bar - side, axis=-1)
    # Whatever is unlike the skin belongs to the bar: its shine is like neither.
    unlike = np.linalg.norm(lab[np.arange(len(lab))[:, None], at] - side[:, None], axis=-1)
    cover = np.clip((unlike / np.maximum(difference, 1e-3)[:, None] - UNLIKE[0]) / (UNLIKE[1] - UNLIKE[0]), 0, 1)
    return np.where(difference > CLEAR_EDGE, (cover * (away <= half[:, None] + FAR_GAP)).sum(1), half)


def sampled(image: Array, px: Array) -> Array:
    """Values of an image at work px [..., 2]."""
    # Landmarks count from the corner of a pixel, cv2 from its middle.
    x, y = (np.ascontiguousarray(px[..., k] - 0.5, np.float32) for k in (0, 1))
    return np.asarray(cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def along(grid: Array) -> Array:
    """Means of neighbours along the bar: noise is not continued."""
    padded = np.concatenate([grid[-1:], grid, grid[:1]])
    return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3)


def smooth(values: Array) -> Array:
    """Along a line, [N]."""
    return np.asarray(cv2.GaussianBlur(values[:, None].astype(np.float32), (1, 9), 0, sigmaY=1.5)[:, 0], np.float64)


def _moved(total: Array, width: int, sample: int) -> Array:
    """What a step by so much reaches from; no number where it comes from outside."""
    out = np.full_like(total, -1e9)
    widths, samples = total.shape
    to_w, to_s = slice(max(width, 0), widths + min(width, 0)), slice(max(sample, 0), samples + min(sample, 0))
    of_w, of_s = slice(max(-width, 0), widths - max(width, 0)), slice(max(-sample, 0), samples - max(sample, 0))
    out[to_w, to_s] = total[of_w, of_s]
    return out


def _means(lab: Array, half: int, gap: int = GAP) -> tuple[Array, Array, Array]:
    """Means over the bar and on both sides of it, [N, S, 3] each."""
    sums = np.concatenate([np.zeros_like(lab[:, :1]), np.cumsum(lab, 1)], 1)
    last = lab.shape[1]
    flank = max(LEAST_FLANK, half)

    def mean(low: int, high: int) -> Array:
        start = np.clip(np.arange(last) + low, 0, last - 1)
        end = np.maximum(np.clip(np.arange(last) + high + 1, 1, last), start + 1)
        return np.asarray((sums[:, end] - sums[:, start]) / (end - start)[None, :, None])

    return mean(-half, half), mean(-half - gap - flank, -half - gap), mean(half + gap, half + gap + flank)
