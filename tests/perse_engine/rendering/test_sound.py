"""Sound: what is written beside pictures is heard in step with them, and hostile files are refused."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from perse_engine.errors import CorruptFile
from perse_engine.rendering.sound import RATE, Sound, read_sound
from perse_engine.rendering.video import write_mp4, write_webm

WRITERS = {"mp4": write_mp4, "webm": write_webm}


def write_wav(path: Path, samples: npt.NDArray[Any], rate: int = RATE, sample_bytes: int = 2) -> Path:
    """[channels, n] in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(samples))
        file.setsampwidth(sample_bytes)
        file.setframerate(rate)
        file.writeframes((samples.T * 32767).astype("<i2").tobytes())
    return path


def beep(at_s: float, seconds: float) -> npt.NDArray[np.float32]:
    """Silence but for 440 Hz from `at_s` on, one channel."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * 440 * time_s) * (time_s >= at_s)).astype(np.float32)[None]


def pictures(count: int) -> Iterator[npt.NDArray[np.uint8]]:
    return (np.full((64, 64, 3), 2 * i, np.uint8) for i in range(count))


def heard_at(sound: Sound) -> float:
    return float(np.argmax(np.abs(sound.mono()) > 0.1)) / RATE


@pytest.mark.parametrize("kind", WRITERS)
def test_a_sound_stays_in_step(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    WRITERS[kind](path, pictures(40), fps=20, sound=Sound(beep(1.3, 5)))
    sound = read_sound(path)
    assert sound is not None
    assert heard_at(sound) == pytest.approx(1.3, abs=0.01)
    assert sound.duration_s == pytest.approx(2.0, abs=0.05)


def test_other_rates_and_channels_are_read(tmp_path: Path) -> None:
    tone = beep(0.5, 1.0)[:, ::6]
    stereo = read_sound(write_wav(tmp_path / "a.wav", np.concatenate([tone, 0 * tone]), RATE // 6))
    assert stereo is not None and stereo.samples.shape[0] == 2
    assert stereo.duration_s == pytest.approx(1.0, abs=0.01)
    assert heard_at(stereo) == pytest.approx(0.5, abs=0.01)
    assert np.abs(stereo.samples[1]).max() < 0.01


def test_a_silent_video_has_none(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", pictures(3))
    assert read_sound(tmp_path / "a.mp4") is None


@pytest.mark.parametrize(
    "data",
    [b"", b"RIFF" + bytes(400), b"no sound at all" * 40, b"ID3" + bytes(100), b"OggS" + bytes(500)],
)
def test_what_is_no_sound_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(CorruptFile, match=r"a\.wav"):
        read_sound(tmp_path / "a.wav")


def test_a_playlist_reaches_no_other_file(tmp_path: Path) -> None:
    write_mp4(tmp_path / "secret.mp4", pictures(3), sound=Sound(beep(0, 0.1)))
    for name, text in (
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n"),
        ("a.txt", "ffconcat version 1.0\nfile secret.mp4\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(CorruptFile):
            read_sound(tmp_path / name)


def test_rates_that_make_a_short_file_long_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match="samples a second"):
        read_sound(write_wav(tmp_path / "a.wav", np.zeros((1, 5000)), rate=1))


def test_a_long_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match="longer than"):
        read_sound(write_wav(tmp_path / "a.wav", np.zeros((1, 4_000 * 601)), rate=4_000))


def test_a_name_is_no_address(tmp_path: Path) -> None:
    """FFmpeg would read what stands before a colon as a protocol."""
    path = write_wav(tmp_path / "http:a.wav", beep(0.1, 0.3))
    sound = read_sound(path)
    assert sound is not None and heard_at(sound) == pytest.approx(0.1, abs=0.01)
