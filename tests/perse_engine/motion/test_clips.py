"""Named clips move what they are named after, the same way every time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.motion.clips import CLIPS, make_clip
from perse_engine.motion.motion import CHANNELS


def channel(name: str, clip: str, **how: float) -> np.ndarray:
    return make_clip(clip, seconds=how.get("seconds", 12), fps=how.get("fps", 25)).channels()[:, CHANNELS.index(name)]


@pytest.mark.parametrize("name", CLIPS)
def test_a_seed_gives_the_same_clip_and_another_seed_another(name: str) -> None:
    assert make_clip(name, seed=3) == make_clip(name, seed=3)
    assert make_clip(name, seed=3) != make_clip(name, seed=4)


@pytest.mark.parametrize("name", CLIPS)
def test_clips_begin_at_rest_and_stay_where_avatars_look_right(name: str) -> None:
    rows = make_clip(name, seconds=30, seed=1).channels()
    assert np.abs(rows[0]).max() < 1e-9
    assert np.abs(rows[:, 0]).max() <= 31
    assert np.abs(rows[:, 1]).max() <= 20
    # Nobody's head turns faster than that at rest.
    assert np.abs(np.diff(rows[:, :3], axis=0)).max() * 25 < 160


def test_each_clip_does_what_its_name_says() -> None:
    blink = channel("eyeBlinkLeft", "idle")
    assert blink.max() > 0.95
    assert 2 <= (np.diff((blink > 0.5).astype(int)) == 1).sum() <= 7
    assert channel("yaw_deg", "swing").max() > 29 and channel("yaw_deg", "swing").min() < -29
    assert channel("pitch_deg", "nod").min() < -6
    jaw = channel("jawOpen", "talk")
    assert jaw.max() > 0.25
    assert (jaw < 0.05).any()
    assert channel("jawOpen", "idle").max() == 0


def test_length_and_rate() -> None:
    motion = make_clip("idle", seconds=2.5, fps=60)
    assert (motion.fps, len(motion.frames), motion.duration_s) == (60, 150, 2.5)


def test_there_is_no_other_clip_and_no_endless_one() -> None:
    with pytest.raises(UnknownName):
        make_clip("dance")
    for seconds in (1e12, math.inf):
        with pytest.raises(InvalidValue):
            make_clip("idle", seconds=seconds)
    for fps in (0.0, math.nan, 1e9):
        with pytest.raises(InvalidValue):
            make_clip("idle", fps=fps)
