"""A jacket's collar and lapels: one strip on each side, from the back of the neck down to the button.

Its inner edge follows the neckline and then the opening. Outwards it walks over the torso in steps, so that no step on
the surface below can tear it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import patterned
from perse_engine.synthesis.procedural.neckline import POINTS
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.sheets import TEXELS
from perse_engine.synthesis.procedural.torso_chart import HEIGHT, WIDTH, Torso

Array = npt.NDArray[Any]

BACK, FRONT = 40, 100
GORGE = 0.30
"""Where the collar meets the lapel, as a share of the front's length."""
RISE_M, ROLL_M = 0.005, 0.005
"""How far the inner edge lies above the neckline, and how wide it is rolled, metres."""
STANDING = np.array([2.0, 8.0, 10.5, 10.8, 10.5, 10.0, 9.0, 7.0, 2.5]) / 1000
LYING = np.array([1.0, 7.5, 9.0, 8.8, 8.0, 7.2, 6.6, 6.0, 2.5]) / 1000
"""How far off the body the collar lies at the back and the lapel in front, from the inner edge outwards, metres."""


def opening(torso: Torso, y: Array) -> Array:
    """Half of the width (metres) that a jacket leaves open at a height."""
    top, button = min(torso.sides), torso.chin - 1.25 * torso.face
    return np.asarray(0.92 * torso.neck * np.clip((y - button) / (top - button), 0.03, 1.0))


def lapels(cut: Cut) -> list[AddedPart]:
    """The right half and the left one."""
    walk = _Walk(cut.tailor.torso)
    return [_half(cut, walk, sign) for sign in (-1.0, 1.0)]


def _half(cut: Cut, walk: _Walk, sign: float) -> AddedPart:
    inner = _inner_edge(cut, sign)
    # -1 at the back, 0 where the neckline is left, 1 at the button.
    run = np.r_[np.linspace(-1, 0, BACK, endpoint=False), np.linspace(0, 1, FRONT)]
    # The rolled edge is as wide everywhere, or it would step at the notch.
    steps = np.repeat((_width(run)[None] - ROLL_M) / (len(LYING) - 2), len(LYING) - 1, axis=0)
    steps[0] = ROLL_M
    # Along the chart's seam at the back, where the halves meet.
    leaves_column = smoothstep(run, -1.0, -0.75)
    places = walk.across(inner, _outwards(cut.tailor.torso, inner, run, sign), steps, leaves_column)
    outer = np.linspace(0, 1, len(LYING))[:, None] * smoothstep(run, 0.18, 0.0)
    places += (_eased(places, 6.0) - places) * outer[..., None]
    lies = smoothstep(run, -0.4, GORGE)
    lift = STANDING[:, None] + (LYING - STANDING)[:, None] * lies
    edge = np.linspace(0, 1, TEXELS[0])[:, None]
    texels = np.interp(np.linspace(0, 1, TEXELS[1]), np.linspace(0, 1, len(run)), run)[None]
    seam = np.exp(-(((texels - GORGE) / 0.010) ** 2)) * smoothstep(edge, 0.10, 0.30)
    shade = 1.06 - 0.30 * smoothstep(edge, 0.955, 1.0) - 0.45 * seam
    rgb = patterned(cut.pattern, cut.tone, edge * np.maximum(_width(texels), 0.04), 0.2 * texels + 0 * edge)
    return cut.sheet(places, lift, rgb, shade)


def _width(run: Array) -> Array:
    """From the inner to the outer edge, metres: the collar, the notch, the lapel."""
    collar = 0.036 + 0.010 * smoothstep(run, -0.5, GORGE)
    lapel = 0.007 + 0.060 * (1 - smoothstep(run, GORGE, 1.0))
    notch = 0.016 * np.clip(1 - np.abs(run - GORGE) / 0.05, 0, 1)
    return np.asarray(collar + (lapel - collar) * smoothstep(run, GORGE - 0.005, GORGE + 0.05) - notch)


def _inner_edge(cut: Cut, sign: float) -> Array:
    """Chart px [BACK + FRONT, 2] from the middle of the back to the button."""
    torso, line = cut.tailor.torso, cut.line
    half = np.arange(POINTS // 2 + 1)
    share = 0.5 + sign * half / (POINTS - 1)
    above = line.band(share, np.full((1, 1), -RISE_M))[0]
    there = torso.at(above, torso.points)
    aside = sign * (there[:, 0] - torso.axis_x)
    leaves = int(np.clip(np.argmax(aside > opening(torso, there[:, 1])), 10, len(half) - 20))
    around = above[:leaves:-1]
    y = np.linspace(there[leaves, 1], cut.down_to(torso.chin - 1.2 * torso.face), 80)
    down = torso.front_place(np.stack([torso.axis_x + sign * (opening(torso, y) - 0.003), y], -1))
    parts = [_spread(torso, around, BACK + 1)[:-1], _spread(torso, np.vstack([above[leaves], down[1:]]), FRONT)]
    edge = _eased(np.vstack(parts), 3.0)
    # The neckline ends a little before the chart's seam.
    edge[0, 0] = 0 if sign < 0 else WIDTH - 1
    return edge


def _eased(paths: Array, sigma: float) -> Array:
    """Paths [..., P, 2] smoothed along P; their ends stay."""
    ahead = round(4 * sigma)
    margins = [(0, 0)] * (paths.ndim - 2) + [(ahead, ahead), (0, 0)]
    padded = np.pad(paths, margins, mode="reflect", reflect_type="odd")
    return np.asarray(gaussian_filter1d(padded, sigma, axis=-2)[..., ahead:-ahead, :])


def _spread(torso: Torso, px: Array, count: int) -> Array:
    """A path on the chart in steps of equal length on the torso."""
    step = np.linalg.norm(np.diff(torso.at(px, torso.points), axis=0), axis=1)
    length = np.r_[0, np.cumsum(step + 1e-6)]
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, px[:, k]) for k in (0, 1)], -1)


def _outwards(torso: Torso, inner: Array, run: Array, sign: float) -> Array:
    """Directions [P, 3] in which the strip goes on from its inner edge: down at the back, aside in front."""
    turn = torso.turn_at(inner[:, 0])
    down = np.stack([np.sin(turn), -0.8 + 0 * turn, np.cos(turn)], -1)
    aside = np.array([sign, 0.05, 0.0])
    return np.asarray(down + (aside - down) * smoothstep(run, -0.7, GORGE - 0.05)[:, None])


class _Walk:
    """Steps on the torso without its creases."""

    def __init__(self, torso: Torso) -> None:
        smooth = np.stack([gaussian_filter(torso.points[..., k], (1.5, 1.5), mode="nearest") for k in range(3)], -1)
        rows, columns = smooth.shape[:2]
        self._torso = torso
        self._du = np.gradient(smooth, axis=1) * (columns - 1) / (WIDTH - 1)
        self._dv = np.gradient(smooth, axis=0) * (rows - 1) / (HEIGHT - 1)

    def across(self, start: Array, towards: Array, steps: Array, free: Array) -> Array:
        """Chart px [1 + K, P, 2]: from start [P, 2] in directions [P, 3], by steps [K, P] metres; how free [P] to
        leave a column."""
        found = [start]
        for length in steps:
            px = found[-1]
            du, dv = self._torso.at(px, self._du), self._torso.at(px, self._dv)
            uu, uv, vv = (du * du).sum(-1), (du * dv).sum(-1), (dv * dv).sum(-1)
            a, b = (du * towards).sum(-1), (dv * towards).sum(-1)
            step = np.stack([vv * a - uv * b, uu * b - uv * a], -1)
            step[:, 0] *= free
            size = np.linalg.norm(step[:, :1] * du + step[:, 1:] * dv, axis=-1) + 1e-20
            step *= (length / size)[:, None]
            found.append(np.clip(px + step, 0, [WIDTH - 1, HEIGHT - 1]))
        return np.stack(found)
