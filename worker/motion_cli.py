"""How `perse animate` and `perse capture` are written. Loads nothing of the engine until one runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

ANIMATE_EPILOG = """an avatar's folder and a motion in, a video out (H.264, marked as AI-generated):
  perse animate me/ -o idle.mp4                                   blinks, breath, small looks about
  perse animate me/ -o talk.mp4 --clip talk --seconds 10 --seed 3
  perse animate me/ -o me.mp4 --motion take_1.csv                 a recording of Live Link Face
  perse animate me/ -o me.mp4 --motion motion.json --look hair=long-wavy-blonde:0.7
  perse animate me/ -o me.mp4 --video you.mp4                     as somebody does it, with the video's sound
  perse animate me/ -o me.mp4 --voice voice.wav                   the mouth follows a voice, the rest idles
  perse animate me/ -o me.mp4 --clip talk --audio music.mp3       any motion, with a sound of its own
  perse animate me/ -o me.webm --clip nod                         transparent WebM (VP9)
  perse animate me/ -o frames/ --clip nod                         a folder of transparent PNG pictures
The format of motion.json is in docs/reference/motion.md; it may change looks over time too.
"""

CAPTURE_EPILOG = """somebody's face in, what it did out; whose face it is does not come along:
  perse capture me.mp4 -o motion.json
  perse animate other/ -o other.mp4 --motion motion.json
Told are head pose, gaze (up and down badly), blinks, jawOpen, mouthSmile, mouthPucker, browInnerUp and browOuterUp,
against the driver's own resting face: let the take hold a second of it. Frames without a face are bridged and have
confidence 0. How well each is seen stands in docs/guides/animate.md.
"""


def add_motion_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register them."""
    animate = commands.add_parser(
        "animate", help="a video of an avatar that moves", epilog=ANIMATE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    animate.add_argument("folder", type=Path, help="an avatar's folder, as `perse create` leaves it")
    animate.add_argument(
        "-o", "--output", type=Path, required=True, help=".mp4, .webm, or a new folder for PNG pictures"
    )
    animate.add_argument("--format", choices=("mp4", "webm", "png"), help="where the name's end does not say it")
    source = animate.add_mutually_exclusive_group()
    source.add_argument(
        "--motion",
        type=Path,
        metavar="FILE",
        help="motion.json, a JSON list of ARKit weights, or Live Link Face's .csv",
    )
    source.add_argument("--video", type=Path, metavar="FILE", help="somebody who does it; `perse capture` says how")
    source.add_argument("--voice", type=Path, metavar="FILE", help="a voice that moves the mouth, and is heard")
    animate.add_argument("--clip", help="idle, nod, swing or talk, alone or beneath a voice (default: idle)")
    animate.add_argument("--audio", type=Path, metavar="FILE", help="heard in the video, instead of another sound")
    animate.add_argument("--seconds", type=float, help="of a clip (default: 6)")
    animate.add_argument("--seed", type=int, default=0, help="of a clip: another number, other blinks and words")
    animate.add_argument("--motion-fps", type=float, metavar="N", help="of a list or CSV that does not say its own")
    animate.add_argument(
        "--look", nargs="*", default=[], metavar="LOOK", help="category=variant:0.7 ..., or JSON, or a .json file"
    )
    animate.add_argument("--size", default="512", metavar="PX", help="of the picture: 512, or 1280x720 (default: 512)")
    animate.add_argument("--fps", type=float, default=25.0, help="frames a second of the video (default: 25)")
    animate.add_argument("--background", metavar="COLOUR", help="#rrggbb, or transparent (default but for .mp4)")
    animate.add_argument("--rasterizer", default="auto", help="auto, cpu, gsplat or reference (default: auto)")
    animate.set_defaults(run=_run("animate"))
    capture = commands.add_parser(
        "capture", help="a motion from a video of a face", epilog=CAPTURE_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    capture.add_argument("take", type=Path, help="a video, or a folder of pictures in the order of their names")
    capture.add_argument("-o", "--output", type=Path, required=True, help="motion.json, or .csv for Live Link Face")
    capture.add_argument(
        "--fps", type=float, help="frames a second of the motion (default: the video's; 25 for pictures)"
    )
    capture.set_defaults(run=_run("capture"))


def _run(name: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        from perse_engine import motion_commands

        return int(getattr(motion_commands, name)(arguments))

    return run
