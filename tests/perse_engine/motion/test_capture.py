"""Capture: the fit finds what moved a known face, and takes are read, bridged or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from perse_engine.errors import CorruptFile, NoFace
from perse_engine.head.head_frame import head_frame
from perse_engine.head.shapes import shape_fields
from perse_engine.motion.capture import capture
from perse_engine.motion.motion import CHANNELS
from perse_engine.motion.rig_fit import find_driver, follow
from perse_engine.motion.take import TakeFrame, read_take, take_fps
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.progress import SilentProgress
from perse_engine.rendering.video import write_mp4
from perse_engine.scene import rotation_matrix

Array = npt.NDArray[Any]
AT = {name: index for index, name in enumerate(CHANNELS)}


def moved(rest: Array, weights: Mapping[str, float], turn: tuple[float, float, float] = (0, 0, 0)) -> Array:
    """Image landmarks of a resting face [478, 3] mm, y up, that does something with its head turned."""
    fields = shape_fields(rest).expressions
    points = rest.copy()
    for name, weight in weights.items():
        points[:468] += weight * fields[name]
    points = points @ rotation_matrix(*turn).T
    return points * [2.0, -2.0, -2.0] + [256, 256, 0]


@pytest.fixture(scope="module")
def rest(astronaut_analysis: PortraitAnalysis) -> Array:
    return np.asarray(head_frame(astronaut_analysis).landmarks, np.float64)


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (15.0, 0.0, 0.0), (-10.0, 6.0, 8.0)])
def test_the_fit_finds_the_head_and_the_jaw(rest: Array, turn: tuple[float, float, float]) -> None:
    driver = find_driver(np.stack([moved(rest, {})] * 5))
    still, turned, both = follow(
        driver, np.stack([moved(rest, {}), moved(rest, {}, turn), moved(rest, {"jawOpen": 0.6}, turn)])
    )
    assert np.abs(turned[:3] - still[:3] - turn).max() < 2.5
    assert np.abs(both[:3] - turned[:3]).max() < 3.0
    assert turned[AT["jawOpen"]] < 0.08
    assert 0.4 < both[AT["jawOpen"]] < 0.8


@pytest.mark.parametrize(("axis", "iris_mm"), [(0, 1.5), (0, -1.5), (1, 1.2), (1, -1.2)])
def test_the_eyes_turn_with_their_irises_and_wait_while_they_are_shut(rest: Array, axis: int, iris_mm: float) -> None:
    looking = rest.copy()
    looking[468:478, axis] += iris_mm
    still, away = moved(rest, {}), moved(looking, {})
    shut = moved(rest, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    rows = follow(find_driver(np.stack([still] * 5)), np.stack([still, away, shut, away]))
    gaze = rows[:, 3:5]
    assert np.abs(gaze[0]).max() < 1.0
    assert np.sign(gaze[1, axis]) == np.sign(iris_mm) and abs(gaze[1, axis]) > 4 > abs(gaze[1, 1 - axis])
    assert gaze[2] == pytest.approx(gaze[1], abs=0.1)


@pytest.mark.parametrize(
    "names",
    [
        ("mouthSmileLeft",),
        ("mouthSmileRight",),
        ("mouthPucker",),
        ("browInnerUp",),
        ("eyeBlinkLeft",),
        ("eyeBlinkRight",),
    ],
)
def test_one_expression_is_told_more_than_all_others(rest: Array, names: tuple[str, ...]) -> None:
    driver = find_driver(np.stack([moved(rest, {})] * 5))
    row = follow(driver, moved(rest, dict.fromkeys(names, 0.7))[None])[0]
    told = {name: row[AT[name]] for name in CHANNELS[5:] if row[AT[name]] > 0.1}
    assert max(told, key=lambda n: told[n]) in names


def take(rgb: Array, count: int, blank: tuple[int, ...]) -> Iterator[TakeFrame]:
    for index in range(count):
        turn = cv2.getRotationMatrix2D((220.0, 140.0), 2.0 * index, 1.0)
        picture = cv2.warpAffine(rgb, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
        shown = np.zeros_like(picture) if index in blank else picture
        yield TakeFrame(np.asarray(shown, np.uint8), index / 25, count)


def test_frames_without_a_face_are_bridged_and_said(astronaut_analysis: PortraitAnalysis) -> None:
    rgb = astronaut_analysis.portrait.rgb
    motion = capture(take(rgb, 8, blank=(3, 4)), 25.0, SilentProgress())
    assert [f.confidence == 0 for f in motion.frames] == [False, False, False, True, True, False, False, False]
    roll = motion.channels()[:, 2]
    # Turning the picture anticlockwise brings the head to the subject's right shoulder.
    assert np.polyfit(np.arange(8) * 2.0, roll, 1)[0] == pytest.approx(1, abs=0.3)


def test_a_take_without_any_face_is_refused() -> None:
    blank = TakeFrame(np.zeros((256, 256, 3), np.uint8), 0.0, 1)
    with pytest.raises(NoFace):
        capture([blank], 25.0, SilentProgress())


def test_a_video_is_read_at_its_own_times(tmp_path: Path) -> None:
    path = tmp_path / "take.mp4"
    write_mp4(path, (np.full((64, 64, 3), 20 * i, np.uint8) for i in range(6)), fps=30)
    assert take_fps(path) == 30
    frames = list(read_take(path, 30))
    assert [f.time_s for f in frames] == pytest.approx([i / 30 for i in range(6)])
    assert {f.rgb.shape for f in frames} == {(64, 64, 3)}


def test_hostile_takes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "take.mp4"
    path.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(500))
    with pytest.raises(CorruptFile):
        take_fps(path)
    with pytest.raises(CorruptFile):
        list(read_take(path, 25))
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(CorruptFile, match=r"a\.png"):
        list(read_take(tmp_path, 25))
