"""Measures of likeness with answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perse_engine.evaluation.pictures import psnr_db, ssim, worst_share

SHAPE = (16, 16, 3)
ALL = np.ones(SHAPE[:2], bool)
BLACK, WHITE = np.zeros(SHAPE), np.ones(SHAPE)
NOISE = np.random.default_rng(0).random(SHAPE)


def test_an_error_of_a_tenth_is_20_db() -> None:
    assert psnr_db(BLACK + 0.1, BLACK, ALL) == pytest.approx(20)


def test_black_against_white_is_0_db() -> None:
    assert psnr_db(BLACK, WHITE, ALL) == pytest.approx(0)


def test_equal_pictures_are_99_db() -> None:
    assert psnr_db(NOISE, NOISE, ALL) == 99


def test_only_the_mask_counts_for_psnr() -> None:
    mask = ALL.copy()
    mask[:8] = False
    spoiled = NOISE.copy()
    spoiled[:8] = 0
    assert psnr_db(spoiled, NOISE, mask) == 99


def test_an_empty_mask_is_perfect() -> None:
    assert psnr_db(BLACK, WHITE, ~ALL) == 99
    assert ssim(BLACK, WHITE, ~ALL) == 1


@given(st.floats(0.001, 1))
def test_psnr_is_symmetric(error: float) -> None:
    assert psnr_db(BLACK + error, BLACK, ALL) == pytest.approx(psnr_db(BLACK, BLACK + error, ALL))


def test_equal_pictures_have_an_ssim_of_1() -> None:
    assert ssim(NOISE, NOISE, ALL) == pytest.approx(1)


def test_flat_pictures_have_the_ssim_of_the_formula() -> None:
    c1 = 0.01**2
    expected = (2 * 0.5 * 0.25 + c1) / (0.5**2 + 0.25**2 + c1)
    assert ssim(BLACK + 0.5, BLACK + 0.25, ALL) == pytest.approx(expected, rel=1e-4)


def test_inverted_noise_has_a_negative_ssim() -> None:
    assert ssim(NOISE, 1 - NOISE, ALL) < 0


def test_the_worst_share_is_the_mean_of_the_largest_values() -> None:
    assert worst_share(np.arange(100.0), 0.1) == pytest.approx(94.5)


def test_the_worst_share_takes_at_least_one_value() -> None:
    assert worst_share(np.array([1.0, 5.0, 2.0]), 0.01) == 5


def test_the_worst_share_of_nothing_is_0() -> None:
    assert worst_share(np.zeros(0), 0.01) == 0


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(0, 255)), st.floats(0.01, 1))
def test_the_worst_share_lies_between_mean_and_maximum(values: np.ndarray, share: float) -> None:
    worst = worst_share(values, share)
    assert values.mean() - 1e-9 <= worst <= values.max() + 1e-9
