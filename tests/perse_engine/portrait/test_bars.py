"""Bars are found where they were drawn, as wide as they were drawn, and not where only an edge is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from perse_engine.portrait.bars import contrasts, described, trace

Array = npt.NDArray[Any]
SKIN, FRAME = np.array([65.0, 14.0, 18.0]), np.array([20.0, 2.0, 2.0])
PLACES, SAMPLES = 48, 70


def _grid(middle: Array, half: float) -> Array:
    """Skin with grain, and a bar with soft edges."""
    cover = np.clip(half + 0.5 - np.abs(np.arange(SAMPLES) - middle[:, None]), 0, 1)[..., None]
    grain = np.random.default_rng(0).normal(0, 1, (PLACES, SAMPLES, 1))
    return SKIN + grain + cover * (FRAME - SKIN)


@pytest.mark.parametrize("half", [1.0, 3.0, 8.0])
def test_a_wavy_bar_is_followed_and_measured(half: float) -> None:
    middle = 34 + 8 * np.sin(np.linspace(0, 2 * np.pi, PLACES, endpoint=False))
    lab = _grid(middle, half)
    contrast = contrasts(lab)
    line = described(lab, contrast, *trace(contrast, is_closed=True))
    assert np.abs(line.middle - middle).max() < 1.0
    assert np.median(np.abs(line.half - half)) < 0.6
    assert np.abs(line.colour - FRAME).max() < 20


def test_an_edge_is_no_bar() -> None:
    lab = np.where(np.arange(SAMPLES)[None, :, None] < 30, SKIN, FRAME) + np.zeros((PLACES, 1, 1))
    assert contrasts(lab).max() < 1


def test_a_known_colour_tells_the_frame_from_a_stronger_brow() -> None:
    gold = np.array([60.0, 5.0, 45.0])
    lab = np.tile(SKIN, (PLACES, SAMPLES, 1))
    lab[:, 20:24], lab[:, 45:52] = gold, FRAME
    plain, coloured = (trace(contrasts(lab, colour), is_closed=True)[0] for colour in (None, gold))
    assert (np.abs(plain - 48) < 3).all()
    assert (np.abs(coloured - 21.5) < 2).all()
