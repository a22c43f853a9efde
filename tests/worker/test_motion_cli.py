"""`perse animate` and `capture` say what they take, and refuse before they load anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.cli import main


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["animate", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("--clip talk", "take_1.csv", "transparent PNG", "--look", "docs/reference/motion.md"):
        assert word in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-o", "x.mp4", "--clip", "dance"], "no clip 'dance'"),
        (["-o", "x.mp4", "--background", "blue-ish"], "is no colour"),
        (["-o", "x.mp4", "--background", "transparent"], "cannot be transparent"),
        (["-o", "x.mp4", "--fps", "0"], "frames a second"),
        (["-o", "x.mp4", "--motion", "m.bvh"], ".json or .csv"),
        (["-o", "x.mp4", "--motion", "m.json", "--seconds", "3"], "has its own"),
        (["-o", "x.mp4", "--motion", "m.json", "--clip", "nod"], "says everything itself"),
        (["-o", "x.mp4", "--size", "big"], "no number of pixels"),
        (["-o", "x.gif"], "cannot be written as 'gif'"),
        (["-o", "frames", "--audio", "a.wav"], "holds no sound"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["animate", str(tmp_path), *words]) == 1
    assert told in capsys.readouterr().err


def test_a_motion_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", str(tmp_path), "-o", "x.mp4", "--motion", str(tmp_path / "m.json")]) == 2
    assert "no file" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--voice", "--video", "--audio"])
def test_files_that_are_no_sound_or_video_are_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise").write_bytes(b"noise" * 100)
    assert main(["animate", str(tmp_path), "-o", "x.mp4", option, str(tmp_path / "noise")]) == 1
    assert "not a video or sound" in capsys.readouterr().err


def test_capture_refuses_what_is_no_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(b"not a video" * 100)
    (tmp_path / "empty").mkdir()
    for take, output, told in (
        (noise, "m.json", "not a video"),
        (tmp_path / "empty", "m.json", "0 pictures"),
        (noise, "m.bvh", ".json or .csv"),
    ):  # fmt: skip
        assert main(["capture", str(take), "-o", str(tmp_path / output)]) == 1
        assert told in capsys.readouterr().err
    assert main(["capture", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "m.json")]) == 2
