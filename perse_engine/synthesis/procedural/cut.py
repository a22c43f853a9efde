"""A garment in the making: what its pieces share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample
from perse_engine.synthesis.procedural.fabric import patterned
from perse_engine.synthesis.procedural.neckline import POINTS, Neckline
from perse_engine.synthesis.procedural.sheets import TEXELS, Tailor

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Cut:
    """A tailor, the colour and pattern of the cloth, and where it begins."""

    tailor: Tailor
    tone: Array
    pattern: str
    line: Neckline

    def plain(self, tone: Array | None = None) -> Array:
        """One colour for a sheet."""
        return np.broadcast_to(self.tone if tone is None else tone, (*TEXELS, 3))

    def patterned(self, across: float, along: float) -> Array:
        """The pattern for a sheet of this size, metres."""
        v, u = np.meshgrid(np.linspace(0, across, TEXELS[0]), np.linspace(0, along, TEXELS[1]), indexing="ij")
        return patterned(self.pattern, self.tone, v, u)

    def front(self) -> float:
        """Height of the neckline in front."""
        torso = self.tailor.torso
        return float(torso.at(self.line.points[POINTS // 2][None], torso.points)[0, 1])

    def on_front(self, xy: Array, above: float) -> Array:
        """Points [N, 3] above the cloth at x, y [N, 2] of the front; at weight 0 a little below it."""
        torso = self.tailor.torso
        places = torso.front_place(xy)
        base, out = torso.at(places, torso.points), torso.at(places, torso.normals)
        lift = above + sample(self.tailor.thick, places)[:, None]
        return np.asarray(base + (self.tailor.weight * (lift + 0.001) - 0.001) * out, np.float64)
