"""Reckon capture's table (perse_engine/motion/read_out.py) from avatars in known motion, and print it.

python -m benchmarks.calibrate_capture me/ you/ they/ --seeds 11 12 13
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.capture import Array, known_motion
from perse_engine.avatar.storage import load_avatar
from perse_engine.motion.animate import animate
from perse_engine.motion.capture import find_landmarks
from perse_engine.motion.motion import CHANNELS, Motion
from perse_engine.motion.read_out import FEATURES, TABLE, mirrored
from perse_engine.motion.rig_fit import find_driver, fitted
from perse_engine.motion.take import read_take
from perse_engine.progress import SilentProgress
from perse_engine.rendering.render import Renderer

RIDGE = 1.0
"""Of 0.3, 1 and 3 the best on the mean over persons left out, or nearly so."""
SMALLEST = 0.03
"""Shares below are left out of the table."""
LEAST_SLOPE = 0.5


def takes(avatars: Sequence[Path], seeds: Sequence[int]) -> tuple[Array, Array]:
    """Features and true channels of every frame of every avatar in every motion."""
    features, truths = [], []
    for folder in avatars:
        renderer = Renderer(load_avatar(folder))
        for seed in seeds:
            motion = known_motion(seed)
            landmarks = landmarks_of(renderer, motion)
            features.append(fitted(find_driver(landmarks), landmarks))
            truths.append(motion.channels())
    return np.concatenate(features), np.concatenate(truths)


def landmarks_of(renderer: Renderer, motion: Motion) -> Array:
    """[frames, 478, 3] of a video of the motion, in which every frame shows the face."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "take.mp4"
        animate(video, renderer, motion, SilentProgress())
        found = [find_landmarks(frame.rgb) for frame in read_take(video, motion.fps)]
    assert all(points is not None for points in found), "the motion turns too far for the detector"
    return np.stack([points for points in found if points is not None])


def calibrate(features: Array, truths: Array) -> dict[str, dict[str, float]]:
    """Ridge regression of TABLE's weights on the features, each take and its mirror image.

    Least squares tell less than was done, by the slope; half of that, in the logarithm, is given back.
    """
    flipped = features[:, [FEATURES.index(mirrored(name)) for name in FEATURES]]
    rows = np.concatenate([features, flipped])
    normal = rows.T @ rows + RIDGE * np.eye(len(FEATURES))
    table = {}
    for name in TABLE:
        done = np.concatenate([truths[:, CHANNELS.index(n)] for n in (name, mirrored(name))])
        shares = np.linalg.solve(normal, rows.T @ done)
        slope = np.polyfit(done, (rows @ shares).clip(0, 1), 1)[0]
        shares /= np.sqrt(max(slope, LEAST_SLOPE))
        table[name] = {n: round(float(s), 2) for n, s in zip(FEATURES, shares, strict=True) if abs(s) >= SMALLEST}
    return table


def main() -> None:
    """Print the table as Python."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("avatars", type=Path, nargs="+", help="folders as `perse create` leaves them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    arguments = parser.parse_args()
    for name, shares in calibrate(*takes(arguments.avatars, arguments.seeds)).items():
        print(f'    "{name}": {shares},'.replace("'", '"'))


if __name__ == "__main__":
    main()
