"""The measures' definitions, on pictures whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.evaluation.avatar.betweens import (
    changed_region,
    gradient_energy,
    half_transparent,
    look_between,
    lowest_energy,
)
from perse_engine.evaluation.avatar.distance import OctaveDistance
from perse_engine.evaluation.avatar.exact import Exact
from perse_engine.evaluation.avatar.flicker import jump
from perse_engine.evaluation.avatar.order import shown_through

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.random((32, 32, 3)).astype(np.float32)
OTHER = RANDOM.random((32, 32, 3)).astype(np.float32)
EVERYWHERE = np.ones((32, 32), bool)


def fade(t: float) -> np.ndarray:
    return (1 - t) * NOISE + t * OTHER


def test_the_octave_distance_of_equal_pictures_is_nothing_and_of_black_and_white_is_one() -> None:
    assert OctaveDistance()(NOISE, NOISE) == 0
    assert OctaveDistance()(np.zeros_like(NOISE), np.ones_like(NOISE)) == pytest.approx(1)


def test_the_octave_distance_sees_a_patch_more_than_noise_of_the_same_size() -> None:
    patch = np.full_like(NOISE, 0.5)
    patch[8:24, 8:24] += 0.2
    noise = 0.5 + 0.05 * np.sign(NOISE - 0.5)
    grey = np.full_like(NOISE, 0.5)
    assert np.abs(patch - grey).mean() == pytest.approx(np.abs(noise - grey).mean())
    assert OctaveDistance()(patch, grey) > 2 * OctaveDistance()(noise, grey)


@given(st.floats(0, 1))
def test_looks_on_a_way_have_weights_that_are_allowed(t: float) -> None:
    between = look_between("hat", "a", "b", t)
    assert sum(between.variants["hat"].values()) == pytest.approx(1)
    from_source = look_between("hat", None, "b", t)
    assert from_source.categories() == (("hat",) if t > 0 else ())


def test_the_changed_region_is_where_any_picture_differs() -> None:
    moved = [np.zeros((8, 8, 3), np.float32) for _ in range(3)]
    moved[1][2, 2], moved[2][5, 5] = 1, 1
    assert np.argwhere(changed_region(moved)).tolist() == [[2, 2], [5, 5]]


def test_a_cross_fade_of_fine_detail_loses_gradient_energy() -> None:
    steps = [fade(t) for t in np.linspace(0, 1, 11)]
    assert lowest_energy(steps, EVERYWHERE) == pytest.approx(0.5, abs=0.1)


def test_what_only_moves_keeps_its_gradient_energy() -> None:
    steps = [np.roll(NOISE, k, 1) for k in range(5)]
    inner = np.zeros((32, 32), bool)
    inner[4:-4] = True
    assert lowest_energy(steps, inner) == pytest.approx(1, abs=0.1)
    assert gradient_energy(np.full_like(NOISE, 0.3), EVERYWHERE) == 0


def test_fading_in_is_half_transparent_and_growing_is_not() -> None:
    grown, faded = [], []
    for k in range(5):
        shape = np.zeros((20, 20))
        shape[:4] = 1
        shape[4, :4] = 0.5
        faded.append(shape.copy())
        faded[-1][5:15] = k / 4
        shape[5 : 5 + 2 * k] = 1
        grown.append(shape)
    assert half_transparent(grown) < 1.2
    assert half_transparent(faded) > 5


def test_an_even_ramp_has_no_jump_and_a_cut_has() -> None:
    even = [np.full((4, 4, 3), t) for t in np.linspace(0, 1, 9)]
    assert jump(even) == pytest.approx(1)
    assert jump([*even[:4], *(p + 0.5 for p in even[4:])]) == pytest.approx(5)


def test_an_iris_that_shines_through_a_lid_is_counted() -> None:
    iris, skin = np.zeros((10, 10, 3), np.float32), np.full((10, 10, 3), 0.8, np.float32)
    labels = np.zeros((10, 10), np.uint8)
    labels[:5] = 7
    opened, closed = skin.copy(), skin
    opened[:5] = iris[:5]
    alpha = np.ones((10, 10), np.float32)
    truth = Exact(opened, alpha, labels), Exact(closed, alpha, np.zeros_like(labels))
    shown = closed.copy()
    assert shown_through(shown, *truth, (7,)) == (0.0, 50)
    shown[:1] = 0.1
    assert shown_through(shown, *truth, (7,)) == (pytest.approx(0.2), 50)
    assert shown_through(shown, *truth, (3,)) == (0.0, 0)


def test_the_octave_distance_is_symmetric() -> None:
    for a, b in itertools.permutations((NOISE, OTHER, fade(0.5)), 2):
        assert OctaveDistance()(a, b) == pytest.approx(OctaveDistance()(b, a))
