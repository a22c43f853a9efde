"""Motion: what a head does over time, frame by frame, without saying whose head it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.scene import Expression, Gaze, Pose
from perse_engine.vocabulary import ARKIT_NAMES

Array = npt.NDArray[Any]

MIN_FPS, MAX_FPS = 1.0, 240.0
MAX_FRAMES = 36_000
"""Ten minutes at 60 frames a second."""
MAX_LOOKS = 1_000
MAX_TURN_DEG = 180.0
MAX_GAZE_DEG = 90.0

POSE_CHANNELS = ("yaw_deg", "pitch_deg", "roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")
CHANNELS = (*POSE_CHANNELS, *ARKIT_NAMES)


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment; `confidence` 0..1 says how sure its source is, 0 that it was bridged from its neighbours."""

    pose: Pose
    expression: Expression
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class LookKey:
    """The look at a time, seconds from the first frame; between two keys the weights change linearly."""

    time_s: float
    look: Look


@dataclass(frozen=True)
class Motion:
    """Frames at a steady rate, and optionally looks along the way; frame i is at i / fps seconds.

    Attributes:
        fps: frames a second, 1..240.
        frames: 1..36000 of them; angles in degrees with the signs of `Pose`, at most 180 (gaze 90).
        looks: in the order of their times; before the first and after the last key the look stands still.

    Raises:
        InvalidValue: a number outside its range or not finite, or look keys that cannot be blended.
    """

    fps: float
    frames: tuple[Frame, ...]
    looks: tuple[LookKey, ...] = ()

    def __post_init__(self) -> None:
        if not MIN_FPS <= self.fps <= MAX_FPS:
            raise InvalidValue(f"A motion has {MIN_FPS:g}..{MAX_FPS:g} frames a second, not {self.fps}.")
        if not 1 <= len(self.frames) <= MAX_FRAMES:
            raise InvalidValue(f"A motion has 1..{MAX_FRAMES} frames, not {len(self.frames)}.")
        for index, frame in enumerate(self.frames):
            _check_frame(index, frame)
        _check_looks(self.looks)

    @property
    def duration_s(self) -> float:
        """Time from the first frame to the end of the last one."""
        return len(self.frames) / self.fps

    def channels(self) -> Array:
        """Everything but looks and confidence as numbers, [frames, 57] float64 in the order of CHANNELS."""
        rows = np.zeros((len(self.frames), len(CHANNELS)))
        for row, frame in zip(rows, self.frames, strict=True):
            pose, weights = frame.pose, frame.expression.weights
            row[:5] = pose.yaw_deg, pose.pitch_deg, pose.roll_deg, pose.gaze.yaw_deg, pose.gaze.pitch_deg
            row[5:] = [weights.get(name, 0.0) for name in ARKIT_NAMES]
        return rows

    def confidences(self) -> Array:
        """[frames] float64, 0..1."""
        return np.array([f.confidence for f in self.frames])

    def resampled(self, fps: float) -> Motion:
        """The same movement at another rate, linear between frames; the same object when the rate is the same.

        A frame whose neighbours are bridged counts as bridged: confidence is interpolated too.
        """
        if fps == self.fps:
            return self
        if not MIN_FPS <= fps <= MAX_FPS:
            raise InvalidValue(f"A motion has {MIN_FPS:g}..{MAX_FPS:g} frames a second, not {fps}.")
        last_s = (len(self.frames) - 1) / self.fps
        count = math.floor(last_s * fps + 1e-6) + 1
        old, new = np.arange(len(self.frames)) / self.fps, np.arange(count) / fps
        rows = np.stack([np.interp(new, old, column) for column in self.channels().T], 1)
        return motion_of(fps, rows, np.interp(new, old, self.confidences()), self.looks)

    def look_at(self, time_s: float, otherwise: Look) -> Look:
        """The look at a time; `otherwise` where the motion has no look keys."""
        if not self.looks:
            return otherwise
        times = [key.time_s for key in self.looks]
        after = int(np.searchsorted(times, time_s, side="right"))
        if after == 0 or after == len(times):
            return self.looks[max(after - 1, 0)].look
        before = self.looks[after - 1]
        span = times[after] - before.time_s
        return blended(before.look, self.looks[after].look, (time_s - before.time_s) / span)


def motion_of(
    fps: float, channels: Array, confidence: Array | Sequence[float] | None = None, looks: tuple[LookKey, ...] = ()
) -> Motion:
    """A motion from numbers [frames, 57] in the order of CHANNELS; weights are clamped to 0..1.

    Raises:
        InvalidValue: a number that is not finite, or a limit of `Motion`.
    """
    rows = np.asarray(channels, np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(CHANNELS) or not np.isfinite(rows).all():
        raise InvalidValue(f"Motion channels must be finite numbers [frames, {len(CHANNELS)}], not {rows.shape}.")
    sure = np.ones(len(rows)) if confidence is None else np.clip(np.asarray(confidence, np.float64), 0.0, 1.0)
    frames = []
    for row, certainty in zip(rows.tolist(), sure.tolist(), strict=True):
        weights = {name: min(w, 1.0) for name, w in zip(ARKIT_NAMES, row[5:], strict=True) if w > 0.0}
        frames.append(Frame(Pose(row[0], row[1], row[2], Gaze(row[3], row[4])), Expression(weights), certainty))
    return Motion(fps, tuple(frames), looks)


def blended(first: Look, second: Look, share: float) -> Look:
    """The look `share` 0..1 of the way from `first` to `second`, linear in weights and codes."""
    variants: dict[str, dict[str, float]] = {}
    for part, look in ((1.0 - share, first), (share, second)):
        for category, weights in look.variants.items():
            own = variants.setdefault(category, {})
            for name, weight in weights.items():
                own[name] = min(own.get(name, 0.0) + part * weight, 1.0)
    codes = {
        category: tuple((1.0 - share) * a + share * b for a, b in zip(code, second.codes[category], strict=True))
        for category, code in first.codes.items()
    }
    return Look(variants, codes)


def _check_frame(index: int, frame: Frame) -> None:
    pose = frame.pose
    turns = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    # Written so that NaN fails too.
    if not all(abs(angle) <= MAX_TURN_DEG for angle in turns):
        raise InvalidValue(f"Frame {index} turns the head by {turns} degrees; at most {MAX_TURN_DEG:g} are possible.")
    if not (abs(pose.gaze.yaw_deg) <= MAX_GAZE_DEG and abs(pose.gaze.pitch_deg) <= MAX_GAZE_DEG):
        raise InvalidValue(f"Frame {index} turns the eyes by more than {MAX_GAZE_DEG:g} degrees.")
    if not 0.0 <= frame.confidence <= 1.0:
        raise InvalidValue(f"The confidence of frame {index} is {frame.confidence}; it must lie in 0..1.")


def _check_looks(looks: tuple[LookKey, ...]) -> None:
    if len(looks) > MAX_LOOKS:
        raise InvalidValue(f"A motion has at most {MAX_LOOKS} looks, not {len(looks)}.")
    for key in looks:
        if not (math.isfinite(key.time_s) and key.time_s >= 0.0):
            raise InvalidValue(f"A look's time is {key.time_s}; it must be 0 or more seconds.")
    for first, second in pairwise(looks):
        if not first.time_s < second.time_s:
            raise InvalidValue("The looks' times must grow.")
        sizes = [{c: len(code) for c, code in key.look.codes.items()} for key in (first, second)]
        if sizes[0] != sizes[1]:
            raise InvalidValue(
                "Two looks in a row give codes for different categories or of different sizes.",
                hint="Give a category a code in every look, or in none.",
            )
