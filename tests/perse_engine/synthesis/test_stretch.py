"""How triangles grow: directions and amounts of known deformations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.synthesis.stretch import MOST, stretch

SQUARE = np.array([[0.0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(0, 2 * np.pi))
def test_growth_along_two_axes_is_found_in_any_plane(along: float, across: float, turn: float) -> None:
    c, s = np.cos(turn), np.sin(turn)
    turned = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    way = {w: SQUARE * [np.exp(-(1 - w) * along), np.exp(-(1 - w) * across), 1] @ turned for w in (0.3, 0.6)}
    axis, lengths = stretch(SQUARE @ turned, way, FACES)
    for weight, found in lengths.items():
        assert np.allclose(found, [(weight - 1) * max(along, across), (weight - 1) * min(along, across)], atol=1e-4)
    if abs(along - across) > 0.01:
        expected = (np.array([1.0, 0, 0]) if along > across else np.array([0, 1.0, 0])) @ turned
        assert np.abs(axis @ expected) == pytest.approx(1, abs=1e-3)


def test_turning_and_moving_is_no_growth() -> None:
    turned = SQUARE @ np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]) + [0.3, 0, 1]
    assert np.allclose(stretch(SQUARE, {0.5: turned}, FACES)[1][0.5], 0, atol=1e-6)


def test_no_way_is_no_growth() -> None:
    axis, lengths = stretch(SQUARE, {}, FACES)
    assert not lengths
    assert np.allclose(np.linalg.norm(axis, axis=1), 1)


def test_needles_and_what_collapses_stay_finite() -> None:
    needle = SQUARE * [1, 0, 0]
    axis, lengths = stretch(needle, {0.5: SQUARE}, FACES)
    assert np.isfinite(axis).all() and not lengths[0.5].any()
    _, lengths = stretch(SQUARE, {0.5: SQUARE * [1, 0, 0]}, FACES)
    assert np.abs(lengths[0.5]).max() == MOST
