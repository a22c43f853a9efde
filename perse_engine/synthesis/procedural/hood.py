"""What a hoodie has beside its collar: the hood's inner roll and two strings."""

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

AROUND, DARKER = 18, 0.80
OUT_M, DOWN_M = -0.004, -0.006
"""How far off the body its middle lies, beside a share of its radius, and how far below the neckline."""


def hood(cut: Cut) -> list[AddedPart]:
    """They grow out of the neckline."""
    return [_inner_roll(cut), *(_string(cut, sign) for sign in (-1.0, 1.0))]


def _inner_roll(cut: Cut) -> AddedPart:
    torso = cut.tailor.torso
    columns = np.linspace(0.0, 1.0, 121)
    places = cut.line.band(columns, np.full((1, 1), DOWN_M))[0]
    base, away = torso.at(places, torso.points), torso.at(places, torso.normals)
    turn = torso.turn_at(cut.line.band(columns, np.zeros((1, 1)))[0, :, 0])
    radius = 0.66 * (0.0085 + 0.0085 * smoothstep(np.abs(turn), 0.3, 1.9)) * (1 + 0.06 * np.sin(7 * turn + 2))
    path = base + cut.weight * (OUT_M + 0.35 * radius)[:, None] * away
    roll = tube(np.asarray(path, np.float64), cut.weight * radius, columns=AROUND)
    piece = part(roll, lit_sphere(DARKER * cut.tone, "cloth"), "cloth")
    near = np.clip(np.repeat(np.arange(-1, len(columns) + 1), AROUND), 0, len(columns) - 1)
    return replace(piece, bone_weights=torso.at(places, torso.weights)[near])


def _string(cut: Cut, sign: float) -> AddedPart:
    torso, top = cut.tailor.torso, cut.front()
    s = np.linspace(0, 1, 24)
    x = torso.axis_x + sign * (0.020 + 0.006 * s + 0.002 * np.sin(5 * s))
    path = cut.on_front(np.stack([x, top - 0.014 - 0.095 * s], -1), 0.0085)
    thick = 0.0017 * (1 + 0.5 * smoothstep(s, 0.90, 0.92))
    cord = tube(path, cut.weight * thick, columns=8)
    return part(cord, lit_sphere(WHITE, "cloth"), "cloth", bone="torso")
