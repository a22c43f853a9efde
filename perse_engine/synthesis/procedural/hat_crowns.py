"""Crowns that keep a shape of their own: cowboy hats, bucket hats, top hats, berets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.hat_ring import COLUMNS, TEXELS, Cloth, Crown

Array = npt.NDArray[Any]

ROWS = 49


@dataclass(frozen=True)
class _Block:
    """What a hat is pressed on: its least height above the edge and above the hair, metres; (share of the edge's
    radius, share of the height) from the edge to the top; the height of a dark band, in shares."""

    height: float
    clear: float
    profile: tuple[tuple[float, float], ...]
    band: float = 0.0


BLOCKS = {
    "cowboy": _Block(
        0.125,
        0.020,
        ((1.02, 0), (1.01, 0.15), (0.97, 0.45), (0.93, 0.75), (0.86, 0.92), (0.70, 1.0), (0.4, 1.0), (0.02, 0.98)),
        0.16,
    ),
    "bucket": _Block(
        0.085, 0.008, ((1.03, 0), (1.0, 0.25), (0.96, 0.55), (0.88, 0.80), (0.72, 0.94), (0.4, 1.0), (0.02, 1.0))
    ),
    "top-hat": _Block(
        0.150,
        0.030,
        ((1.02, 0), (0.99, 0.2), (0.97, 0.5), (1.0, 0.8), (1.06, 0.985), (1.05, 1.0), (0.9, 1.0), (0.02, 1.0)),
        0.20,
    ),
    "beret": _Block(
        0.050,
        0.010,
        ((1.0, 0), (1.03, 0.08), (1.16, 0.22), (1.29, 0.45), (1.26, 0.72), (1.02, 0.95), (0.6, 1.04), (0.02, 1.08)),
        0.07,
    ),
}


def blocked(crown: Crown, kind: str, edge: float, weight: float) -> Cloth:
    """The crown at the edge; hair that would stick out pushes it outwards."""
    block = BLOCKS[kind]
    profile = np.array(block.profile)
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(profile, axis=0).T))]
    at = np.linspace(0, length[-1], ROWS)
    share, rise = (np.interp(at, length, profile[:, k])[:, None] for k in (0, 1))
    turn = np.linspace(-np.pi, np.pi, COLUMNS)[None]
    full = max(block.height, crown.top + block.clear)
    height = edge + full * rise * weight - 0.002 * (at == 0)[:, None]
    ring = crown.ring(edge, turn) + 0.004 * min(1.0, 4 * weight)
    radius = ring * share
    room = _room(crown, height, turn[0])
    is_side = smoothstep(share, 0.75, 0.9) * smoothstep(height, crown.top, 0.7 * crown.top)
    radius = radius + np.maximum(room - radius, 0) * is_side
    radius, height = _pressed(kind, radius, height, rise, turn, weight)
    grid = crown.place(radius, np.broadcast_to(turn, radius.shape), height)
    if kind == "beret":
        # It hangs to its left.
        grid[..., 0] += 0.026 * weight * smoothstep(rise, 0.1, 0.8)
        side = smoothstep(grid[..., 0], -0.05, 0.13)
        grid[..., 1] -= 0.030 * weight * side * smoothstep(rise, 0.12, 0.6)
    paint = np.where(rise[:, 0] < block.band, 0.35 if kind != "beret" else 0.72, 1.0)
    return Cloth(grid, _on_texels(paint), _on_texels(full * rise[:, 0] * weight), np.zeros(TEXELS))


def _on_texels(rows: Array) -> Array:
    """Numbers of the grid's rows [ROWS] at every texel, [*TEXELS]."""
    fine = np.interp(np.linspace(0, ROWS - 1, TEXELS[0]), np.arange(ROWS), rows)
    return np.broadcast_to(fine[:, None], TEXELS)


def _room(crown: Crown, height: Array, turn: Array) -> Array:
    """The radius that hair needs at every height and direction, [ROWS, COLUMNS]."""
    spots, rows = np.linspace(-np.pi, np.pi, 37), np.arange(0, ROWS, 4)
    coarse = crown.radius(height[rows], spots[None]) + 0.008
    fine = np.array([np.interp(turn, spots, row) for row in coarse])
    room = np.array([np.interp(np.arange(ROWS), rows, column) for column in fine.T]).T
    return np.asarray(gaussian_filter(room, (2.0, 4.0), mode=("nearest", "wrap")))


def _pressed(kind: str, radius: Array, height: Array, rise: Array, turn: Array, weight: float) -> tuple[Array, Array]:
    """A cowboy hat's crease along the top and its pinched front."""
    if kind != "cowboy":
        return radius, height + 0 * radius
    x = radius * np.sin(turn)
    high = smoothstep(rise, 0.80, 1.0)
    crease = 0.028 * np.exp(-((x / 0.026) ** 2)) * high
    front = np.exp(-(((np.abs(turn) - 0.55) / 0.35) ** 2)) * smoothstep(rise, 0.45, 0.95)
    slope = 0.012 * np.cos(turn) * smoothstep(rise, 0.5, 1.0)
    return radius * (1 - 0.16 * front), height + (slope - crease) * weight
