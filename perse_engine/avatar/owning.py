"""Where the Gaussians start that additive categories own: on what their variants bring.

A place of which several variants show a point gets one Gaussian that each variant moves and tints its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from perse_engine.avatar.avatar import Binding, append_anchors
from perse_engine.avatar.placing import Placed, Ways, bound, discs
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OFFSET, OPACITY, PROPERTIES, QUAT
from perse_engine.head.subject import PARTS
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.vocabulary import THIN_CATEGORIES

Array = npt.NDArray[Any]

START_OPACITY = 0.95
RISE = 0.05
"""Of the weight: how much of it the opacity of what appears later takes."""
LEAST_WEIGHT = 0.01
GROWING = slice(LOG_SCALE.start, LOG_SCALE.stop - 1)
"""Sizes in the surface."""
ADDED_SIGMA = 0.4
"""`placing.TANGENT_SIGMA` of what is added: few pictures show it, and rims that begin soft stay soft."""
THINNINGS = 12
AXIS_Z_M = -0.08
"""Of the vertical axis through the middle of the head."""
BACK_DEG, BACK_SPACING = 118.0, 2.0
"""From the front, about that axis; seen at a grazing angle only within the limits of pose."""
ANCHOR_CELL_M, ANCHOR_WEIGHT = 0.04, 1 / 64
"""Points of one anchor lie within a cell, and their bone weights within a step: of two points of a curtain 2 cm apart
one follows the head further than the other (docs/experiments.md, Where long hair goes)."""
ANCHOR_EDGE_M = 0.01


def add_surfaces(placed: Placed, surfaces: Mapping[str, AddedSurface], counts: Mapping[str, int]) -> Placed:
    """Append about as many Gaussians as are wanted; opacity 0 in the base, so the source look is without them."""
    parts, ways = [placed], {}
    rig = placed.binding.rig
    for number, (category, surface) in enumerate(surfaces.items()):
        places = _thinned(surface.one_each(), counts[category])
        start, ways[category] = _ways(surface, places, comes_slowly=category in THIN_CATEGORIES)
        anchors, weights, triangle, centre = _anchors(places, len(rig.vertices))
        rig = append_anchors(rig, anchors, weights)
        base = discs(_spacing(surface, places), start.colours, start.opacity, ADDED_SIGMA)
        # An anchor's frame has the world's axes at rest.
        base[:, OFFSET] = start.points - centre
        base[:, QUAT] = _turned(start.normals, places.axis)
        base[:, GROWING] += start.growth
        bary = np.tile(np.array([[1.0, 0, 0]], np.float32), (len(base), 1))
        block = np.full(len(base), PARTS.index("added"), np.uint8)
        parts.append(Placed(bound(rig, triangle, bary), base, block, np.full(len(base), number, np.int16)))
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
        tuple(surfaces),
        ways,
    )


def distinct(surface: AddedSurface) -> float:
    """How many variants there are that share no place with another one."""
    return len(surface.variants) * len(np.unique(surface.place)) / len(surface.place)


@dataclass(frozen=True)
class _Beginnings:
    """Gaussians [n] at weight 0: points [n, 3], normals, colours, opacity [n], 0 or below, growth [n, 2] of their
    sizes' logarithms since weight 1."""

    points: FloatArray
    normals: FloatArray
    colours: FloatArray
    opacity: FloatArray
    growth: FloatArray


def _ways(surface: AddedSurface, places: AddedSurface, *, comes_slowly: bool) -> tuple[_Beginnings, Ways]:
    """Where the Gaussians of chosen places begin, means over the variants that show them, and their ways; where
    variants share places and `comes_slowly`, they are opaque from the first bend on."""
    shape = (len(surface.variants), len(places.place))
    at = np.searchsorted(places.place, surface.place)
    rows = np.flatnonzero(places.place[np.minimum(at, shape[1] - 1)] == surface.place)
    where = surface.variant[rows], at[rows]

    def filled(values: Array) -> Array:
        out = np.zeros((*shape, *values.shape[1:]), values.dtype)
        out[where] = values[rows]
        return out

    has, shown = filled(np.ones(len(surface.place), bool)), filled(surface.visible)
    weights = shown[..., None] / shown.sum(0)[:, None].astype(np.float32)
    whole, portion = (np.zeros((*shape, PROPERTIES), np.float32) for _ in range(2))
    means = []
    dye = surface.dye[np.arange(len(surface.place)), surface.variant]
    sizes = np.log(surface.spacing_m[rows] / places.spacing_m[at[rows]])[:, None]
    begin_sizes = -surface.growth
    begin_sizes[rows] += sizes
    for columns, begin, change, of in (
        (OFFSET, surface.points - surface.travel, surface.travel, has),
        (COLOUR, surface.colours - dye, dye, shown),
        (GROWING, begin_sizes, surface.growth, has),
    ):
        begins = filled(begin)
        means.append((weights * begins).sum(0))
        whole[..., columns] = filled(change)
        portion[..., columns] = np.where(of[..., None], begins - means[-1], 0)
    for variant in range(shape[0]):
        others = rows[surface.variant[rows] != variant]
        whole[variant, np.searchsorted(places.place, surface.place[others]), COLOUR] += surface.dye[others, variant]
    below, whole[..., OPACITY], portion[..., OPACITY] = _opacities(shown, filled(surface.appears))
    points, colours, growth = means
    start = _Beginnings(points, (weights * filled(surface.normals)).sum(0), colours, -below, growth)
    bows = np.zeros((shape[0], surface.bows.shape[1], shape[1], PROPERTIES), np.float32)
    bows[..., OFFSET] = filled(surface.bows).swapaxes(1, 2)
    bows[..., GROWING] = filled(surface.swells).swapaxes(1, 2)
    if comes_slowly and (shown.sum(0) > 1).any():
        at_once = portion[..., OPACITY].copy()
        whole[..., OPACITY] += at_once
        portion[..., OPACITY] = 0
        for knot in range(bows.shape[1]):
            bows[:, knot, :, OPACITY] = at_once * (1 - (knot + 1) / (bows.shape[1] + 1))
    pushed = (weights[..., None] * filled(surface.pushed)).sum(0).astype(np.float32)
    pushes = {name: pushed[:, k] for k, name in enumerate(surface.pushers)}
    return start, Ways(surface.variants, shown, whole, portion, bows, pushes)


def _opacities(shown: npt.NDArray[np.bool_], appears: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How far below 0 opacities are at weight 0 [n], how they grow with the weight [V, n], and what the variants add at
    once [V, n].

    A Gaussian lies equally far below 0 for all variants; how steeply each comes says where it crosses.
    """
    late = shown & (appears > 0)
    begins = np.maximum(appears - RISE / 2, LEAST_WEIGHT)
    below = START_OPACITY / RISE * (late * begins).sum(0) / np.maximum(late.sum(0), 1)
    return below, late * below / begins, (shown & ~late) * (START_OPACITY + below)


def _spacing(surface: AddedSurface, places: AddedSurface) -> FloatArray:
    """Metres between chosen places, [n]."""
    relative = _relative(places.points)
    wanted = (1 / _relative(surface.one_each().points) ** 2).sum()
    return np.asarray(places.spacing_m * relative * np.sqrt(wanted / max(len(places.points), 1)), np.float32)


def _thinned(surface: AddedSurface, count: int) -> AddedSurface:
    """At most `count` of places in their order."""
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
    """A small axis-aligned triangle per cluster of points: vertices, weights, and of each point triangle and centre.

    A cluster has one place and one weight; a rigid surface needs one anchor.
    """
    is_rigid = bool((surface.bone_weights.max(1) > 0.999).all())
    cells = np.zeros((len(surface.points), 1), np.int64)
    if not is_rigid:
        place, weight = surface.points / ANCHOR_CELL_M, surface.bone_weights / ANCHOR_WEIGHT
        cells = np.floor(np.column_stack([place, weight + 0.5])).astype(np.int64)
    _, cluster = np.unique(cells, axis=0, return_inverse=True)
    cluster = cluster.ravel()
    number = int(cluster.max()) + 1
    size = np.bincount(cluster, minlength=number)[:, None]
    centre = np.stack([np.bincount(cluster, surface.points[:, k], number) for k in range(3)], 1) / size
    weights = np.stack([np.bincount(cluster, surface.bone_weights[:, k], number) for k in range(4)], 1) / size
    corner = np.array([[0, 0, 0], [ANCHOR_EDGE_M, 0, 0], [0, ANCHOR_EDGE_M, 0]])
    vertices = (centre[:, None] + corner[None]).reshape(-1, 3)
    triangle = first_vertex + 3 * cluster[:, None] + np.arange(3)[None]
    return vertices.astype(np.float32), np.repeat(weights, 3, 0).astype(np.float32), triangle, centre[cluster]


def _turned(normals: FloatArray, axes: FloatArray) -> FloatArray:
    """Quaternions wxyz that turn +z to the normals and +x to the axes as nearly as that lets, [P, 4]."""
    z = normals / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12)
    z[np.linalg.norm(normals, axis=1) < 1e-9] = [0, 0, 1]
    # Where an axis is the normal or nothing, any other does.
    other = np.eye(3)[np.argmin(np.abs(z), 1)]
    across = axes - (axes * z).sum(1, keepdims=True) * z
    x = np.where(np.linalg.norm(across, axis=1, keepdims=True) > 1e-3, across, other)
    x = x - (x * z).sum(1, keepdims=True) * z
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    turned = Rotation.from_matrix(np.stack([x, np.cross(z, x), z], -1)).as_quat()
    return np.asarray(turned[:, [3, 0, 1, 2]], np.float32)
