"""What curls look like: ringlets that wind each in its own time, some over others, lit where they bulge."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.strands import flow_angles, texel_directions

Array = npt.NDArray[Any]

LOCKS, STEPS = 64, 360
"""Ringlets side by side around the head, and steps along each of them, of 1 mm; both wrap around."""
WAVE_MM = 15.0, 32.0
"""Length of one turn: of the shortest and the longest, of different ringlets and along one."""
SWING, HALF_WIDTH = (0.25, 0.75), (0.5, 0.95)
"""How far ringlets swing aside and how wide they are, in the distance between two."""
REACH, REACH_OF_SMALL = 2, 1
"""How many ringlets to each side may lie over a place: of small ones nobody sees where one is cut."""
APART = 48
"""Between the strands of two ringlets in their noise, of 1024 columns: it fits in as often as they wrap around."""
HEAD_MM = 92.0
STRAY, STRAY_MM = 0.9, 4.0
"""How far locks stray from the flow of the hair: across it, in ringlets, and along it."""
BULGE, GLINT, UNDER, STRANDS = 0.22, 0.16, 0.12, 0.09
"""Contrast of the shade between ringlets, of the light on the outer side of a turn, of what lies deeper, of strands."""


CURTAIN_MM = 480
"""How long the longest curtain of hair may be."""

STRETCHED = 0.6
"""How many turns hair has that hangs, next to that on the head."""


@cache
def curled_curtain(columns: int, around_deg: float) -> tuple[Array, Array]:
    """Log shade and swing of ringlets, see `ringlets`, [CURTAIN_MM, columns]: a row for every mm down from its top, of
    what reaches `around_deg` to each side."""
    place = np.linspace(-1, 1, columns, dtype=np.float32) * np.float32(around_deg / 360 * LOCKS) + LOCKS / 2
    down, across = np.meshgrid(np.arange(CURTAIN_MM, dtype=np.float32), place, indexing="ij")
    detail, swing = ringlets(STRETCHED * down, across, seed=43)
    return np.asarray(detail - np.median(detail), np.float32), cv2.GaussianBlur(swing, (0, 0), sigmaX=12, sigmaY=4)


@cache
def curled_head(times: int = 1, along_times: int = 1) -> Array:
    """Log shade of curls on the head's atlas [A, A] float32, of median 0, so many times as many across and along."""
    along, across = flow_angles()
    stray = [cv2.resize(_stray(seed), (ATLAS_PX, ATLAS_PX), interpolation=cv2.INTER_LINEAR) for seed in (1, 2)]
    place = (across + np.float32(np.pi)) * np.float32(LOCKS / (2 * np.pi)) + STRAY * stray[0]
    reach = REACH if times == 1 else REACH_OF_SMALL
    detail = ringlets(along_times * (along * HEAD_MM + STRAY_MM * stray[1]), times * place, 41, reach)[0]
    # At the whorl ringlets would be as thin as strands.
    detail *= smoothstep(along, 0.12, 0.40)
    return np.asarray(detail - np.median(detail), np.float32)


def ringlets(along_mm: Array, place: Array, seed: int, reach: int = REACH) -> tuple[Array, Array]:
    """Log shade [H, W] and how far aside the ringlet there swings, in distances between two, both float32.

    Args:
        along_mm: [H, W], along the strands.
        place: [H, W], across them, one more from every ringlet to the next; it wraps at `LOCKS`.
    """
    table = _table(seed)
    along, place = along_mm.astype(np.float32) % np.float32(STEPS), place.astype(np.float32) % np.float32(LOCKS)
    nearest = np.round(place)
    top = np.full(place.shape, -9.0, np.float32)
    over = np.zeros((5, *place.shape), np.float32)
    for step in range(-reach, reach + 1):
        lock = nearest + np.float32(step)
        # It swings aside, is half as wide, lies so high, and is there in its turn.
        found = cv2.remap(table, along, lock + np.float32(REACH), cv2.INTER_LINEAR)
        swing, half_width, high, turn = cv2.split(found)
        aside = (place - lock - swing) / half_width
        height = high - aside * aside
        higher = height > top
        for kept, new in zip((top, *over), (height, swing, high, turn, aside, lock), strict=True):
            np.copyto(kept, new, where=higher)
    swing, high, turn, aside, lock = over
    strands = cv2.remap(_strands(seed), (aside * 12 + lock * APART) % np.float32(1024), along, cv2.INTER_LINEAR)
    round_off = np.minimum(aside * aside, np.float32(1.6))
    detail = UNDER * high - BULGE * round_off + STRANDS * strands
    detail += GLINT * turn * (np.maximum(1 - round_off, 0) + 0.5 * aside)
    return detail, swing


@cache
def _table(seed: int) -> Array:
    """Of every ringlet, a row each, every mm what `ringlets` takes from it; float32, with those that wrap around."""
    random = np.random.default_rng(seed)

    def slow(mm: float) -> Array:
        noise = random.standard_normal((LOCKS, STEPS)).astype(np.float32)
        wrapped = cv2.GaussianBlur(np.hstack([noise] * 3), (0, 0), sigmaX=mm, sigmaY=0.01)[:, STEPS : 2 * STEPS]
        return np.asarray(wrapped / wrapped.std())

    def between(bounds: tuple[float, float], mm: float) -> Array:
        return bounds[0] + (bounds[1] - bounds[0]) * (0.5 + 0.5 * np.tanh(slow(mm)))

    turns = np.cumsum(1 / between(WAVE_MM, 25.0), 1)
    turns *= np.round(turns[:, -1:]) / turns[:, -1:]
    phase = 2 * np.pi * (turns + random.uniform(size=(LOCKS, 1)))
    swing = between(SWING, 18.0) * np.sin(phase) + 0.35 * slow(20.0)
    table = np.stack([swing, between(HALF_WIDTH, 20.0), 0.8 * slow(14.0) + 0.35 * np.cos(phase), np.sin(phase)], -1)
    return np.pad(table, ((REACH, REACH + 1), (0, 1), (0, 0)), mode="wrap").astype(np.float32)


@cache
def _strands(seed: int) -> Array:
    noise = np.random.default_rng(seed + 1).standard_normal((STEPS, 1025)).astype(np.float32)
    noise = np.vstack([noise[-60:], noise, noise[:60]])
    fine, coarse = (cv2.GaussianBlur(noise, (0, 0), sigmaX=s, sigmaY=12.0)[60 : STEPS + 61] for s in (1.0, 2.6))
    return np.asarray(0.7 * fine / fine.std() + 0.7 * coarse / coarse.std(), np.float32)


def _stray(seed: int) -> Array:
    """Smooth noise over the head, about as large as a fist, of deviation 1; a quarter of the atlas's size."""
    random = np.random.default_rng(seed)
    directions = texel_directions()[2::4, 2::4]
    waves = random.normal(size=(3, 10)) * np.linspace(3.0, 9.0, 10)
    noise = np.sin(directions @ waves.astype(np.float32) + random.uniform(0, 6.3, 10).astype(np.float32)).sum(-1)
    return np.asarray((noise / noise.std()).astype(np.float32))
