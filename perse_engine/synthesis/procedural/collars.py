"""Rims and collars: of T-shirts, turtlenecks and shirts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import ribs
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.sheets import TEXELS
from perse_engine.synthesis.procedural.solids import lit_sphere, part

Array = npt.NDArray[Any]

ROLL = np.array([(0.2, 0), (0.03, 3.5), (-0.02, 6), (0.05, 9), (0.3, 10.5), (0.8, 10), (0.97, 8.5), (1, 6), (1, 1)])
FOLD = np.array([(0.1, 1.0), (-0.25, 3.0), (-0.36, 5.5), (-0.25, 8.2), (0.2, 8.8), (0.6, 7.8), (1.0, 5.8), (1.0, 2.0)])
"""How far down, in shares of a collar's height, and how far off the body, mm."""


def ribbed_collar(cut: Cut) -> list[AddedPart]:
    """The knitted rim of a crew or V neck."""
    profile = np.linspace(0, np.pi, 9)
    down = -0.0015 + 0.016 * (1 - np.cos(profile)) / 2
    lift = 0.0025 + 0.0026 * np.sin(profile) ** 0.7
    lift[0] = -0.001
    columns = np.linspace(0.0, 1.0, 145)
    rgb = cut.plain() * ribs(170, TEXELS)[..., None] * 0.94
    seam = 1 - 0.35 * smoothstep(np.linspace(0, 1, TEXELS[0]), 0.90, 0.99)[:, None]
    return [cut.tailor.sheet(cut.line.band(columns, down[:, None]), lift[:, None] + 0 * columns, rgb, shade=seam)]


def roll_neck(cut: Cut) -> list[AddedPart]:
    """A tube around the neck, folded over."""
    columns = np.linspace(0.0, 1.0, 145)
    turn = cut.tailor.torso.turn_at(cut.line.band(columns, np.zeros((1, 1)))[0, :, 0])
    down = ROLL[:, :1] * (0.034 + 0.003 * np.cos(3 * turn)[None])
    lift = ROLL[:, 1:] / 1000 + 0.0006 * np.sin(9 * turn)[None] + 0 * down
    rgb = cut.plain() * ribs(150, TEXELS, 0.22)[..., None]
    edge = np.linspace(0, 1, TEXELS[0])[:, None]
    shade = 1 - 0.30 * smoothstep(edge, 0.82, 0.98) - 0.25 * smoothstep(edge, 0.25, 0.05)
    return [cut.tailor.sheet(cut.line.band(columns, down), lift, rgb, shade=shade)]


def shirt_collar(cut: Cut, tone: Array | None = None, *, is_under: bool = False) -> list[AddedPart]:
    """A turned-down collar with two points; under a jacket it is thinner and hides at the sides."""
    thin, sides, back = (0.55, 0.004, 0.39) if is_under else (1.0, 0.018, 0.0)
    parts = []
    for sign in (-1.0, 1.0):
        share = np.linspace(0.5 - back, 0.006, 81)
        fall = sides + (0.044 - sides) * smoothstep(share, 0.16 if is_under else 0.24, 0.0)
        down = np.where(FOLD[:, :1] < 0, FOLD[:, :1] * 0.030, FOLD[:, :1] * fall)
        # From the middle the edges go down and apart, to the points.
        spread = 0.055 * smoothstep(share, 0.10, 0.0) * np.clip(FOLD[:, :1], 0, 1)
        places = cut.line.band(0.5 + sign * (share + spread), down)
        rgb = cut.plain(tone) if tone is not None else cut.patterned(0.06, 0.20)
        edge = np.linspace(0, 1, TEXELS[0])[:, None]
        shade = 1 - 0.42 * smoothstep(edge, 0.30, 0.05) - 0.12 * np.exp(-(((edge - 0.80) / 0.012) ** 2))
        parts.append(cut.tailor.sheet(places, thin * FOLD[:, 1:] / 1000 + 0 * down, rgb, shade=shade))
    return parts


def placket(cut: Cut) -> list[AddedPart]:
    """The buttoned strip down the front of a shirt."""
    torso = cut.tailor.torso
    top = cut.front()
    y = np.linspace(top - 0.004, top - 0.14, 24)
    x = np.full(24, torso.axis_x)
    places = cut.tailor.strip(np.stack([x, y], -1), np.full(24, 0.015), 5)
    lift = np.array([0.0028, 0.0044, 0.0044, 0.0044, 0.0028])[:, None] + np.zeros((1, 24))
    side = np.abs(np.linspace(-1, 1, TEXELS[0]))[:, None]
    shade = 1 - 0.22 * np.exp(-(((side - 0.72) / 0.05) ** 2)) - 0.3 * smoothstep(side, 0.9, 1.0)
    strip = cut.tailor.sheet(places, lift, cut.patterned(0.03, 0.14), shade=shade)
    return [strip, *(_button(cut, np.array([torso.axis_x, top - d])) for d in (0.012, 0.052, 0.092))]


def _button(cut: Cut, xy: Array) -> AddedPart:
    turn = np.linspace(0, 2 * np.pi, 17)[:-1]
    ring = np.vstack([xy, xy + 0.0052 * np.stack([np.cos(turn), np.sin(turn)], -1)])
    points = cut.on_front(ring, 0.0062)
    points[0, 2] += 0.0006 * cut.tailor.weight
    faces = np.array([(0, 1 + i, 1 + (i + 1) % 16) for i in range(16)], np.int32)
    return part((points, faces), lit_sphere((0.80, 0.78, 0.72), "plastic"), "cloth", bone="torso")
