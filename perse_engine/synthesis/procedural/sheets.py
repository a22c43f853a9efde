"""Pieces of cloth that lie on the torso: collars, lapels, a tie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import grid_faces, resample_grid, sample
from perse_engine.head.scalp import vertex_normals
from perse_engine.synthesis.procedural.fabric import light, weave
from perse_engine.synthesis.procedural.outfit import AddedPart, from_lab, to_lab
from perse_engine.synthesis.procedural.torso_chart import Torso
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

TEXELS = (96, 384)
BURIED_M = 0.0008
"""At weight 0 a piece lies this far under the cloth."""


@dataclass(frozen=True)
class Dye:
    """What a garment makes of a sheet: how much of it is worn, what its cloth shows [H, W, 3] on the torso's chart, and
    the sheet's own colours [*TEXELS, 3]."""

    weight: float
    cloth: Array
    rgb: Array


@dataclass(frozen=True)
class Tailor:
    """What every piece needs: the torso, what its chart shows as cloth now [H, W, 3], the metres [H, W] that cloth adds
    to it when it is worn wholly, and how far it is worn."""

    torso: Torso
    cloth: Array
    thick: Array
    weight: float

    def sheet(self, places: Array, lift: Array, dyes: Sequence[Dye]) -> AddedPart:
        """A grid of chart px [n, m, 2], `lift` [n, m] metres above the cloth; its colour is as far from the cloth's as
        the garments' sheets are from theirs, by weight."""
        torso, worn = self.torso, sum(dye.weight for dye in dyes)
        base, out = torso.at(places, torso.points), torso.at(places, torso.normals)
        out /= np.linalg.norm(out, axis=-1, keepdims=True)
        thick = sample(self.thick, places)
        whole = base + (lift + thick)[..., None] * out
        vertices = base + (self.weight * thick + worn * (lift + BURIED_M) - BURIED_M)[..., None] * out
        n, m = lift.shape
        faces = grid_faces(n, m)
        normals = vertex_normals(whole.reshape(-1, 3), faces).reshape(n, m, 3)
        normals *= np.sign((normals * out).sum(-1, keepdims=True) + 1e-9)
        height, width = TEXELS
        lit = resample_grid(light(normals)[..., None], height, width) * weave(TEXELS, 0.015)[..., None]
        at = resample_grid(places, height, width)
        lab = to_lab(sample(self.cloth, at))
        for dye in dyes:
            lab = lab + dye.weight * (to_lab(dye.rgb * lit) - to_lab(sample(dye.cloth, at)))
        texture = np.dstack([from_lab(lab), np.ones(TEXELS)]).astype(np.float32)
        v, u = np.meshgrid(np.linspace(0.5, height - 0.5, n), np.linspace(0.5, width - 0.5, m), indexing="ij")
        weights = torso.at(places, torso.weights).reshape(n * m, -1)
        uv = np.stack([u, v], -1).reshape(-1, 2)
        return AddedPart(vertices.reshape(-1, 3), faces, uv, texture, REGION_LABELS["cloth"], weights)

    def strip(self, middle: Array, half: Array, across: int) -> Array:
        """Chart px [across, P, 2] of a strip on the front: middle [P, 2] metres x and y, half width [P], upright."""
        side = np.linspace(-1, 1, across)[:, None]
        x = middle[None, :, 0] + side * half[None]
        return self.torso.front_place(np.stack([x, np.broadcast_to(middle[None, :, 1], x.shape)], -1))
