"""A suit's jacket and its tie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import patterned
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.sheets import TEXELS
from perse_engine.synthesis.procedural.torso_chart import Torso

Array = npt.NDArray[Any]

TIE = np.array([0.42, 0.05, 0.09])
COLLAR = np.array([(-4, 2), (-6, 8), (-2, 10.5), (10, 10), (22, 8.5), (27, 5.5), (27, 2)]) / 1000
"""How far down and how far off the body, metres."""


def jacket(cut: Cut) -> list[AddedPart]:
    """Tie, and the jacket's collar with its lapels."""
    return [*_tie(cut), *_lapels(cut)]


def opening(torso: Torso, y: Array) -> Array:
    """Half of the width (metres) that a jacket leaves open at a height."""
    top, button = min(torso.sides), torso.chin - 1.25 * torso.face
    return np.asarray(0.92 * torso.neck * np.clip((y - button) / (top - button), 0.03, 1.0))


def _lapels(cut: Cut) -> list[AddedPart]:
    torso, parts = cut.tailor.torso, []
    for sign, top in zip((-1.0, 1.0), torso.sides, strict=True):
        y = np.linspace(top + 0.002, cut.down_to(torso.chin - 1.2 * torso.face), 72)
        inner = opening(torso, y)
        s = np.linspace(0, 1, 72)
        # Collar, notch, lapel.
        wide = 0.030 + 0.020 * s / 0.25
        lapel = 0.066 * (1 - smoothstep(s, 0.30, 1.0)) + 0.006
        notch = smoothstep(s, 0.245, 0.262)
        wide = np.where(s < 0.25, np.minimum(wide, 0.05), lapel * (0.35 + 0.65 * notch))
        across = np.linspace(0, 1, 9)[:, None]
        x = torso.axis_x + sign * (inner[None] - 0.003 + across * wide[None])
        # The outer edge points upwards.
        yy = y[None] + 0.016 * across * np.where(s < 0.25, -0.4, notch)[None]
        places = torso.front_place(np.stack([x, yy], -1))
        roll = np.array([0.001, 0.0075, 0.0090, 0.0088, 0.0080, 0.0072, 0.0066, 0.0060, 0.0025])
        lift = roll[:, None] + 0 * s
        edge = np.linspace(0, 1, TEXELS[0])[:, None]
        run = np.linspace(0, 1, TEXELS[1])[None]
        shade = (
            1.06 - 0.34 * smoothstep(edge, 0.955, 1.0) - 0.5 * np.exp(-(((run - 0.25) / 0.006) ** 2)) * (edge > 0.35)
        )
        rgb = patterned(cut.pattern, cut.tone, 0.05 * edge + 0 * run, 0.15 * run + 0 * edge)
        parts.append(cut.sheet(places, lift, rgb, shade))
        columns = np.linspace(*((0.0, 0.33) if sign < 0 else (1.0, 0.67)), 41)
        band = cut.line.band(columns, COLLAR[:, :1])
        parts.append(cut.sheet(band, COLLAR[:, 1:] + 0 * columns[None], cut.plain()))
    return parts


def _tie(cut: Cut) -> list[AddedPart]:
    torso = cut.tailor.torso
    top = cut.front() - 0.001
    blade_y = np.linspace(top - 0.022, cut.down_to(top - 0.20), 40)
    knot_y = np.linspace(top + 0.004, top - 0.027, 16)
    parts = []
    edge = np.linspace(-1, 1, TEXELS[0])[:, None]
    run = np.linspace(0, 1, TEXELS[1])[None]
    for y, half, thick in (
        (blade_y, np.linspace(0.0105, 0.036, 40), 0.0075),
        (knot_y, 0.0165 - 0.0055 * np.linspace(0, 1, 16), 0.0125),
    ):
        middle = np.stack([np.full(len(y), torso.axis_x), y], -1)
        places = cut.tailor.strip(middle, half, 11)
        bulge = np.sqrt(np.clip(1 - np.linspace(-1, 1, 11) ** 2, 0, 1)) ** 0.6
        ends = np.sqrt(np.clip(1 - np.linspace(-1, 1, len(y)) ** 6, 0, 1)) if thick > 0.01 else np.ones(len(y))
        lift = 0.003 + (thick - 0.003) * bulge[:, None] * ends[None]
        length = abs(y[-1] - y[0])
        slant = run * length + 0.55 * edge * 0.02 * (1 if thick < 0.01 else -1)
        rgb = patterned("striped", TIE, 0 * slant, 1.6 * slant)
        rgb = TIE + 0.55 * (rgb - TIE)
        crease = 1 - 0.30 * np.exp(-((edge / 0.10) ** 2)) * smoothstep(run, 0.25, 0.0) * (thick < 0.01)
        parts.append(cut.sheet(places, lift, rgb, crease))
    return parts
