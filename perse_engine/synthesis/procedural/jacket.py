"""A suit's jacket and its tie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import patterned
from perse_engine.synthesis.procedural.lapels import lapels, opening
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.sheets import TEXELS

Array = npt.NDArray[Any]

TIE = np.array([0.42, 0.05, 0.09])


def jacket(cut: Cut) -> list[AddedPart]:
    """Tie, and the jacket's collar with its lapels."""
    return [*_tie(cut), *lapels(cut)]


def _tie(cut: Cut) -> list[AddedPart]:
    torso = cut.tailor.torso
    top = cut.front() - 0.001
    blade_y = np.linspace(top - 0.022, cut.down_to(top - 0.20), 40)
    knot_y = np.linspace(top + 0.006, top - 0.027, 16)
    under_lapels = opening(torso, blade_y) + 0.004
    parts = []
    edge = np.linspace(-1, 1, TEXELS[0])[:, None]
    run = np.linspace(0, 1, TEXELS[1])[None]
    for y, half, thick in (
        (blade_y, np.minimum(np.linspace(0.0105, 0.036, 40), under_lapels), 0.0075),
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
