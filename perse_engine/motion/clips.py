"""Named clips: motions that nobody had to perform. The same name, length, rate and seed give the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import UnknownName
from perse_engine.motion.motion import CHANNELS, Motion, motion_of

Array = npt.NDArray[Any]

DEFAULT_SECONDS = 6.0
BLINK_S = 0.26
"""A blink of people at rest takes 0.1..0.4 s."""
BLINK_EVERY_S = (2.2, 5.5)
BREATH_S = 3.9
SACCADE_EVERY_S = (0.7, 2.4)
SACCADE_S = 0.05
SYLLABLE_S = (0.14, 0.30)

VISEMES: Sequence[Mapping[str, float]] = (
    {"jawOpen": 0.52, "mouthLowerDownLeft": 0.20, "mouthLowerDownRight": 0.20},  # a
    {"jawOpen": 0.30, "mouthStretchLeft": 0.22, "mouthStretchRight": 0.22},  # e
    {"jawOpen": 0.14, "mouthSmileLeft": 0.22, "mouthSmileRight": 0.22},  # i
    {"jawOpen": 0.34, "mouthFunnel": 0.40},  # o
    {"jawOpen": 0.18, "mouthPucker": 0.45},  # u
    {"jawOpen": 0.02, "mouthPressLeft": 0.25, "mouthPressRight": 0.25},  # m, b, p: lips shut
    {"jawOpen": 0.08, "mouthRollLower": 0.25, "mouthUpperUpLeft": 0.12, "mouthUpperUpRight": 0.12},  # f, v
)
PAUSE_SHARE = 0.14


def make_clip(name: str, *, seconds: float = DEFAULT_SECONDS, fps: float = 25.0, seed: int = 0) -> Motion:
    """The motion `name`: idle (blinks, breath, small looks about), nod, swing (yaw +-30 degrees) or talk.

    Every clip begins at rest but for idle's gaze, and holds at least one frame.

    Raises:
        UnknownName: there is no such clip.
        InvalidValue: a rate or a length outside the limits of `Motion`.
    """
    if name not in CLIPS:
        raise UnknownName(f"There is no clip {name!r}.", hint=f"Clips: {', '.join(CLIPS)}.")
    count = max(round(min(seconds, 1e6) * min(fps, 1e3)), 1) if seconds == seconds and fps == fps else 1
    # A length beyond the limits is refused by Motion, without reckoning it first.
    rows = {channel: np.zeros(min(count, 40_000)) for channel in CHANNELS}
    CLIPS[name](rows, np.arange(len(rows["yaw_deg"])) / max(fps, 1e-3), np.random.default_rng(seed))
    return motion_of(fps, np.stack([rows[c] for c in CHANNELS], 1))


def _idle(rows: dict[str, Array], time_s: Array, random: np.random.Generator) -> None:
    _sway(rows, time_s, random, 1.0)
    _blink(rows, time_s, random)
    _saccades(rows, time_s, random)
    for side in ("Left", "Right"):
        rows[f"mouthSmile{side}"] += 0.04 * (1 - np.cos(2 * np.pi * time_s / 7.3))


def _nod(rows: dict[str, Array], time_s: Array, random: np.random.Generator) -> None:
    # Three nods that fade, every three seconds.
    phase = time_s % 3.0
    rows["pitch_deg"] += -13.0 * np.sin(2 * np.pi * phase / 0.75) * _bump(phase, 0.0, 2.25)
    _sway(rows, time_s, random, 0.4)
    _blink(rows, time_s, random)


def _swing(rows: dict[str, Array], time_s: Array, random: np.random.Generator) -> None:
    rows["yaw_deg"] += 30.0 * np.sin(2 * np.pi * time_s / 4.0)
    rows["pitch_deg"] += 2.0 * np.sin(2 * np.pi * time_s / 2.0)
    # The eyes lead the head a little, as when one looks about.
    rows["gaze_yaw_deg"] += 6.0 * np.sin(2 * np.pi * time_s / 4.0 + 0.5) - 6.0 * np.sin(0.5)
    _blink(rows, time_s, random)


def _talk(rows: dict[str, Array], time_s: Array, random: np.random.Generator) -> None:
    _sway(rows, time_s, random, 1.5)
    _blink(rows, time_s, random)
    _saccades(rows, time_s, random)
    end_s, at_s = float(time_s[-1]), 0.15
    while at_s < end_s:
        length_s = float(random.uniform(*SYLLABLE_S))
        if random.random() < PAUSE_SHARE:
            at_s += 2.5 * length_s
            continue
        strength = float(random.uniform(0.6, 1.0))
        # Neighbouring syllables overlap, or the mouth would shut between any two.
        curve = strength * _bump(time_s, at_s - 0.04, length_s + 0.12)
        for name, weight in VISEMES[int(random.integers(len(VISEMES)))].items():
            rows[name] += weight * curve
        if random.random() < 0.12:
            rows["pitch_deg"] += -3.0 * _bump(time_s, at_s, 0.45)
            rows["browInnerUp"] += 0.3 * _bump(time_s, at_s, 0.6)
        at_s += length_s


CLIPS: Mapping[str, Callable[[dict[str, Array], Array, np.random.Generator], None]] = {
    "idle": _idle, "nod": _nod, "swing": _swing, "talk": _talk,
}  # fmt: skip


def _bump(time_s: Array, start_s: float, length_s: float) -> Array:
    """0 outside, one smooth rise to 1 and fall within `length_s` after `start_s`."""
    t = np.clip((time_s - start_s) / length_s, 0.0, 1.0)
    wave: Array = 0.5 - 0.5 * np.cos(2 * np.pi * t)
    return wave


def _sway(rows: dict[str, Array], time_s: Array, random: np.random.Generator, amount: float) -> None:
    """Breath, and slow drift that begins at rest."""
    rows["pitch_deg"] += 0.7 * amount * (1 - np.cos(2 * np.pi * time_s / BREATH_S))
    for channel, size in (("yaw_deg", 2.6), ("pitch_deg", 1.2), ("roll_deg", 1.0)):
        for period_s in random.uniform(3.0, 8.0, 3):
            rows[channel] += amount * size / 2 * np.sin(2 * np.pi * time_s / period_s) * random.choice((-1.0, 1.0))


def _blink(rows: dict[str, Array], time_s: Array, random: np.random.Generator) -> None:
    at_s = float(random.uniform(0.8, 2.0))
    lids = np.zeros(len(time_s))
    while at_s < time_s[-1]:
        # Lids stay shut for a moment: the bump is cut off at the top.
        lids = np.maximum(lids, np.minimum(1.25 * _bump(time_s, at_s, BLINK_S), 1.0))
        at_s += float(random.uniform(*BLINK_EVERY_S))
    rows["eyeBlinkLeft"] += lids
    rows["eyeBlinkRight"] += lids


def _saccades(rows: dict[str, Array], time_s: Array, random: np.random.Generator) -> None:
    """Small jumps of the eyes, most of them back towards the middle."""
    times, yaws, pitches = [0.0], [0.0], [0.0]
    at_s = 0.0
    while at_s < time_s[-1]:
        at_s += float(random.uniform(*SACCADE_EVERY_S))
        times += [at_s, at_s + SACCADE_S]
        yaws += [yaws[-1], 0.0 if random.random() < 0.5 else float(random.uniform(-7.0, 7.0))]
        pitches += [pitches[-1], 0.0 if random.random() < 0.6 else float(random.uniform(-4.0, 3.0))]
    rows["gaze_yaw_deg"] += np.interp(time_s, times, yaws)
    rows["gaze_pitch_deg"] += np.interp(time_s, times, pitches)
