"""Where the Gaussians start: on the subject's surface, and on what additive categories bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import Binding, append_anchors
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OPACITY, PROPERTIES
from perse_engine.head.rig import Rig
from perse_engine.head.sampling import sample
from perse_engine.head.subject import PARTS, Subject
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import AddedSurface

Array = npt.NDArray[Any]

RELATIVE_SPACING = {
    "torso": 1.2, "mouth": 0.55, "face": 0.72, "scalp": 1.25, "ears": 0.8, "eyes": 0.42, "irises": 0.33, "added": 1.0,
}  # fmt: skip
"""Distance between Gaussians relative to the average: dense where people look (research/avatar.md section 2)."""
TANGENT_SIGMA, NORMAL_SIGMA = 0.75, 0.12
"""Standard deviations of a flat disc in units of the spacing; wide enough to close the surface by themselves, since the
rasteriser's blur brings no weight (docs/experiments.md, Close-ups)."""
ADDED_SIGMA = 0.4
"""The same along the surface of what is added: few pictures show it, and rims that begin soft stay soft."""
MIN_ALPHA = 0.3
THINNINGS = 12
AXIS_Z_M = -0.08
"""Of the vertical axis through the middle of the head."""
BACK_DEG, BACK_SPACING = 118.0, 2.0
"""From the front, about that axis; seen at a grazing angle only within the limits of pose."""
ANCHOR_CELL_M = 0.02
ANCHOR_EDGE_M = 0.01


@dataclass(frozen=True)
class Placed:
    """Gaussians before training: binding, base [N, 14], block [N] (index into PARTS), owner [N]: the additive
    category's index in `owners`, or -1; variant [N]: which of its variants an owned one was sampled from, or -1; travel
    [N, 3] metres: how far an owned one comes from weight 0, where its base lies, to weight 1."""

    binding: Binding
    base: FloatArray
    block: npt.NDArray[np.uint8]
    owner: npt.NDArray[np.int16]
    variant: npt.NDArray[np.int16]
    travel: FloatArray
    owners: tuple[str, ...]

    def take(self, index: Array) -> Placed:
        """Keep some."""
        b = self.binding
        binding = Binding(b.rig, b.triangles[index], b.bary[index], b.rest_area[index])
        return Placed(
            binding, self.base[index], self.block[index], self.owner[index], self.variant[index],
            self.travel[index], self.owners,
        )  # fmt: skip


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
    base = _discs(spacing[face], rgba[:, :3], np.clip(rgba[:, 3], 0.05, 0.95))
    count = len(face)
    none = np.full(count, -1, np.int16)
    return Placed(
        _bound(look.rig, triangles, bary),
        base,
        look.face_part[face],
        none,
        none.copy(),
        np.zeros((count, 3), np.float32),
        (),
    )


def add_surfaces(placed: Placed, surfaces: Mapping[str, AddedSurface], counts: Mapping[str, int]) -> Placed:
    """Append Gaussians that additive categories own; opacity 0 in the base, so the source look is without them."""
    rig = placed.binding.rig
    parts = [placed]
    owners = tuple(surfaces)
    for number, (category, surface) in enumerate(surfaces.items()):
        thin = _thinned(surface, counts[category])
        anchors, weights, triangle, local = _anchors(thin, len(rig.vertices))
        rig = append_anchors(rig, anchors, weights)
        relative = _relative(thin.points)
        wanted = (1 / _relative(surface.points) ** 2).sum()
        spacing = thin.spacing_m * relative * np.sqrt(wanted / max(len(thin.points), 1))
        base = _discs(spacing, thin.colours, np.zeros(len(thin.points)), ADDED_SIGMA)
        base[:, :3] = local - thin.travel
        base[:, 3:7] = _towards(thin.normals)
        bary = np.tile(np.array([[1.0, 0, 0]], np.float32), (len(base), 1))
        parts.append(
            Placed(
                _bound(rig, triangle, bary),
                base,
                np.full(len(base), PARTS.index("added"), np.uint8),
                np.full(len(base), number, np.int16),
                thin.variant.astype(np.int16),
                thin.travel,
                owners,
            )
        )
    binding = Binding(
        rig,
        np.vstack([p.binding.triangles for p in parts]),
        np.vstack([p.binding.bary for p in parts]),
        np.concatenate([p.binding.rest_area for p in parts]),
    )
    return Placed(
        binding,
        np.vstack([p.base for p in parts]),
        np.concatenate([p.block for p in parts]),
        np.concatenate([p.owner for p in parts]),
        np.concatenate([p.variant for p in parts]),
        np.concatenate([p.travel for p in parts]),
        owners,
    )


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


def _discs(spacing: Array, colours: Array, opacity: Array, sigma: float = TANGENT_SIGMA) -> FloatArray:
    base = np.zeros((len(spacing), PROPERTIES), np.float32)
    base[:, 3] = 1
    base[:, LOG_SCALE.start : LOG_SCALE.start + 2] = np.log(sigma * spacing)[:, None]
    base[:, LOG_SCALE.stop - 1] = np.log(NORMAL_SIGMA * spacing)
    base[:, OPACITY] = opacity
    base[:, COLOUR] = colours
    return base


def _bound(rig: Rig, triangles: Array, bary: FloatArray) -> Binding:
    p = rig.vertices[triangles]
    twice = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1)
    return Binding(
        rig, np.ascontiguousarray(triangles, np.int32), np.ascontiguousarray(bary, np.float32), twice.astype(np.float32)
    )


def _thinned(surface: AddedSurface, count: int) -> AddedSurface:
    if len(surface.points) <= count:
        return surface
    return surface.take(_even(surface, count))


def _even(surface: AddedSurface, count: int) -> Array:
    """Indices of at most `count` points: one per voxel and variant, the one nearest the voxel's middle."""
    low, high = 0.0, 0.1
    keep = np.linspace(0, len(surface.points) - 1, count).astype(np.int64)
    relative = _relative(surface.points)[:, None]
    for _ in range(THINNINGS):
        size = (low + high) / 2
        scaled = surface.points.astype(np.float64) / (size * relative)
        cell = np.floor(scaled).astype(np.int64)
        distance = ((scaled - cell - 0.5) ** 2).sum(1)
        order = np.lexsort((distance, cell[:, 2], cell[:, 1], cell[:, 0], surface.variant, relative[:, 0]))
        keys = np.column_stack([cell, surface.variant, relative[:, 0] > 1])[order]
        chosen = order[np.r_[True, (np.diff(keys, axis=0) != 0).any(1)]]
        if len(chosen) > count:
            low = size
        else:
            high, keep = size, np.sort(chosen)
    return keep


def _relative(points: Array) -> Array:
    """Spacing of owned Gaussians at points [P, 3] relative to the front's, [P]: few look at the back of a head."""
    from_front = np.abs(np.arctan2(points[:, 0], points[:, 2] - AXIS_Z_M))
    return np.where(from_front > np.radians(BACK_DEG), BACK_SPACING, 1.0)


def _anchors(surface: AddedSurface, first_vertex: int) -> tuple[FloatArray, FloatArray, Array, FloatArray]:
    """A small axis-aligned triangle per cluster of points: vertices, weights, triangle of each point, local offset.

    Blended weights bend space, so their clusters are cells of 2 cm; a rigid surface needs one anchor.
    """
    is_rigid = bool((surface.bone_weights.max(1) > 0.999).all())
    cells = np.zeros((len(surface.points), 3), np.int64)
    if not is_rigid:
        cells = np.floor(surface.points / ANCHOR_CELL_M).astype(np.int64)
    _, cluster = np.unique(cells, axis=0, return_inverse=True)
    cluster = cluster.ravel()
    number = int(cluster.max()) + 1
    size = np.bincount(cluster, minlength=number)[:, None]
    centre = np.stack([np.bincount(cluster, surface.points[:, k], number) for k in range(3)], 1) / size
    weights = np.stack([np.bincount(cluster, surface.bone_weights[:, k], number) for k in range(4)], 1) / size
    corner = np.array([[0, 0, 0], [ANCHOR_EDGE_M, 0, 0], [0, ANCHOR_EDGE_M, 0]])
    vertices = (centre[:, None] + corner[None]).reshape(-1, 3)
    triangle = first_vertex + 3 * cluster[:, None] + np.arange(3)[None]
    # The anchor's frame has the world's axes at rest.
    local = surface.points - centre[cluster]
    return vertices.astype(np.float32), np.repeat(weights, 3, 0).astype(np.float32), triangle, local.astype(np.float32)


def _towards(normals: FloatArray) -> FloatArray:
    """Quaternions wxyz that turn +z to the normals, [P, 4]."""
    n = normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)
    flip = n[:, 2] < 0
    n = np.where(flip[:, None], -n, n)
    quat = np.stack([1 + n[:, 2], -n[:, 1], n[:, 0], np.zeros(len(n))], 1)
    return np.asarray(quat / np.linalg.norm(quat, axis=1, keepdims=True), np.float32)
