"""Capture against known motion: animate avatars, capture the videos, compare; and the same motion by two faces.

python -m benchmarks.capture me/ you/ --seed 1
"""

from __future__ import annotations

import argparse
import json
import tempfile
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.storage import load_avatar
from perse_engine.motion.animate import animate
from perse_engine.motion.capture import capture
from perse_engine.motion.motion import CHANNELS, Motion, motion_of
from perse_engine.motion.take import read_take, take_fps
from perse_engine.progress import SilentProgress
from perse_engine.rendering.render import Renderer

Array = npt.NDArray[Any]

FPS, SECONDS = 25, 14.0
TURNS_DEG = {"yaw_deg": 16.0, "pitch_deg": 7.0, "roll_deg": 7.0}
POSE = tuple(TURNS_DEG)
GAZE_DEG = {"gaze_yaw_deg": 15.0, "gaze_pitch_deg": 9.0}
BOTH = ("Left", "Right")
GESTURES: tuple[tuple[tuple[str, ...], float], ...] = (
    (("jawOpen",), 0.6),
    (("jawOpen",), 0.3),
    (("mouthSmileLeft", "mouthSmileRight"), 0.8),
    (("mouthSmileLeft", "mouthSmileRight"), 0.5),
    (("mouthSmileLeft",), 0.7),
    (("mouthSmileRight",), 0.7),
    (("eyeBlinkLeft",), 1.0),
    (("eyeBlinkRight",), 1.0),
    (("mouthPucker",), 0.8),
    (("browInnerUp",), 0.8),
    (("browOuterUpLeft", "browOuterUpRight"), 0.8),
    (("browDownLeft", "browDownRight"), 0.8),
)
WEIGHTS = tuple(dict.fromkeys(name for names, _ in GESTURES for name in names))
GAZE = tuple(GAZE_DEG)
ALIKE = 0.1


def known_motion(seed: int) -> Motion:
    """A second at rest; then the head wanders, and gestures come one after the other, two now and then."""
    random = np.random.default_rng(seed)
    time_s = np.arange(round(SECONDS * FPS)) / FPS
    rows = {name: np.zeros(len(time_s)) for name in CHANNELS}
    ramp = np.clip(time_s - 1.0, 0.0, 1.0)
    for name, size in TURNS_DEG.items():
        rows[name] = size * ramp * np.sin(2 * np.pi * time_s / random.uniform(3.8, 6.5) + random.uniform(-0.5, 0.5))
    steps = np.arange(len(GESTURES)) + random.uniform(-0.2, 0.2, len(GESTURES))
    starts = 1.0 + (SECONDS - 2.6) * steps / (len(GESTURES) - 1)
    for index, start_s in zip(random.permutation(len(GESTURES)), starts, strict=True):
        names, weight = GESTURES[index]
        for name in names:
            rows[name] = np.maximum(rows[name], weight * _bump(time_s, start_s, random.uniform(1.1, 1.7)))
    for start_s in np.arange(0.7, SECONDS - 0.5, 3.1):
        blink = _bump(time_s, start_s + random.uniform(-0.3, 0.3), 0.36)
        for side in BOTH:
            rows[f"eyeBlink{side}"] = np.maximum(rows[f"eyeBlink{side}"], blink)
    for name, size in GAZE_DEG.items():
        for start_s, sign in zip(random.uniform(1.2, SECONDS - 3.0, 4), (1, -1, 1, -1), strict=True):
            rows[name] = np.clip(rows[name] + sign * size * _bump(time_s, float(start_s), 1.6), -size, size)
    return motion_of(FPS, np.stack([rows[name] for name in CHANNELS], 1))


def _bump(time_s: Array, start_s: float, length_s: float) -> Array:
    t = np.clip((time_s - start_s) / length_s, 0.0, 1.0)
    wave: Array = 0.5 - 0.5 * np.cos(2 * np.pi * t)
    return wave


def captured(avatar: Path, motion: Motion, size_px: int) -> Array:
    """What capture says of a video of the avatar, [frames, channels]."""
    from perse_engine.scene import Camera

    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "take.mp4"
        camera = Camera.orbit(width_px=size_px, height_px=size_px)
        animate(video, Renderer(load_avatar(avatar)), motion, SilentProgress(), camera=camera)
        fps = take_fps(video)
        return capture(read_take(video, fps), fps, SilentProgress()).channels()


def compare(told: Array, truth: Array) -> dict[str, dict[str, float]]:
    """Per channel: correlation, mean absolute error, and the slope of what is told over what was done."""
    out = {}
    for name in (*POSE, *GAZE, *WEIGHTS):
        a, b = truth[:, CHANNELS.index(name)], told[:, CHANNELS.index(name)]
        r = float(np.corrcoef(a, b)[0, 1]) if b.std() > 1e-9 else 0.0
        out[name] = {"r": r, "mae": float(np.abs(a - b).mean()), "slope": float(np.polyfit(a, b, 1)[0])}
    return out


def main() -> None:
    """Print tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("avatars", type=Path, nargs="+", help="folders as `perse create` leaves them")
    parser.add_argument("--seed", type=int, default=1, help="another number, another motion")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    motion = known_motion(arguments.seed)
    truth = motion.channels()
    told = {str(folder): captured(folder, motion, arguments.size) for folder in arguments.avatars}
    found = {name: compare(rows, truth) for name, rows in told.items()}
    between = {f"{a} | {b}": _between(told[a], told[b]) for a, b in combinations(told, 2)}
    if arguments.json:
        print(json.dumps({"seed": arguments.seed, "captured": found, "between": between}, indent=1))
        return
    for name, channels in found.items():
        print(f"\n{name}\n{'channel':<18}{'r':>7}{'mae':>8}{'slope':>8}")
        for channel, row in channels.items():
            print(f"{channel:<18}{row['r']:7.3f}{row['mae']:8.3f}{row['slope']:8.2f}")
        print(f"{'pose error, mean':<18}{np.mean([channels[p]['mae'] for p in POSE]):15.2f} degrees")
    for pair, row in between.items():
        print(f"\nbetween {pair}\n{'channel':<18}{'mae':>8}  within {ALIKE}")
        for channel, value in row.items():
            print(f"{channel:<18}{value['mae']:8.3f}{value['alike']:12.0%}")


def _between(first: Array, second: Array) -> dict[str, dict[str, float]]:
    """The same motion by two faces: each weight's mean absolute difference, and in what share of frames it is small."""
    away = {n: np.abs(first[:, CHANNELS.index(n)] - second[:, CHANNELS.index(n)]) for n in WEIGHTS}
    return {n: {"mae": float(d.mean()), "alike": float((d <= ALIKE).mean())} for n, d in away.items()}


if __name__ == "__main__":
    main()
