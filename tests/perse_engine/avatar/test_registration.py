"""What a picture is off is found from the picture alone, and nothing is found where there is nothing."""

from __future__ import annotations

import cv2
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from perse_engine.avatar.registration import (
    CORRECTIONS,
    GAIN,
    LIMIT,
    MATRIX,
    PARTS,
    PRIOR,
    SHIFT,
    SUMS,
    TURN,
    VECTOR,
    add_sums,
    registered,
)
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.scene import FloatArray

SIZE_PX = 48
NOTHING = np.zeros(CORRECTIONS, np.float32)


def picture(seed: int = 0) -> FloatArray:
    """Blobs over black, [48, 48, 3]."""
    noise = np.random.default_rng(seed).random((SIZE_PX, SIZE_PX, 3)).astype(np.float32)
    blobs = cv2.GaussianBlur(noise, (0, 0), 2.5)
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX] - SIZE_PX / 2
    inside = 1 / (1 + np.exp(np.hypot(x, y) - 0.35 * SIZE_PX))
    return np.asarray((4 * (blobs - 0.5) + 0.5).clip(0.05, 1) * inside[..., None], np.float32)


def flow() -> FloatArray:
    """Of a ball that turns about its middle: x turns move it down, y turns right, z turns about the middle."""
    y, x = (np.mgrid[:SIZE_PX, :SIZE_PX] - SIZE_PX / 2) / SIZE_PX
    depth = np.sqrt((0.25 - x * x - y * y).clip(0.01))
    zero = np.zeros_like(x)
    return np.stack([zero, 2 * depth, 2 * depth, zero, y, -x], -1).astype(np.float32)


def moved(image: FloatArray, correction: FloatArray) -> FloatArray:
    """The picture as it is when it is off by that much: what a registration has to find."""
    maps = flow()
    motion = np.stack([np.full(image.shape[:2], v, np.float32) for v in correction[SHIFT]], -1)
    for k, angle in enumerate(correction[TURN]):
        motion = motion + angle * maps[..., 2 * k : 2 * k + 2]
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    where = y - motion[..., 1], x - motion[..., 0]
    # Not cv2: it knows 32 places between two pixels.
    out = np.dstack([map_coordinates(image[..., c], where, order=3) for c in range(3)])
    return np.asarray(out * (1 + correction[GAIN]), np.float32)


def found(shown: FloatArray, target: FloatArray, steps: int = 3) -> FloatArray:
    """The correction after some steps, each from what is shown with the last one."""
    known = NOTHING
    for _ in range(steps):
        motion = np.concatenate([known[SHIFT], known[TURN], np.zeros(3)])
        known = registered(moved(shown, motion), target, flow(), known, SIZE_PX)
    return known


def test_a_picture_that_is_right_stays() -> None:
    assert np.abs(found(picture(), picture())).max() < 1e-3


@settings(deadline=None, max_examples=20)
@given(
    st.tuples(*[st.floats(-1, 1)] * 2, *[st.floats(-0.5, 0.5)] * 3),
    st.floats(-0.03, 0.03),
)
def test_known_errors_are_found(motion: tuple[float, ...], gain: float) -> None:
    truth = np.array([*motion, gain, gain, gain], np.float32)
    result = found(picture(), moved(picture(), truth))
    assert np.abs(result - truth)[SHIFT].max() < 0.1
    assert np.abs(result - truth)[TURN].max() < 0.2
    assert np.abs(result - truth)[GAIN].max() < 0.01


def test_one_step_finds_most_of_a_shift() -> None:
    truth = np.array([0.8, -0.6, 0, 0, 0, 0, 0, 0], np.float32)
    result = found(picture(), moved(picture(), truth), steps=1)
    assert np.linalg.norm((result - truth)[SHIFT]) < 0.25


def test_shifts_of_smaller_copies_are_px_of_the_dataset() -> None:
    truth = np.array([0.5, 0, 0, 0, 0, 0, 0, 0], np.float32)
    known = registered(picture(), moved(picture(), truth), flow(), NOTHING, 2 * SIZE_PX)
    assert known[0] == pytest.approx(1.0, abs=0.3)


def test_what_is_not_learned_yet_is_no_reason_to_move() -> None:
    target = picture().copy()
    target[20:30, 10:20] = 1 - target[20:30, 10:20]
    assert np.abs(found(picture(), target)[SHIFT]).max() < 0.15


def test_a_black_picture_says_nothing() -> None:
    black = np.zeros((SIZE_PX, SIZE_PX, 3), np.float32)
    assert np.array_equal(registered(black, black, flow(), NOTHING, SIZE_PX), NOTHING)


def test_no_correction_goes_beyond_its_limit() -> None:
    known = registered(picture(0), 5 * picture(1), flow(), NOTHING, SIZE_PX)
    assert (np.abs(known) <= LIMIT * PRIOR + 1e-6).all()


def test_the_sums_are_those_of_finite_differences() -> None:
    """Slopes by the kernel against pictures that were really moved: J'r of the motions that were put in."""
    shown = cv2.GaussianBlur(picture(), (0, 0), 2.0)
    step = 0.02
    parts = np.zeros((PARTS, SUMS))
    target = shown + 0.1
    with PARALLEL_WORK:
        add_sums(shown, target, flow(), np.ones(3, np.float32), np.float32(1), 1, parts)
    inside = np.s_[1:-1, 1:-1]
    slopes = []
    for k in range(CORRECTIONS):
        one = np.zeros(CORRECTIONS, np.float32)
        one[k] = step
        slopes.append(((moved(shown, one) - moved(shown, -one)) / (2 * step))[inside])
    # Every residual is 0.1, so every weight is 10.
    vector = np.array([10 * 0.1 * s.sum() for s in slopes])
    matrix = np.array([[10 * (a * b).sum() for b in slopes] for a in slopes])
    sums = parts.sum(0)
    scale = np.sqrt(np.diag(matrix))
    assert np.abs(sums[MATRIX].reshape(8, 8) - matrix).max() < 0.1 * scale.max() ** 2
    assert np.abs((sums[MATRIX].reshape(8, 8) - matrix) / np.outer(scale, scale)).max() < 0.1
    assert np.abs((sums[VECTOR] - vector) / scale).max() < 0.1 * np.sqrt(shown.size)


def test_the_sums_do_not_depend_on_threads() -> None:
    results = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            results.append(found(picture(0), moved(picture(0), np.full(CORRECTIONS, 0.02, np.float32))))
        finally:
            numba.set_num_threads(before)
    assert np.array_equal(*results)
