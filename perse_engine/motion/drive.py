"""What drives an avatar, from files of unknown origin: a video of somebody or a voice, and the sound beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.motion.capture import capture
from perse_engine.motion.clips import make_clip
from perse_engine.motion.motion import Motion
from perse_engine.motion.take import TakeFrame, read_take, take_fps
from perse_engine.motion.voice import voice_motion
from perse_engine.progress import Progress
from perse_engine.rendering.sound import Sound, read_sound


@dataclass(frozen=True)
class Drive:
    """A motion and the sound that begins with its first frame, None where there is none."""

    motion: Motion
    sound: Sound | None


def drive_by_video(path: Path, progress: Progress, fps: float | None = None, *, max_s: float = math.inf) -> Drive:
    """Follow the face of a video, or of a folder of pictures, which has no sound; at the take's own rate.

    Raises:
        InvalidValue: it is longer than `max_s`, found when that much is read.
        NoFace, CorruptFile, InvalidValue, Cancelled: see `capture` and `read_take`.
        FileNotFoundError: there is no such file.
    """
    rate = take_fps(path, fps)
    motion = capture(_no_longer(read_take(path, rate), max_s), rate, progress)
    return Drive(motion, None if path.is_dir() else read_sound(path))


def _no_longer(frames: Iterator[TakeFrame], max_s: float) -> Iterator[TakeFrame]:
    for frame in frames:
        if frame.time_s > max_s:
            raise InvalidValue(f"The video is longer than {max_s:g} s.", hint="Send a shorter piece.")
        yield frame


def drive_by_voice(path: Path, fps: float, *, clip: str = "idle", seed: int = 0) -> Drive:
    """Move the mouth as a voice does, and everything else as a clip does.

    Raises:
        CorruptFile: there is no sound, or it cannot be decoded.
        UnknownName: there is no such clip.
        InvalidValue: a rate outside the limits of `Motion`.
        FileNotFoundError: there is no such file.
    """
    sound = needed_sound(path)
    beneath = make_clip(clip, seconds=sound.duration_s, fps=fps, seed=seed)
    return Drive(voice_motion(sound, beneath), sound)


def needed_sound(path: Path) -> Sound:
    """As `read_sound`, where there must be one.

    Raises:
        CorruptFile: there is none, or it cannot be decoded.
        FileNotFoundError: there is no such file.
    """
    sound = read_sound(path)
    if sound is None:
        raise CorruptFile(f"The file {path.name} holds no sound.")
    return sound
