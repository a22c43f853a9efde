"""The curve on the torso's chart where a garment begins, and the way down from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from perse_engine.head.sampling import sample
from perse_engine.synthesis.procedural.torso_chart import FRONT, HEIGHT, WIDTH, ChartSurface, Torso

Array = npt.NDArray[Any]

POINTS = 401


@dataclass(frozen=True)
class Neckline:
    """points [POINTS, 2] px of the chart from the back over the right side, the front (the middle one) and the left
    side to the back; away [POINTS, 2] px for a metre down the torso."""

    points: Array
    away: Array

    @staticmethod
    def of(depth: Array, surface: ChartSurface, torso: Torso) -> Neckline:
        """Where `depth` (metres below the line, [H, W]) is 0."""
        mask = (depth > 0).astype(np.uint8)
        # The garment reaches down to the last row: of its outline only the upper part counts.
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        outline = max(outlines, key=len)[:, 0].astype(np.float64)
        start, end = (int(np.argmin(outline[:, 1] + 2 * np.abs(outline[:, 0] - u))) for u in (0, WIDTH - 1))
        one = outline[start : end + 1] if start <= end else np.vstack([outline[start:], outline[: end + 1]])
        other = (outline[end : start + 1] if end <= start else np.vstack([outline[end:], outline[: start + 1]]))[::-1]
        line = min(one, other, key=lambda o: float(o[:, 1].mean()))
        line = np.stack([gaussian_filter1d(line[:, k], 5, mode="nearest") for k in (0, 1)], -1)
        there = sample(surface.places, line)
        in_front = np.abs(torso.turn_at(line[:, 0])) < FRONT
        aside = np.where(in_front, np.abs(there[:, 0] - torso.axis_x), np.inf)
        middle = int(np.clip(np.argmin(aside), 2, len(line) - 3))
        length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(there, axis=0), axis=1))]
        half = POINTS // 2
        at = np.r_[np.linspace(0, length[middle], half + 1), np.linspace(length[middle], length[-1], half + 1)[1:]]
        points = np.stack([np.interp(at, length, line[:, k]) for k in (0, 1)], -1)
        return Neckline(points, _away(depth, surface, points))

    def band(self, share: Array, down: Array) -> Array:
        """Chart px [K, M, 2] at shares 0..1 of the line [M] or [K, M], `down` [K, M] or [K, 1] metres below it."""
        share, down = np.broadcast_arrays(share, down)
        at = share * (POINTS - 1)
        grid = np.arange(POINTS)
        points, away = (np.stack([np.interp(at, grid, a[:, k]) for k in (0, 1)], -1) for a in (self.points, self.away))
        return np.clip(points + down[..., None] * away, 0, [WIDTH - 1, HEIGHT - 1])


def _away(depth: Array, surface: ChartSurface, points: Array) -> Array:
    """Steepest descent on the surface, in px of the chart per metre."""
    size = np.stack([surface.across, surface.down], -1)
    slope = np.stack([np.gradient(depth, axis=1), np.gradient(depth, axis=0)], -1) / size
    slope, size = (
        sample(cv2.GaussianBlur(a.astype(np.float32), (0, 0), 3), points).astype(np.float64) for a in (slope, size)
    )
    unit = np.stack([gaussian_filter1d(slope[:, k], 9, mode="nearest") for k in (0, 1)], -1)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True) + 1e-9
    return np.asarray(unit / gaussian_filter1d(size, 9, axis=0, mode="nearest"))
