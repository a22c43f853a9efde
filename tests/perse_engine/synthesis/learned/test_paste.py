"""Pasting back: exact outside the mask; alignment and colours recovered from known changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.synthesis.learned.paste import (
    colour_matched,
    drift,
    paste,
    similarity,
    steady_landmarks,
    transformed,
    warped,
    work_landmarks,
)

SIZE = 64


def soft_mask() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:20] = 1
    mask[20:30] = np.linspace(0.9, 0, 10)[:, None]
    return mask


def test_outside_the_mask_every_byte_is_the_portraits() -> None:
    random = np.random.default_rng(0)
    portrait, picture = random.integers(0, 255, (2, SIZE, SIZE, 3), np.uint8)
    pasted = paste(portrait, picture, soft_mask())
    assert np.array_equal(pasted[29:], portrait[29:])
    assert np.array_equal(pasted[:20], picture[:20])
    assert not np.array_equal(pasted[20:29], portrait[20:29])


@given(
    st.floats(-40, 40), st.floats(0.7, 1.4), st.floats(-30, 30), st.floats(-30, 30), st.integers(0, 10_000)
)  # fmt: skip
def test_a_similarity_is_found_again(turn: float, scale: float, x: float, y: float, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 100, (30, 2))
    matrix = cv2.getRotationMatrix2D((50.0, 50.0), turn, scale) + np.array([[0, 0, x], [0, 0, y]])
    assert np.allclose(similarity(points, transformed(points, matrix)), matrix, atol=1e-6)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    points = np.random.default_rng(1).uniform(0, 100, (30, 2))
    matrix = similarity(points, points * np.array([-1.0, 1.0]))
    assert np.linalg.det(matrix[:, :2]) > 0


def test_an_edit_that_jumped_is_brought_back(astronaut_analysis: PortraitAnalysis) -> None:
    portrait = astronaut_analysis.work_rgb
    jump = cv2.getRotationMatrix2D((448.0, 448.0), 2.0, 1.03) + np.array([[0, 0, 9.0], [0, 0, -5.0]])
    edited = warped(portrait, jump)
    own, found = work_landmarks(portrait), work_landmarks(edited)
    assert own is not None and found is not None
    every = np.ones(len(own), bool)
    assert drift(own, found, every) > 0.06
    matrix = similarity(found, own)
    assert np.allclose(matrix[:, :2] @ jump[:, :2], np.eye(2), atol=0.01)
    back = work_landmarks(warped(edited, matrix))
    assert back is not None and drift(own, back, every) < 0.01


def test_only_landmarks_outside_the_mask_have_to_stay() -> None:
    points = np.random.default_rng(2).uniform(0, SIZE, (478, 2))
    steady = steady_landmarks(points, soft_mask())
    assert np.array_equal(steady, points[:, 1].astype(int) >= 29)


def test_a_mask_over_the_face_leaves_all_landmarks_to_be_judged() -> None:
    points = np.random.default_rng(3).uniform(0, SIZE, (478, 2))
    assert steady_landmarks(points, np.ones((SIZE, SIZE))).all()


def test_drift_is_in_distances_of_the_eyes() -> None:
    points = np.zeros((478, 2))
    points[33], points[263] = (10, 10), (60, 10)
    assert drift(points, points + np.array([5.0, 0.0]), np.ones(478, bool)) == pytest.approx(0.1)


def test_a_tint_outside_the_mask_is_taken_back() -> None:
    random = np.random.default_rng(4)
    portrait = random.integers(60, 180, (SIZE, SIZE, 3), np.uint8)
    tinted = np.clip(portrait * np.array([1.1, 1.0, 0.9]) + np.array([6.0, 0.0, -8.0]), 0, 255).astype(np.uint8)
    matched = colour_matched(tinted, portrait, soft_mask())
    assert np.abs(matched.astype(int) - portrait).mean() < 1.0


def test_noise_is_not_matched_beyond_the_limits_of_gain() -> None:
    random = np.random.default_rng(5)
    portrait, noise = random.integers(0, 255, (2, SIZE, SIZE, 3), np.uint8)
    matched = colour_matched(noise, portrait, soft_mask())
    assert 0.75 < matched.std() / noise.std() < 0.85


def test_a_picture_without_a_face_has_no_landmarks() -> None:
    assert work_landmarks(np.random.default_rng(6).integers(0, 255, (256, 256, 3), np.uint8)) is None
