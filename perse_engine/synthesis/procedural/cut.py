"""A garment in the making: what its pieces share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.synthesis.procedural.fabric import patterned
from perse_engine.synthesis.procedural.neckline import POINTS, Neckline
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.procedural.sheets import TEXELS, Dye, Tailor

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Cut:
    """A tailor, the colour and pattern of the cloth, where it begins, how much of it is worn, what it shows on the
    torso's chart [H, W, 3], and how far collars of other garments stand off the cloth, metres."""

    tailor: Tailor
    tone: Array
    pattern: str
    line: Neckline
    weight: float
    cloth: Array
    others_m: float = 0.0

    def plain(self, tone: Array | None = None) -> Array:
        """One colour for a sheet."""
        return np.broadcast_to(self.tone if tone is None else tone, (*TEXELS, 3))

    def patterned(self, across: float, along: float) -> Array:
        """The pattern for a sheet of this size, metres."""
        v, u = np.meshgrid(np.linspace(0, across, TEXELS[0]), np.linspace(0, along, TEXELS[1]), indexing="ij")
        return patterned(self.pattern, self.tone, v, u)

    def sheet(self, places: Array, lift: Array, rgb: Array, shade: Array | float = 1.0) -> AddedPart:
        """A piece that only this garment has; see `Tailor.sheet`."""
        return self.tailor.sheet(places, lift + self._over_collars() / max(self.weight, 1e-6), [self.dye(rgb, shade)])

    def _over_collars(self) -> float:
        """Metres that its pieces lie higher because of others' collars, once enough of what is worn is this garment."""
        return self.others_m * float(smoothstep(self.weight / self.tailor.weight, 0.15, 0.4))

    def dye(self, rgb: Array, shade: Array | float = 1.0) -> Dye:
        """Colours [*TEXELS, 3] of a piece of this garment, and the shade on them."""
        return Dye(self.weight, self.cloth, rgb * np.broadcast_to(shade, TEXELS)[..., None])

    def front(self) -> float:
        """Height of the neckline in front."""
        torso = self.tailor.torso
        return float(torso.at(self.line.points[POINTS // 2][None], torso.points)[0, 1])

    def down_to(self, height: float) -> float:
        """This height, or where the torso ends in front."""
        points = self.tailor.torso.points
        return max(height, float(points[-1, points.shape[1] // 2, 1]) + 0.004)

    def on_front(self, xy: Array, above: float) -> Array:
        """Points [N, 3] above the cloth at x, y [N, 2] of the front; at weight 0 a little below it."""
        torso = self.tailor.torso
        places = torso.front_place(xy)
        base, out = torso.at(places, torso.points), torso.at(places, torso.normals)
        thick = sample(self.tailor.thick, places)[:, None]
        lift = self.tailor.weight * thick + self.weight * (above + 0.001) - 0.001
        return np.asarray(base + lift * out, np.float64)
