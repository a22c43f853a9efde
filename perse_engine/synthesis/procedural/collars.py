"""Collars: of T-shirts, turtlenecks, shirts and hoodies; and a shirt's buttons.

Every collar is the same grid laid along the neckline in two halves, so one turns into another point by point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import WHITE, ribs
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.sheets import TEXELS, Dye
from perse_engine.synthesis.procedural.solids import lit_sphere, part

Array = npt.NDArray[Any]

COLUMNS = 81
ROLL = np.array([(0.2, 0), (0.03, 3.5), (-0.02, 6), (0.05, 9), (0.3, 10.5), (0.8, 10), (0.97, 8.5), (1, 6), (1, 1)])
FOLD = np.array([
    (0.1, 1.0), (-0.25, 3.0), (-0.36, 5.5), (-0.25, 8.2), (0.0, 8.7), (0.2, 8.8), (0.6, 7.8), (1.0, 5.8), (1.0, 2.0)
])  # fmt: skip
"""How far down, in shares of a collar's height, and how far off the body, mm."""


@dataclass(frozen=True)
class Collar:
    """Half of a collar: at which share of the neckline from the middle of the front (0) to that of the back (0.5), how
    far down and how far off the cloth (metres) its points lie [9, COLUMNS]; its dye."""

    share: Array
    down: Array
    lift: Array
    dye: Dye


Half = Callable[[Cut, float], Collar]
"""Makes the half on one side of the neck: -1 the right one."""


def collar(cuts: list[tuple[Cut, Half]]) -> list[AddedPart]:
    """Both halves of the collar that lies between those of several garments, which share tailor and neckline."""
    first, _ = cuts[0]
    whole = sum(cut.weight for cut, _ in cuts)
    parts = []
    for sign in (-1.0, 1.0):
        halves = [(cut.weight / whole, make(cut, sign)) for cut, make in cuts]
        share, down, lift = (
            np.asarray(sum(w * getattr(half, name) for w, half in halves)) for name in ("share", "down", "lift")
        )
        # It comes out of the neckline.
        places = first.line.band(0.5 + sign * share, whole * down)
        parts.append(first.tailor.sheet(places, lift, [half.dye for _, half in halves]))
    return parts


def ribbed(cut: Cut, sign: float) -> Collar:
    """The knitted rim of a crew or V neck."""
    profile = np.linspace(0, np.pi, 9)
    down = -0.0015 + 0.016 * (1 - np.cos(profile)) / 2
    lift = 0.0025 + 0.0026 * np.sin(profile) ** 0.7
    lift[0] = -0.001
    rgb = cut.plain() * ribs(85, TEXELS)[..., None] * 0.94
    seam = 1 - 0.35 * smoothstep(np.linspace(0, 1, TEXELS[0]), 0.90, 0.99)[:, None]
    return _all_around(down[:, None], lift[:, None], cut.dye(rgb, seam))


def rolled(cut: Cut, sign: float) -> Collar:
    """A tube around the neck, folded over."""
    turn = _turn(cut, sign)
    down = ROLL[:, :1] * (0.034 + 0.003 * np.cos(3 * turn)[None])
    lift = ROLL[:, 1:] / 1000 + 0.0006 * np.sin(9 * turn)[None]
    rgb = cut.plain() * ribs(75, TEXELS, 0.22)[..., None]
    edge = np.linspace(0, 1, TEXELS[0])[:, None]
    shade = 1 - 0.30 * smoothstep(edge, 0.82, 0.98) - 0.25 * smoothstep(edge, 0.25, 0.05)
    return _all_around(down, lift, cut.dye(rgb, shade))


def hooded(cut: Cut, sign: float) -> Collar:
    """The outer roll of a hood that hangs behind the neck."""
    turn = _turn(cut, sign)
    radius = 0.0085 + 0.0085 * smoothstep(np.abs(turn), 0.3, 1.9)
    radius = radius * (1 + 0.06 * np.sin(7 * turn + 3))
    around = np.radians(np.linspace(-105, 120, 9))[:, None]
    down = 0.010 + radius * np.sin(around)
    lift = 0.006 + radius * (0.35 + np.cos(around))
    lift[[0, -1]] = 0.0
    # Up to under the inner roll.
    down[0] = -0.004
    edge = np.linspace(0, 1, TEXELS[0])[:, None]
    return _all_around(down, lift, cut.dye(cut.plain(), 1 - 0.25 * smoothstep(edge, 0.86, 1.0)))


def turned_down(cut: Cut, sign: float) -> Collar:
    """A shirt's collar with two points."""
    return _folded(cut, cut.patterned(0.06, 0.20), thin=1.0, sides=0.018, begins=0.006, opens=0.24, points=0.044)


def under_jacket(cut: Cut, sign: float) -> Collar:
    """A white shirt's collar, thinner; round the neck it stands out of the jacket's a little."""
    return _folded(cut, cut.plain(WHITE), thin=0.55, sides=0.004, begins=0.0, opens=0.16, points=0.034)


def _folded(cut: Cut, rgb: Array, *, thin: float, sides: float, begins: float, opens: float, points: float) -> Collar:
    share = np.linspace(begins, 0.5, COLUMNS)
    fall = sides + (points - sides) * smoothstep(share, opens, 0.0)
    down = np.where(FOLD[:, :1] < 0, FOLD[:, :1] * 0.030, FOLD[:, :1] * fall)
    # From the middle the edges go down and apart, to the points.
    spread = 1.25 * points * smoothstep(share, 0.10, 0.0) * np.clip(FOLD[:, :1], 0, 1)
    edge = np.linspace(0, 1, TEXELS[0])[:, None]
    shade = 1 - 0.42 * smoothstep(edge, 0.30, 0.05) - 0.12 * np.exp(-(((edge - 0.80) / 0.012) ** 2))
    return Collar(share + spread, down, thin * FOLD[:, 1:] / 1000 + 0 * down, cut.dye(rgb, shade))


def _all_around(down: Array, lift: Array, dye: Dye) -> Collar:
    share, down, lift = np.broadcast_arrays(np.linspace(0, 0.5, COLUMNS), down, lift)
    return Collar(share, down, lift, dye)


def _turn(cut: Cut, sign: float) -> Array:
    """Directions of a half's columns, radians."""
    share = 0.5 + sign * np.linspace(0, 0.5, COLUMNS)
    return cut.tailor.torso.turn_at(cut.line.band(share, np.zeros((1, 1)))[0, :, 0])


def placket(cut: Cut) -> list[AddedPart]:
    """The buttoned strip down the front of a shirt."""
    torso = cut.tailor.torso
    top = cut.front()
    y = np.linspace(top - 0.004, cut.down_to(top - 0.14), 24)
    x = np.full(24, torso.axis_x)
    places = cut.tailor.strip(np.stack([x, y], -1), np.full(24, 0.015), 5)
    lift = np.array([0.0028, 0.0044, 0.0044, 0.0044, 0.0028])[:, None] + np.zeros((1, 24))
    side = np.abs(np.linspace(-1, 1, TEXELS[0]))[:, None]
    shade = 1 - 0.22 * np.exp(-(((side - 0.72) / 0.05) ** 2)) - 0.3 * smoothstep(side, 0.9, 1.0)
    strip = cut.sheet(places, lift, cut.patterned(0.03, 0.14), shade)
    return [strip, *(_button(cut, np.array([torso.axis_x, top - d])) for d in (0.012, 0.052, 0.092))]


def _button(cut: Cut, xy: Array) -> AddedPart:
    turn = np.linspace(0, 2 * np.pi, 17)[:-1]
    radius = 0.0052 * cut.weight**0.5
    ring = np.vstack([xy, xy + radius * np.stack([np.cos(turn), np.sin(turn)], -1)])
    points = cut.on_front(ring, 0.0062)
    points[0, 2] += 0.0006 * cut.weight
    faces = np.array([(0, 1 + i, 1 + (i + 1) % 16) for i in range(16)], np.int32)
    return part((points, faces), lit_sphere((0.80, 0.78, 0.72), "plastic"), "cloth", bone="torso")
