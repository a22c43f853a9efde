"""The commands of motion: `perse animate` and `perse capture`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import TYPE_CHECKING

from perse_engine.errors import InvalidValue

if TYPE_CHECKING:
    from perse_engine.motion.drive import Drive


def animate(arguments: argparse.Namespace) -> int:
    """`perse animate me/ -o talk.mp4 --clip talk`."""
    from perse_engine.avatar.storage import load_avatar
    from perse_engine.commands import TerminalProgress, _look
    from perse_engine.motion.animate import STAGE, format_of
    from perse_engine.motion.animate import animate as render_motion
    from perse_engine.motion.drive import needed_sound
    from perse_engine.rendering.render import Renderer
    from perse_engine.scene import Camera

    format, background = format_of(arguments.output, arguments.format), _background(arguments.background)
    if background is None and arguments.background and format == "mp4":
        raise InvalidValue("An MP4 cannot be transparent.", hint="Write WebM, or PNG pictures: --format webm, png.")
    if arguments.audio is not None and format == "png":
        raise InvalidValue("A folder of pictures holds no sound.", hint="Name a .mp4 or .webm file.")
    width_px, height_px = _size(arguments.size)
    drive = _drive(arguments)
    sound = drive.sound if arguments.audio is None else needed_sound(arguments.audio)
    renderer = Renderer(load_avatar(arguments.folder), arguments.rasterizer)
    began = time.monotonic()
    count = render_motion(
        arguments.output, renderer, drive.motion, TerminalProgress({STAGE: 1.0}), look=_look(arguments.look),
        camera=Camera.orbit(width_px=width_px, height_px=height_px), background=background,
        sound=None if format == "png" else sound, format=format,
    )  # fmt: skip
    sys.stderr.write("\n")
    took_s = time.monotonic() - began
    print(f"{arguments.output}: {count} frames, {count / drive.motion.fps:.1f} s, rendered in {took_s:.1f} s")
    return 0


def _drive(arguments: argparse.Namespace) -> Drive:
    from perse_engine.commands import TerminalProgress
    from perse_engine.motion.capture import STAGE
    from perse_engine.motion.clips import DEFAULT_SECONDS, make_clip
    from perse_engine.motion.drive import Drive, drive_by_video, drive_by_voice
    from perse_engine.motion.files import read_motion

    is_clip = arguments.motion is None and arguments.voice is None and arguments.video is None
    if arguments.seconds is not None and not is_clip:
        raise InvalidValue("--seconds is the length of a clip; a motion, video or voice has its own.")
    if arguments.clip is not None and (arguments.motion is not None or arguments.video is not None):
        raise InvalidValue("A clip goes with a voice or stands alone; a motion or video says everything itself.")
    clip = arguments.clip or "idle"
    if is_clip:
        seconds = DEFAULT_SECONDS if arguments.seconds is None else arguments.seconds
        return Drive(make_clip(clip, seconds=seconds, fps=arguments.fps, seed=arguments.seed), None)
    if arguments.voice is not None:
        return drive_by_voice(arguments.voice, arguments.fps, clip=clip, seed=arguments.seed)
    if arguments.video is not None:
        drive = drive_by_video(arguments.video, TerminalProgress({STAGE: 1.0}))
        sys.stderr.write("\n")
    else:
        drive = Drive(read_motion(arguments.motion, arguments.motion_fps), None)
    unsure = sum(frame.confidence == 0 for frame in drive.motion.frames)
    if unsure:
        print(f"{unsure} of {len(drive.motion.frames)} frames are bridged: their source saw no face.", file=sys.stderr)
    return Drive(drive.motion.resampled(arguments.fps), drive.sound)


def _size(word: str) -> tuple[int, int]:
    """'512' or '1280x720', px."""
    if not re.fullmatch(r"\d{1,5}(x\d{1,5})?", word):
        raise InvalidValue(f"The size {word!r} is no number of pixels.", hint="Write 512, or 1280x720.")
    width, _, height = word.partition("x")
    return int(width), int(height or width)


def _background(word: str | None) -> tuple[float, float, float] | None:
    """'#rrggbb' as 0..1; None for 'transparent' and for what was not said."""
    if word is None or word == "transparent":
        return None
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", word):
        raise InvalidValue(f"The background {word!r} is no colour.", hint="Write #d1d6db, or transparent.")
    red, green, blue = (value / 255 for value in bytes.fromhex(word[-6:]))
    return red, green, blue


def capture(arguments: argparse.Namespace) -> int:
    """`perse capture me.mp4 -o motion.json`."""
    import numpy as np

    from perse_engine.commands import TerminalProgress
    from perse_engine.motion.capture import STAGE
    from perse_engine.motion.capture import capture as follow_take
    from perse_engine.motion.files import write_motion
    from perse_engine.motion.take import read_take, take_fps

    if arguments.output.suffix.lower() not in (".json", ".csv"):
        raise InvalidValue("A motion is written as .json or .csv.", hint="Write -o motion.json.")
    fps = take_fps(arguments.take, arguments.fps)
    motion = follow_take(read_take(arguments.take, fps), fps, TerminalProgress({STAGE: 1.0}))
    write_motion(arguments.output, motion)
    bridged = np.flatnonzero(motion.confidences() == 0)
    sys.stderr.write("\n")
    print(f"{arguments.output}: {len(motion.frames)} frames, {motion.duration_s:.1f} s, {len(bridged)} bridged")
    if len(bridged):
        told = ", ".join(f"{index / fps:.2f}" for index in bridged[:10])
        print(f"No face at {told}{' ...' if len(bridged) > 10 else ''} s.", file=sys.stderr)
    return 0
