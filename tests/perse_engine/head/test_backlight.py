"""Light from behind leaves hair and cheeks; everything else stays as it is."""

from __future__ import annotations

import numpy as np

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.backlight import without_backlight

SHAPE = (ATLAS_PX, ATLAS_PX)
GREY_HAIR, SKIN, GLOW = np.array([0.60, 0.56, 0.52]), np.array([0.62, 0.42, 0.34]), np.array([0.92, 0.96, 1.0])
EDGE = (slice(200, 800), slice(560, 600))
"""A strip near the outline of what is seen."""


def picture(tone: np.ndarray, edge: np.ndarray) -> np.ndarray:
    grain = np.random.default_rng(0).normal(0, 0.01, (*SHAPE, 1))
    out = np.broadcast_to(tone, (*SHAPE, 3)) + grain
    out[EDGE] = edge + grain[EDGE]
    return np.clip(out, 0, 1)


def tamed(colour: np.ndarray, *, is_hair: bool) -> np.ndarray:
    seen = np.zeros(SHAPE)
    seen[100:900, 300:600] = 1
    facing = np.broadcast_to(np.linspace(1.2, 0.2, ATLAS_PX), SHAPE)
    nothing = np.zeros(SHAPE)
    return without_backlight(colour, seen, seen if is_hair else nothing, nothing if is_hair else seen, facing)


def test_glowing_hair_takes_the_tone_of_the_rest() -> None:
    before = picture(GREY_HAIR, GLOW)
    after = tamed(before, is_hair=True)
    off = np.abs(after[EDGE].mean((0, 1)) - GREY_HAIR).max()
    assert off < 0.25 * np.abs(before[EDGE].mean((0, 1)) - GREY_HAIR).max()


def test_a_glowing_cheek_takes_the_tone_of_the_rest() -> None:
    after = tamed(picture(SKIN, GLOW), is_hair=False)
    assert np.abs(after[EDGE].mean((0, 1)) - SKIN).max() < 0.12


def test_shade_stays() -> None:
    for is_hair, tone in ((True, GREY_HAIR), (False, SKIN)):
        before = picture(tone, 0.7 * tone)
        assert np.abs(tamed(before, is_hair=is_hair) - before).max() < 3 / 255


def test_highlights_in_front_stay() -> None:
    before = picture(SKIN, SKIN)
    before[400:440, 310:340] = 0.97
    assert np.abs(tamed(before, is_hair=False) - before).max() < 3 / 255
