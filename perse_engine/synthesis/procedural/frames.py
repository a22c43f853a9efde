"""Outlines of eyeglass frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

THICKNESS = {"thin": 0.5, "thick": 1.75}
"""Of the wire; 1 where nothing is said."""


@dataclass(frozen=True)
class FrameShape:
    """A superellipse with its exponent, half width and half height in eye distances (between eye centres).

    `upswept` lifts the outer corner, `drooping` lets the lower half hang outwards, in half heights; `bridges` are the
    heights of the bars between the lenses, in half heights.
    """

    exponent: float
    half_width: float
    half_height: float
    upswept: float = 0.0
    drooping: float = 0.0
    bridges: tuple[float, ...] = (0.12,)
    has_rim: bool = True

    def outline(self, count: int) -> Array:
        """Points of one rim [count, 2]; x runs outwards, both about -1..1."""
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
        c, s = np.cos(angle), np.sin(angle)
        x = np.sign(c) * np.abs(c) ** self.exponent
        y = np.sign(s) * np.abs(s) ** self.exponent
        out, low = np.clip(x, 0, 1), np.clip(-y, 0, 1)
        y = y + self.upswept * out**2 * (0.75 + 0.35 * y)
        x = x + 0.22 * self.upswept * out * np.clip(y, 0, None)
        # The inner side makes room for the nose.
        x = x + 0.30 * self.drooping * low * np.clip(-x, 0, 1) + 0.06 * self.drooping * low
        return np.stack([x, y * (1 + 0.35 * self.drooping * low)], -1)


SHAPES = {
    "round": FrameShape(1.0, 0.37, 0.35),
    "square": FrameShape(0.50, 0.41, 0.29),
    "oval": FrameShape(0.95, 0.39, 0.235),
    "cat-eye": FrameShape(0.72, 0.40, 0.265, upswept=0.55),
    "aviator": FrameShape(0.70, 0.42, 0.32, drooping=1.0, bridges=(0.22, 0.72)),
    "rimless": FrameShape(0.60, 0.40, 0.25, has_rim=False),
}
