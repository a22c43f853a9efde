"""Keyframes -> Motion: a few moments, and a smooth way from each to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.motion.motion import MAX_FRAMES, Frame, LookKey, Motion, motion_of
from perse_engine.scene import Expression, Pose

MAX_KEYFRAMES = 1_000


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A moment `time_s` seconds after the start; `look` None leaves the look to the keyframes around it."""

    time_s: float
    pose: Pose
    expression: Expression
    look: Look | None = None


def motion_from_keyframes(keyframes: Sequence[Keyframe], fps: float) -> Motion:
    """From time 0 to the last keyframe. Before the first one the head stands still as it will be then.

    Between keyframes every number follows a monotone cubic (Fritsch and Carlson 1980): smooth, and never beyond
    the two values that it goes between. Looks change linearly.

    Raises:
        InvalidValue: none, too many, times that do not grow, or a limit of `Motion`.
    """
    if not 1 <= len(keyframes) <= MAX_KEYFRAMES:
        raise InvalidValue(f"There are {len(keyframes)} keyframes; 1..{MAX_KEYFRAMES} are possible.")
    times = [key.time_s for key in keyframes]
    if not all(math.isfinite(t) and t >= 0.0 for t in times) or any(a >= b for a, b in pairwise(times)):
        raise InvalidValue("The keyframes' times must be 0 or more seconds, and grow.")
    if not times[-1] * fps < MAX_FRAMES:
        raise InvalidValue(f"The last keyframe is at {times[-1]:g} s; a motion has at most {MAX_FRAMES} frames.")
    # `Motion` checks the numbers and lays them out.
    known = Motion(fps, tuple(Frame(key.pose, key.expression) for key in keyframes)).channels()
    grid = np.arange(math.floor(times[-1] * fps + 1e-6) + 1) / fps
    looks = tuple(LookKey(key.time_s, key.look) for key in keyframes if key.look is not None)
    return motion_of(fps, _between(np.array(times), known, grid), looks=looks)


def _between(times: npt.NDArray[Any], known: npt.NDArray[Any], grid: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if len(times) == 1:
        return np.repeat(known, len(grid), axis=0)
    # The harmonic mean of slopes divides by each of them: one near the smallest float overflows, which is right
    # (its mean is 0 then), but warns.
    with np.errstate(over="ignore"):
        rows: npt.NDArray[Any] = PchipInterpolator(times, known, axis=0)(np.clip(grid, times[0], times[-1]))
    return rows
