"""A hood that hangs behind the neck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import WHITE
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.solids import lit_sphere, part, tube

Array = npt.NDArray[Any]


def hood(cut: Cut) -> list[AddedPart]:
    """A hood that hangs behind the neck: rolls of cloth around it, and two strings."""
    tailor, torso = cut.tailor, cut.tailor.torso
    parts = []
    for size, out, drop, dark in ((1.0, 0.006, 0.010, 1.0), (0.66, -0.004, -0.006, 0.80)):
        columns = np.linspace(0.0, 1.0, 121)
        places = cut.line.band(columns, np.full((1, 1), drop))[0]
        base, away = torso.at(places, torso.points), torso.at(places, torso.normals)
        turn = torso.turn_at(cut.line.band(columns, np.zeros((1, 1)))[0, :, 0])
        radius = size * (0.0085 + 0.0085 * smoothstep(np.abs(turn), 0.3, 1.9))
        radius *= 1 + 0.06 * np.sin(7 * turn + 3 * size)
        path = base + (out + 0.35 * radius)[:, None] * away
        grown = base + tailor.weight * (path - base)
        roll = tube(np.asarray(grown, np.float64), tailor.weight * radius, columns=18)
        piece = part(roll, lit_sphere(dark * cut.tone, "cloth"), "cloth")
        near = np.clip(np.repeat(np.arange(-1, len(columns) + 1), 18), 0, len(columns) - 1)
        parts.append(replace(piece, bone_weights=torso.at(places, torso.weights)[near]))
    return [*parts, *(_string(cut, sign) for sign in (-1.0, 1.0))]


def _string(cut: Cut, sign: float) -> AddedPart:
    torso, top = cut.tailor.torso, cut.front()
    s = np.linspace(0, 1, 24)
    x = torso.axis_x + sign * (0.020 + 0.006 * s + 0.002 * np.sin(5 * s))
    path = cut.on_front(np.stack([x, top - 0.014 - 0.095 * s], -1), 0.0085)
    thick = 0.0017 * (1 + 0.5 * smoothstep(s, 0.90, 0.92))
    cord = tube(path, cut.tailor.weight * thick, columns=8)
    return part(cord, lit_sphere(WHITE, "cloth"), "cloth", bone="torso")
