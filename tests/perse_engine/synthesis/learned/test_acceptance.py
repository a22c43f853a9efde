"""Verdicts on pictures with known faults."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.recipe import Acceptance
from perse_engine.synthesis.learned.acceptance import Fitted, fit, judged_by_words, needs_landmarks
from perse_engine.synthesis.learned.paste import warped, work_landmarks

LIMITS = Acceptance()


@pytest.fixture(scope="module")
def portrait(astronaut_analysis: PortraitAnalysis) -> np.ndarray:
    return astronaut_analysis.work_rgb


@pytest.fixture(scope="module")
def landmarks(portrait: np.ndarray) -> np.ndarray:
    found = work_landmarks(portrait)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def mask(portrait: np.ndarray) -> np.ndarray:
    """Above the eyes."""
    mask = np.zeros(portrait.shape[:2], np.float32)
    mask[:300] = 1
    return mask


@pytest.fixture(scope="module")
def good(portrait: np.ndarray) -> np.ndarray:
    """A red top, and the rest as it was."""
    picture = portrait.copy()
    picture[:300] = picture[:300] // 2 + np.array([120, 0, 0], np.uint8)
    return picture


def judged(
    portrait: np.ndarray, landmarks: np.ndarray, made: np.ndarray, mask: np.ndarray, limits: Acceptance = LIMITS
) -> Fitted:
    return fit(portrait, landmarks, made, mask, 7, limits)


def test_a_good_edit_is_accepted_and_confined_to_its_mask(
    portrait: np.ndarray, landmarks: np.ndarray, good: np.ndarray, mask: np.ndarray
) -> None:
    fitted = judged(portrait, landmarks, good, mask)
    assert fitted.verdict.is_accepted and fitted.verdict.seed == 7
    assert np.array_equal(fitted.picture[300:], portrait[300:])
    assert fitted.verdict.measured["drift"] < 0.02 and fitted.verdict.measured["change"] > 0.1


def test_noise_shows_no_face(portrait: np.ndarray, landmarks: np.ndarray, mask: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, portrait.shape, np.uint8)
    assert judged(portrait, landmarks, noise, mask).verdict.reasons == ("no face is seen on it",)


def test_another_face_shape_is_rejected(
    portrait: np.ndarray, landmarks: np.ndarray, good: np.ndarray, mask: np.ndarray
) -> None:
    narrower = warped(good, np.array([[0.88, 0, 54.0], [0, 1, 0]]))
    reasons = judged(portrait, landmarks, narrower, mask).verdict.reasons
    assert [r.split()[0] for r in reasons] == ["residual"]


def test_a_picture_that_jumped_far_is_rejected_even_if_it_could_be_aligned(
    portrait: np.ndarray, landmarks: np.ndarray, good: np.ndarray, mask: np.ndarray
) -> None:
    jumped = warped(good, cv2.getRotationMatrix2D((448.0, 448.0), 8.0, 1.1))
    reasons = judged(portrait, landmarks, jumped, mask).verdict.reasons
    assert [r.split()[0] for r in reasons] == ["drift"]


def test_an_edit_that_did_nothing_is_rejected(portrait: np.ndarray, landmarks: np.ndarray, mask: np.ndarray) -> None:
    reasons = judged(portrait, landmarks, portrait, mask).verdict.reasons
    assert len(reasons) == 1 and reasons[0].startswith("change 0.000 is below")


def test_somebody_else_is_rejected_where_identity_is_judged(
    portrait: np.ndarray, landmarks: np.ndarray, good: np.ndarray, mask: np.ndarray
) -> None:
    def same(picture: np.ndarray) -> np.ndarray:
        return np.array([1.0, 0.0])

    def other(picture: np.ndarray) -> np.ndarray:
        return np.array([1.0, 0.0] if np.array_equal(picture, portrait) else [0.0, 1.0])

    assert fit(portrait, landmarks, good, mask, 0, LIMITS, same).verdict.is_accepted
    reasons = fit(portrait, landmarks, good, mask, 0, LIMITS, other).verdict.reasons
    assert reasons == ("identity 0.000 is below 0.5",)


def test_words_reject_what_went_away_from_them(
    portrait: np.ndarray, landmarks: np.ndarray, good: np.ndarray, mask: np.ndarray
) -> None:
    verdict = judged(portrait, landmarks, good, mask).verdict
    assert judged_by_words(verdict, 0.02, LIMITS).is_accepted
    worse = judged_by_words(verdict, -0.02, LIMITS)
    assert worse.reasons == ("attribute_gain -0.020 is below 0",)
    assert judged_by_words(verdict, -0.02, replace(LIMITS, min_attribute_gain=None)).is_accepted


def test_open_limits_take_noise_and_need_no_face(portrait: np.ndarray, mask: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, portrait.shape, np.uint8)
    assert not needs_landmarks(Acceptance.of_anything())
    fitted = fit(portrait, None, noise, mask, 0, Acceptance.of_anything())
    assert fitted.verdict.is_accepted
    assert np.array_equal(fitted.picture[300:], portrait[300:])


def test_no_attempts_are_refused() -> None:
    with pytest.raises(InvalidValue, match="attempts"):
        Acceptance(attempts=0)
