"""Keyframes: the way between them is smooth, goes through them and never beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.motion.keyframes import Keyframe, motion_from_keyframes
from perse_engine.scene import Expression, Pose

HAIR = Look({"hair": {"long-wavy-blonde": 1.0}})


def key(time_s: float, yaw_deg: float = 0.0, jaw: float = 0.0, look: Look | None = None) -> Keyframe:
    return Keyframe(time_s, Pose(yaw_deg), Expression({"jawOpen": jaw}), look)


def test_frames_lie_at_their_times() -> None:
    motion = motion_from_keyframes([key(0, -10), key(1, 10, 0.5), key(2, 10, 0.0)], 25)
    assert len(motion.frames) == 51
    assert motion.frames[25].pose.yaw_deg == pytest.approx(10)
    assert motion.frames[25].expression["jawOpen"] == pytest.approx(0.5)
    assert motion.frames[12].pose.yaw_deg < motion.frames[13].pose.yaw_deg


def test_before_the_first_key_the_head_waits() -> None:
    motion = motion_from_keyframes([key(0.5, 20), key(1, 0)], 10)
    assert [f.pose.yaw_deg for f in motion.frames[:6]] == pytest.approx([20] * 6)


def test_one_key_is_one_look_at_it() -> None:
    assert len(motion_from_keyframes([key(0, 5)], 25).frames) == 1
    assert len(motion_from_keyframes([key(2, 5)], 25).frames) == 51


def test_looks_change_between_the_keys_that_name_them() -> None:
    motion = motion_from_keyframes([key(0, look=Look()), key(1), key(2, look=HAIR)], 10)
    assert motion.look_at(1.0, Look()).variants["hair"]["long-wavy-blonde"] == pytest.approx(0.5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0.05, 0.5), st.floats(-90, 90), st.floats(0, 1)), min_size=2, max_size=8))
def test_nothing_overshoots(steps: list[tuple[float, float, float]]) -> None:
    times = np.cumsum([step for step, _, _ in steps])
    keys = [key(float(t), yaw, jaw) for t, (_, yaw, jaw) in zip(times, steps, strict=True)]
    rows = motion_from_keyframes(keys, 30).channels()
    yaws = [yaw for _, yaw, _ in steps]
    assert min(yaws) - 1e-9 <= rows[:, 0].min() and rows[:, 0].max() <= max(yaws) + 1e-9


def test_steps_near_the_smallest_float_are_still() -> None:
    rows = motion_from_keyframes([key(0, 0.0), key(0.2, 1e-310), key(0.4, 10.0)], 30).channels()
    assert np.isfinite(rows).all()
    assert rows[:, 0].min() >= -1e-9 and rows[:, 0].max() <= 10.0 + 1e-9


@pytest.mark.parametrize(
    "keys",
    [[], [key(1), key(1)], [key(2), key(1)], [key(-1)], [key(float("nan"))], [key(1e9)], [key(0, 400.0)]],
)
def test_keys_that_cannot_be_are_refused(keys: list[Keyframe]) -> None:
    with pytest.raises(InvalidValue):
        motion_from_keyframes(keys, 25)
