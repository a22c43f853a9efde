"""Motion: limits, resampling and looks along the way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.motion.motion import CHANNELS, MAX_FRAMES, Frame, LookKey, Motion, motion_of
from perse_engine.scene import Expression, Gaze, Pose

REST = Frame(Pose(), Expression())
BLONDE, BLACK = Look({"hair": {"long-wavy-blonde": 1.0}}), Look({"hair": {"short-straight-black": 0.5}})


def ramp(count: int, fps: float) -> Motion:
    rows = np.zeros((count, len(CHANNELS)))
    rows[:, 0] = np.arange(count)
    rows[:, CHANNELS.index("jawOpen")] = np.linspace(0, 1, count)
    return motion_of(fps, rows)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Pose(math.nan), Expression()),
        Frame(Pose(roll_deg=181), Expression()),
        Frame(Pose(gaze=Gaze(0, math.inf)), Expression()),
        Frame(Pose(), Expression(), 1.5),
        Frame(Pose(), Expression(), math.nan),
    ],
)
def test_a_frame_out_of_range_is_refused(frame: Frame) -> None:
    with pytest.raises(InvalidValue):
        Motion(25, (REST, frame))


@pytest.mark.parametrize("fps", [0.0, -25.0, math.nan, math.inf, 1e6])
def test_an_impossible_rate_is_refused(fps: float) -> None:
    with pytest.raises(InvalidValue):
        Motion(fps, (REST,))
    with pytest.raises(InvalidValue):
        Motion(25, (REST,)).resampled(fps)


def test_no_frames_and_too_many_are_refused() -> None:
    for frames in ((), (REST,) * (MAX_FRAMES + 1)):
        with pytest.raises(InvalidValue):
            Motion(25, frames)


def test_channels_are_the_motion() -> None:
    motion = ramp(7, 25)
    assert motion_of(25, motion.channels()) == motion


@pytest.mark.parametrize(("old", "new", "count"), [(60, 25, 25), (25, 60, 142), (30, 30, 60)])
def test_resampling_keeps_the_movement_at_its_times(old: float, new: float, count: int) -> None:
    motion = ramp(60, old)
    other = motion.resampled(new)
    assert len(other.frames) == count
    times = np.arange(count) / new
    assert np.allclose(other.channels()[:, 0], times * old, atol=1e-9)


def test_resampling_keeps_a_bridged_frame_unsure() -> None:
    motion = Motion(10, (REST, Frame(Pose(), Expression(), 0.0), REST))
    assert motion.resampled(20).confidences() == pytest.approx([1.0, 0.5, 0.0, 0.5, 1.0])


def test_looks_blend_between_their_times_and_stand_still_outside() -> None:
    motion = Motion(25, (REST,), (LookKey(1.0, BLONDE), LookKey(3.0, BLACK)))
    assert motion.look_at(0.0, Look()) == BLONDE
    assert motion.look_at(9.0, Look()) == BLACK
    assert motion.look_at(2.0, Look()) == Look({"hair": {"long-wavy-blonde": 0.5, "short-straight-black": 0.25}})


def test_without_looks_the_other_one_is_worn() -> None:
    assert Motion(25, (REST,)).look_at(1.0, BLONDE) == BLONDE


def test_looks_that_cannot_be_blended_are_refused() -> None:
    code = Look(codes={"hair": (0.1, 0.2)})
    for keys in (
        (LookKey(1.0, BLONDE), LookKey(1.0, BLACK)),
        (LookKey(-1.0, BLONDE),),
        (LookKey(0.0, BLONDE), LookKey(1.0, code)),
    ):
        with pytest.raises(InvalidValue):
            Motion(25, (REST,), keys)
