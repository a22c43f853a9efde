"""motion.json and lists of weights: what is written is read, and nothing hostile is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile, EngineError, InvalidValue, UnknownName
from perse_engine.look import Look
from perse_engine.motion import files, motion_file
from perse_engine.motion.files import read_motion, write_motion
from perse_engine.motion.motion import Frame, LookKey, Motion
from perse_engine.motion.motion_file import motion_from_json, motion_to_json, weights_to_json
from tests.perse_engine.motion.values import frames

LOOKS = (LookKey(0.0, Look()), LookKey(1.5, Look({"hair": {"long-wavy-blonde": 0.7}})))
WHOLE = {"format": "perse-motion", "version": 1, "fps": 25, "frames": [{}]}


@given(frames(), st.floats(1, 240))
def test_what_is_written_is_read(given_frames: tuple[Frame, ...], fps: float) -> None:
    motion = Motion(fps, given_frames, LOOKS)
    back = motion_from_json(motion_to_json(motion))
    assert (back.fps, back.looks) == (motion.fps, motion.looks)
    assert abs(back.channels() - motion.channels()).max() <= 0.51e-5
    assert abs(back.confidences() - motion.confidences()).max() <= 0.51e-5
    assert motion_from_json(motion_to_json(back)) == back


@given(frames(), st.floats(1, 240))
def test_a_list_of_weights_keeps_the_weights(given_frames: tuple[Frame, ...], fps: float) -> None:
    motion = Motion(fps, given_frames)
    back = motion_from_json(weights_to_json(motion), fps)
    assert back.fps == fps
    assert abs(back.channels()[:, 5:] - motion.channels()[:, 5:]).max() <= 0.51e-5
    assert (back.channels()[:, :5] == 0).all()


def test_a_list_of_frames_may_name_the_expression() -> None:
    motion = motion_from_json('[{"expression": {"jawOpen": 0.5}}, {"jawOpen": 1}]')
    assert [f.expression["jawOpen"] for f in motion.frames] == [0.5, 1.0]
    assert motion.fps == 60


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": "other"}, CorruptFile),
        ({"version": 2}, CorruptFile),
        ({"surprise": 1}, CorruptFile),
        ({"fps": "25"}, CorruptFile),
        ({"fps": True}, CorruptFile),
        ({"fps": 0}, InvalidValue),
        ({"fps": 10**400}, InvalidValue),
        ({"frames": []}, InvalidValue),
        ({"frames": {}}, CorruptFile),
        ({"frames": [[]]}, CorruptFile),
        ({"frames": [{}] * 36_001}, CorruptFile),
        ({"frames": [{"pose": {"yaw": 1}}]}, CorruptFile),
        ({"frames": [{"pose": {"yaw_deg": 500}}]}, InvalidValue),
        ({"frames": [{"pose": None}]}, CorruptFile),
        ({"frames": [{"expression": {"jawopen": 1}}]}, UnknownName),
        ({"frames": [{"expression": {"jawOpen": 1.2}}]}, InvalidValue),
        ({"frames": [{"expression": {"jawOpen": None}}]}, CorruptFile),
        ({"frames": [{"confidence": -1}]}, InvalidValue),
        ({"looks": [{"time_s": 0, "look": {"hair": 1}}]}, CorruptFile),
        ({"looks": [{"time_s": 0, "look": {"tail": {"x": 1}}}]}, UnknownName),
        ({"looks": [{"time_s": 0, "look": {"hair": {"x": 2}}}]}, InvalidValue),
        ({"looks": [{"look": {}}]}, CorruptFile),
    ],
)
def test_a_wrong_field_has_its_error(change: dict[str, object], error: type[EngineError]) -> None:
    with pytest.raises(error):
        motion_from_json(json.dumps(WHOLE | change))


@pytest.mark.parametrize("text", ["", "{", "7", '"x"', "[" * 100_000, '[{"jawOpen": NaN}]', "[1]", "null", "[[0.5]]"])
def test_what_is_no_motion_is_refused(text: str) -> None:
    with pytest.raises(EngineError):
        motion_from_json(text)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_noise_never_breaks_the_reader(noise: str | bytes) -> None:
    with pytest.raises(EngineError):
        motion_from_json(noise)


def test_a_rate_for_a_file_that_has_one_is_refused() -> None:
    with pytest.raises(InvalidValue):
        motion_from_json(json.dumps(WHOLE), 30)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "motion.json"
    path.write_text(json.dumps(WHOLE))
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    monkeypatch.setattr(motion_file, "MAX_BYTES", 10)
    for read in (lambda: read_motion(path), lambda: motion_from_json(path.read_text())):
        with pytest.raises(CorruptFile, match="MB"):
            read()


@pytest.mark.parametrize("name", ["motion.json", "take.csv"])
def test_the_names_end_says_the_kind(name: str, tmp_path: Path) -> None:
    motion = Motion(25, motion_from_json(json.dumps(WHOLE)).frames)
    write_motion(tmp_path / name, motion)
    assert read_motion(tmp_path / name, None if name.endswith("json") else 25) == motion


def test_other_kinds_and_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptFile):
        read_motion(tmp_path / "m.json")
    with pytest.raises(InvalidValue):
        read_motion(tmp_path / "m.bvh")
    with pytest.raises(InvalidValue):
        write_motion(tmp_path / "m.bvh", motion_from_json(json.dumps(WHOLE)))
