"""The commands of motion: `perse animate` and `perse capture`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from typing import TYPE_CHECKING

from perse_engine.errors import InvalidValue

if TYPE_CHECKING:
    from perse_engine.motion.motion import Motion


def animate(arguments: argparse.Namespace) -> int:
    """`perse animate me/ -o talk.mp4 --clip talk`."""
    from perse_engine.avatar.storage import load_avatar
    from perse_engine.commands import TerminalProgress, _look
    from perse_engine.motion.animate import STAGE
    from perse_engine.motion.animate import animate as render_motion
    from perse_engine.rendering.render import Renderer

    motion, background = _motion(arguments), _background(arguments.background)
    if background is None and arguments.background and arguments.output.suffix.lower() == ".mp4":
        raise InvalidValue("An MP4 cannot be transparent.", hint="Name a folder: it becomes PNG pictures.")
    renderer = Renderer(load_avatar(arguments.folder), arguments.rasterizer)
    began = time.monotonic()
    count = render_motion(
        arguments.output, renderer, motion, TerminalProgress({STAGE: 1.0}),
        look=_look(arguments.look), size_px=arguments.size, background=background,
    )  # fmt: skip
    sys.stderr.write("\n")
    took_s = time.monotonic() - began
    print(f"{arguments.output}: {count} frames, {count / motion.fps:.1f} s, rendered in {took_s:.1f} s")
    return 0


def _motion(arguments: argparse.Namespace) -> Motion:
    from perse_engine.motion.clips import DEFAULT_SECONDS, make_clip
    from perse_engine.motion.files import read_motion

    if arguments.motion is None:
        seconds = DEFAULT_SECONDS if arguments.seconds is None else arguments.seconds
        return make_clip(arguments.clip or "idle", seconds=seconds, fps=arguments.fps, seed=arguments.seed)
    if arguments.seconds is not None:
        raise InvalidValue("--seconds is the length of a clip; a motion file has its own.")
    motion = read_motion(arguments.motion, arguments.motion_fps)
    unsure = sum(frame.confidence == 0 for frame in motion.frames)
    if unsure:
        print(f"{unsure} of {len(motion.frames)} frames are bridged: their source saw no face.", file=sys.stderr)
    return motion.resampled(arguments.fps)


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
