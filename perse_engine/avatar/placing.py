"""Where the Gaussians start on the subject's surface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import Binding
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OPACITY, PROPERTIES
from perse_engine.head.rig import Rig
from perse_engine.head.sampling import sample
from perse_engine.head.subject import PARTS, Subject
from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]

RELATIVE_SPACING = {
    "torso": 1.2, "mouth": 0.55, "face": 0.72, "scalp": 1.25, "ears": 0.8, "eyes": 0.42, "irises": 0.33, "added": 1.0,
    "eyeglasses": 0.42,
}  # fmt: skip
"""Distance between Gaussians relative to the average: dense where people look (research/avatar.md section 2)."""
TANGENT_SIGMA, NORMAL_SIGMA = 0.75, 0.12
"""Standard deviations of a flat disc in units of the spacing; wide enough to close the surface by themselves, since the
rasteriser's blur brings no weight (docs/experiments.md, Close-ups)."""
MIN_ALPHA = 0.3


@dataclass(frozen=True)
class Ways:
    """What variants [V] make of the n Gaussians that their category owns.

    Attributes:
        shown: [V, n] bool, whether the variant has it.
        whole: [V, n, 14] change of the properties from weight 0 to weight 1.
        portion: [V, n, 14] by how much they are other than the base's as soon as the variant is worn; the base has the
            mean of the variants that show it.
        bows: [V, 3, n, 14] by how much the properties are off that straight way at weights 1/4, 1/2 and 3/4.
        pushed: "category/id" of another category's variant -> [n, 3] m, how far that one moves them.
    """

    variants: tuple[str, ...]
    shown: npt.NDArray[np.bool_]
    whole: FloatArray
    portion: FloatArray
    bows: FloatArray
    pushed: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Placed:
    """Gaussians before training: binding, base [N, 14], block [N] (index into PARTS), owner [N]: the additive
    category's index in `owners`, or -1; ways: of each owner's Gaussians, in their order."""

    binding: Binding
    base: FloatArray
    block: npt.NDArray[np.uint8]
    owner: npt.NDArray[np.int16]
    owners: tuple[str, ...] = ()
    ways: Mapping[str, Ways] = field(default_factory=dict)

    def take(self, index: Array) -> Placed:
        """Keep some of Gaussians that nobody owns."""
        return Placed(self.binding.take(index), self.base[index], self.block[index], self.owner[index])


def place_on_subject(subject: Subject, spacing_m: float, seed: int) -> Placed:
    """About one Gaussian per voxel of the wanted spacing on every visible triangle."""
    look = subject.look
    relative = np.array([RELATIVE_SPACING[p] for p in PARTS])[look.face_part]
    spacing = relative * spacing_m
    face, bary = _voxel_points(look.rig.vertices, look.faces, spacing, np.random.default_rng(seed))
    triangles = look.faces[face]
    uv = (look.uv[triangles] * bary[..., None]).sum(1) - 0.5
    rgba = sample(look.texture, uv)
    seen = rgba[:, 3] > MIN_ALPHA
    face, bary, triangles, rgba = face[seen], bary[seen], triangles[seen], rgba[seen]
    base = discs(spacing[face], rgba[:, :3], np.clip(rgba[:, 3], 0.05, 0.95))
    return Placed(bound(look.rig, triangles, bary), base, look.face_part[face], np.full(len(face), -1, np.int16))


def _voxel_points(
    vertices: FloatArray, faces: npt.NDArray[np.int32], spacing: Array, random: np.random.Generator
) -> tuple[Array, FloatArray]:
    """One random surface point per voxel, the one nearest its middle: (face [M], bary [M, 3])."""
    p = vertices[faces].astype(np.float64)
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) / 2
    count = np.maximum(1, np.ceil(6 * area / spacing**2)).astype(int)
    face = np.repeat(np.arange(len(faces)), count)
    u = random.random((len(face), 2))
    root = np.sqrt(u[:, :1])
    bary = np.concatenate([1 - root, root * (1 - u[:, 1:]), root * u[:, 1:]], 1)
    point = (p[face] * bary[..., None]).sum(1) / spacing[face][:, None]
    cell = np.floor(point).astype(np.int64)
    distance = ((point - cell - 0.5) ** 2).sum(1)
    order = np.lexsort((distance, cell[:, 2], cell[:, 1], cell[:, 0]))
    sorted_cells = cell[order]
    first = order[np.r_[True, (np.diff(sorted_cells, axis=0) != 0).any(1)]]
    return face[first], bary[first].astype(np.float32)


def discs(spacing: Array, colours: Array, opacity: Array, sigma: float = TANGENT_SIGMA) -> FloatArray:
    """Properties [P, 14] of flat discs in their triangles' planes, so many spacings [P] wide."""
    base = np.zeros((len(spacing), PROPERTIES), np.float32)
    base[:, 3] = 1
    base[:, LOG_SCALE.start : LOG_SCALE.start + 2] = np.log(sigma * spacing)[:, None]
    base[:, LOG_SCALE.stop - 1] = np.log(NORMAL_SIGMA * spacing)
    base[:, OPACITY] = opacity
    base[:, COLOUR] = colours
    return base


def bound(rig: Rig, triangles: Array, bary: FloatArray) -> Binding:
    """A binding at rest."""
    p = rig.vertices[triangles]
    twice = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    return Binding(
        rig, np.ascontiguousarray(triangles, np.int32), np.ascontiguousarray(bary, np.float32), twice.astype(np.float32)
    )
