"""Live Link Face's CSV: columns, round trips, dropped frames and what is refused."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile, EngineError
from perse_engine.motion.clips import make_clip
from perse_engine.motion.live_link import COLUMNS, SHAPES, motion_from_csv, motion_to_csv
from perse_engine.motion.motion import Frame, Motion
from perse_engine.scene import Expression, Gaze, Pose
from perse_engine.vocabulary import ARKIT_NAMES
from tests.perse_engine.motion.values import frames


def table(motion: Motion) -> list[list[str]]:
    return list(csv.reader(io.StringIO(motion_to_csv(motion))))


def text(rows: list[list[str]]) -> str:
    return "\n".join(",".join(row) for row in rows)


def test_the_columns_are_the_apps() -> None:
    assert len(COLUMNS) == 63
    assert {name[0].lower() + name[1:] for name in SHAPES} == set(ARKIT_NAMES)
    assert COLUMNS[2:5] == ("EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft")
    assert COLUMNS[15:20] == ("EyeWideRight", "JawForward", "JawRight", "JawLeft", "JawOpen")
    assert COLUMNS[-10:-6] == ("TongueOut", "HeadYaw", "HeadPitch", "HeadRoll")


@given(frames(with_eye_looks=False, gaze_deg=25.0), st.sampled_from([24.0, 25.0, 30.0, 50.0, 60.0, 23.976]))
def test_pose_and_expression_come_back(given_frames: tuple[Frame, ...], fps: float) -> None:
    motion = Motion(fps, given_frames)
    back = motion_from_csv(motion_to_csv(motion), fps)
    keep = [0, 1, 2, *(5 + i for i, n in enumerate(ARKIT_NAMES) if not n.startswith("eyeLook"))]
    assert np.allclose(back.channels()[:, keep], motion.channels()[:, keep], atol=1e-6)
    assert (back.confidences() == 1).all()
    for before, after in zip(motion.frames, back.frames, strict=True):
        for eye, gaze in after.expression.gaze().items():
            own, turned = before.pose.gaze, before.expression.gaze()[eye]
            assert gaze.yaw_deg + after.pose.gaze.yaw_deg == pytest.approx(own.yaw_deg + turned.yaw_deg, abs=1e-5)
            assert gaze.pitch_deg + after.pose.gaze.pitch_deg == pytest.approx(own.pitch_deg, abs=1e-5)


def test_the_rate_is_read_from_the_timecodes() -> None:
    for fps in (24.0, 25.0, 30.0, 60.0):
        assert motion_from_csv(motion_to_csv(make_clip("talk", seconds=3, fps=fps))).fps == fps
    with pytest.raises(CorruptFile, match="frames a second"):
        motion_from_csv(motion_to_csv(make_clip("talk", seconds=0.2)))


def test_angles_are_radians_and_eyes_go_into_both_columns() -> None:
    rows = table(Motion(25, (Frame(Pose(90, gaze=Gaze(17.5, 0)), Expression()),)))
    told = dict(zip(rows[0], rows[1], strict=True))
    assert float(told["HeadYaw"]) == pytest.approx(math.pi / 2)
    assert float(told["LeftEyeYaw"]) == pytest.approx(math.radians(17.5))
    assert (float(told["EyeLookOutLeft"]), float(told["EyeLookInRight"])) == (0.5, 0.5)


def test_without_eye_look_weights_the_eyes_own_angles_count() -> None:
    rows = table(Motion(25, (Frame(Pose(gaze=Gaze(10, 5)), Expression()),)))
    for place, name in enumerate(rows[0]):
        if name.startswith("EyeLook"):
            rows[1][place] = "0"
    gaze = motion_from_csv(text(rows), 25).frames[0].pose.gaze
    assert (gaze.yaw_deg, gaze.pitch_deg) == pytest.approx((10, 5))


def test_dropped_frames_and_rows_without_a_face_are_bridged() -> None:
    motion = make_clip("swing", seconds=1, fps=60)
    rows = table(motion)
    del rows[10:14]
    rows[30] = [rows[30][0], "0"]
    back = motion_from_csv(text(rows))
    assert len(back.frames) == 60
    assert np.flatnonzero(back.confidences() == 0).tolist() == [9, 10, 11, 12, 33]
    assert np.abs(back.channels()[:, 0] - motion.channels()[:, 0]).max() < 0.2


def test_midnight_may_pass() -> None:
    rows = table(make_clip("nod", seconds=0.1, fps=60))
    for row, code in zip(rows[1:], ("23:59:59:58", "23:59:59:59.5", "00:00:00:00", "00:00:00:01"), strict=False):
        row[0] = code
    assert len(motion_from_csv(text(rows[:5]), 60).frames) == 4


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, ""), (0, "soon"), (0, "00:00:00:9999"), (2, "nan"), (2, "inf"), (2, "x"), (2, "1e9"), (2, ""), (54, "1e9")],
)
def test_a_wrong_cell_is_refused(column: int, value: str) -> None:
    rows = table(make_clip("nod", seconds=0.2, fps=60))
    rows[3][column] = value
    with pytest.raises(CorruptFile):
        motion_from_csv(text(rows), 60)


def test_times_that_go_back_and_gaps_of_hours_are_refused() -> None:
    for code in ("00:00:00:00", "11:00:00:00"):
        rows = table(make_clip("nod", seconds=0.2, fps=60))
        rows[5][0] = code
        with pytest.raises(CorruptFile):
            motion_from_csv(text(rows), 60)


def test_columns_are_needed() -> None:
    rows = table(make_clip("nod", seconds=0.2, fps=60))
    with pytest.raises(CorruptFile, match="TongueOut"):
        motion_from_csv(text([row[:53] for row in rows]))


@given(st.text(max_size=200))
def test_noise_never_breaks_the_reader(noise: str) -> None:
    with pytest.raises(EngineError):
        motion_from_csv(noise)
