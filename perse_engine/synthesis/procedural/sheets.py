"""Pieces of cloth that lie on the torso: collars, lapels, a tie."""

from __future__ import annotations

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
BURIED_M = 0.0015
"""At weight 0 a piece lies this far under the skin or the garment of the photo."""


@dataclass(frozen=True)
class Tailor:
    """What every piece needs: the torso, its chart's look before the edit [H, W, 3], the metres [H, W] that cloth adds
    to it at weight 1, and the weight."""

    torso: Torso
    before: Array
    thick: Array
    weight: float

    def sheet(self, places: Array, lift: Array, rgb: Array, *, shade: Array | float = 1.0) -> AddedPart:
        """A grid of chart px [n, m, 2], `lift` [n, m] metres above the torso, coloured rgb [h, w, 3]."""
        torso = self.torso
        base, out = torso.at(places, torso.points), torso.at(places, torso.normals)
        out /= np.linalg.norm(out, axis=-1, keepdims=True)
        lift = lift + sample(self.thick, places)
        whole = base + lift[..., None] * out
        vertices = base + (self.weight * (lift + BURIED_M) - BURIED_M)[..., None] * out
        n, m = lift.shape
        faces = grid_faces(n, m)
        normals = vertex_normals(whole.reshape(-1, 3), faces).reshape(n, m, 3)
        normals *= np.sign((normals * out).sum(-1, keepdims=True) + 1e-9)
        height, width = TEXELS
        lit = resample_grid(light(normals)[..., None], height, width)[..., 0]
        goal = np.clip(rgb * (lit * weave(TEXELS, 0.015) * shade)[..., None], 0, 1)
        under = sample(self.before, resample_grid(places, height, width))
        texture = np.dstack([self.dyed(under, goal), np.ones(TEXELS)]).astype(np.float32)
        v, u = np.meshgrid(np.linspace(0.5, height - 0.5, n), np.linspace(0.5, width - 0.5, m), indexing="ij")
        weights = torso.at(places, torso.weights).reshape(n * m, -1)
        flat = vertices.reshape(-1, 3)
        return AddedPart(
            flat, _real(flat, faces), np.stack([u, v], -1).reshape(-1, 2), texture, REGION_LABELS["cloth"], weights
        )

    def dyed(self, under: Array, goal: Array) -> Array:
        """From one colour to another by the weight, through CIE Lab."""
        first, last = to_lab(under), to_lab(goal)
        return from_lab(first + (last - first) * self.weight)

    def strip(self, middle: Array, half: Array, across: int) -> Array:
        """Chart px [across, P, 2] of a strip on the front: middle [P, 2] metres x and y, half width [P], upright."""
        side = np.linspace(-1, 1, across)[:, None]
        x = middle[None, :, 0] + side * half[None]
        return self.torso.front_place(np.stack([x, np.broadcast_to(middle[None, :, 1], x.shape)], -1))


def _real(vertices: Array, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Without triangles that have no area: places beyond the torso's end fall together."""
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return faces[area > 1e-9]
