"""Reckon capture's tables (perse_engine/motion/read_out.py, picture_table.py) from avatars in known motion; print them.

python -m benchmarks.calibrate_capture me/ you/ they/ --seeds 11 12 13
python -m benchmarks.calibrate_capture me/ you/ they/ --left-out 1 2     how each does with tables of the others
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.capture import FPS, Array, compare, known_motion
from perse_engine.avatar.storage import load_avatar
from perse_engine.motion.animate import animate
from perse_engine.motion.capture import find_landmarks, fitted_pictures, smoothed
from perse_engine.motion.motion import CHANNELS, Motion
from perse_engine.motion.picture_fit import crop_face
from perse_engine.motion.picture_table import PICTURE_FEATURES
from perse_engine.motion.read_out import FEATURES, mirrored, read_out
from perse_engine.motion.rig_fit import at_rest, bridged, channels_of, find_driver, fitted, head_turns
from perse_engine.motion.take import read_take
from perse_engine.progress import SilentProgress
from perse_engine.rendering.render import Renderer

RIDGE, PICTURE_RIDGE = 1.0, 3.0
"""Of 0.3, 1 and 3 the best on the mean over persons left out, or nearly so; pictures: of 1 and 3."""
SMALLEST = 0.03
"""Shares below are left out of the table."""
LEAST_SLOPE = 0.5
TOLD = ("jawOpen", "mouthSmileLeft", "mouthPucker", "browInnerUp", "browOuterUpLeft", "browDownLeft", "eyeBlinkLeft")
BY_LANDMARKS = tuple(name for name in TOLD if name != "browDownLeft")
Table = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Take:
    """What was seen of one known motion: `fitted`'s features, the picture's, head turns, irises in mm; the truth."""

    features: Array
    moved: Array
    heads: Array
    irises: Array
    truth: Array


@dataclass(frozen=True)
class Calibration:
    """The two tables, and gaze in degrees: per mm of the irises, and per degree of head yaw and pitch."""

    landmarks: Table
    pictures: Table
    gaze_deg_per_mm: tuple[float, ...]
    gaze_per_turn: tuple[float, ...]


def take_of(renderer: Renderer, motion: Motion) -> Take:
    """Render a motion, in which every frame shows the face, and look at it."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "take.mp4"
        animate(video, renderer, motion, SilentProgress())
        found, faces = [], []
        for frame in read_take(video, motion.fps):
            points = find_landmarks(frame.rgb)
            assert points is not None, "the motion turns too far for the detector"
            found.append(points)
            faces.append(crop_face(frame.rgb, points))
    landmarks = np.stack(found)
    driver = find_driver(landmarks)
    seen = fitted_pictures(driver, landmarks, faces, SilentProgress())
    return Take(fitted(driver, landmarks), seen[:, :-2], head_turns(driver, landmarks), seen[:, -2:], motion.channels())


def calibrate(takes: Sequence[Take]) -> Calibration:
    """Ridge regression of the told weights on the features, each take and its mirror image, and of the gaze."""
    truths = np.concatenate([take.truth for take in takes])
    features = np.concatenate([take.features for take in takes])
    both = np.c_[features, np.concatenate([take.moved for take in takes])]
    per_mm, per_turn = zip(*(_gaze(takes, axis) for axis in range(2)), strict=True)
    return Calibration(
        _table(features, truths, FEATURES, BY_LANDMARKS, RIDGE),
        _table(both, truths, PICTURE_FEATURES, TOLD, PICTURE_RIDGE), per_mm, per_turn,
    )  # fmt: skip


def _table(rows: Array, truths: Array, names: Sequence[str], told: Sequence[str], ridge: float) -> Table:
    """Least squares tell less than was done, by the slope; half of that, in the logarithm, is given back."""
    rows = np.concatenate([rows, rows[:, [names.index(mirrored(name)) for name in names]]])
    normal = rows.T @ rows + ridge * np.eye(len(names))
    table = {}
    for name in told:
        done = np.concatenate([truths[:, CHANNELS.index(n)] for n in (name, mirrored(name))])
        shares = np.linalg.solve(normal, rows.T @ done)
        slope = np.polyfit(done, (rows @ shares).clip(0, 1), 1)[0]
        shares /= np.sqrt(max(slope, LEAST_SLOPE))
        table[name] = {n: round(float(s), 2) for n, s in zip(names, shares, strict=True) if abs(s) >= SMALLEST}
    return table


def _gaze(takes: Sequence[Take], axis: int) -> tuple[float, float]:
    """Gaze along yaw (0) or pitch (1): degrees per mm, and per degree of the head; where eyes are shut nobody looks."""
    rows, done = [], []
    for take in takes:
        seen = np.stack([take.irises[:, axis], take.heads[:, axis], np.ones(len(take.heads))], 1)
        is_open = take.features[:, -2:].max(1) < 0.35
        rows.append(seen[is_open])
        done.append(take.truth[is_open, 3 + axis])
    per_mm, per_turn, _ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(done), rcond=None)[0]
    return round(float(per_mm), 1), round(float(per_turn), 2)


def captured_by(found: Calibration, take: Take) -> Array:
    """What capture would say of a take with these tables, [frames, channels]."""
    weights = read_out(np.c_[take.features, take.moved], found.pictures, PICTURE_FEATURES)
    gaze = take.irises * found.gaze_deg_per_mm + take.heads[:, :2] * found.gaze_per_turn
    return smoothed(channels_of(take.heads, bridged(gaze, take.features), weights, at_rest(weights)), FPS)


def print_left_out(known: Mapping[str, Sequence[Take]], unknown: Mapping[str, Sequence[Take]]) -> None:
    """How well each avatar's takes are told by tables made of the others': worst and mean correlation per channel."""
    scores: dict[str, list[float]] = {}
    for name, takes in unknown.items():
        found = calibrate([take for other, some in known.items() if other != name for take in some])
        for take in takes:
            for channel, row in compare(captured_by(found, take), take.truth).items():
                scores.setdefault(channel, []).append(row["r"])
    for channel, values in scores.items():
        print(f"{channel:<18} r {min(values):.2f} .. {max(values):.2f}")


def main() -> None:
    """Print the tables as Python, or how they do on persons that they were not made of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("avatars", type=Path, nargs="+", help="folders as `perse create` leaves them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--left-out", type=int, nargs="+", metavar="SEED", help="motions to try the tables on")
    arguments = parser.parse_args()

    def takes(seeds: Sequence[int]) -> dict[str, list[Take]]:
        renderers = {str(folder): Renderer(load_avatar(folder)) for folder in arguments.avatars}
        return {name: [take_of(one, known_motion(seed)) for seed in seeds] for name, one in renderers.items()}

    known = takes(arguments.seeds)
    if arguments.left_out:
        print_left_out(known, takes(arguments.left_out))
        return
    found = calibrate([take for some in known.values() for take in some])
    for label, table in (("TABLE", found.landmarks), ("PICTURE_TABLE", found.pictures)):
        print(f"{label} = {{")
        for name, shares in table.items():
            print(f'    "{name}": {shares},'.replace("'", '"'))
        print("}")
    print(f"GAZE_DEG_PER_MM = {found.gaze_deg_per_mm}\nGAZE_PER_TURN = {found.gaze_per_turn}")


if __name__ == "__main__":
    main()
