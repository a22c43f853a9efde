"""The way of the head's surface from the source to a variant: where bases start, so that training only refines.

The editor keeps the subject's triangles; what it did to their corners and to the texture under a Gaussian is exact.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import Binding
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OFFSET, OPACITY, PROPERTIES
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import HeadSurface

MOST_GROWTH = 2.0
NEEDLE_M2 = 1e-9
"""Triangles of less area have no size to grow from."""
MOVED_M, REPAINTED = (0.0005, 0.002), (0.04, 0.22)
"""From where on what the editor moves, or paints (0..1), belongs to the variant a little, and wholly: pictures may have
shown it too seldom to tell."""

LEAST_MASK = 0.1
"""Of a Gaussian that starts on its whole way: a smaller mask would make its basis jump with every step."""


def surface_way(source: HeadSurface, dressed: HeadSurface, binding: Binding) -> FloatArray:
    """Property changes [N, 14] from the source to the variant; 0 for what does not lie on the subject's surface.

    Offset, scale (as the triangle grows), opacity (as the texture's alpha does) and colour change.
    """
    out = np.zeros((len(binding.triangles), PROPERTIES), np.float32)
    count = len(source.vertices)
    on = np.flatnonzero((binding.triangles < count).all(1))
    triangles, bary = binding.triangles[on], binding.bary[on][..., None]
    before, after = source.vertices[triangles], dressed.vertices[triangles]
    moved = ((after - before) * bary).sum(1)
    u = before[:, 1] - before[:, 0]
    n = np.cross(u, before[:, 2] - before[:, 0])
    area = np.linalg.norm(n, axis=1, keepdims=True) + 1e-20
    u, n = u / (np.linalg.norm(u, axis=1, keepdims=True) + 1e-20), n / area
    w = np.cross(n, u)
    local = np.stack([(moved * axis).sum(1) for axis in (u, w, n)], 1)
    then = np.linalg.norm(np.cross(after[:, 1] - after[:, 0], after[:, 2] - after[:, 0]), axis=1)
    is_whole = (area[:, 0] > NEEDLE_M2) & (then > NEEDLE_M2)
    grown = np.where(is_whole, then / area[:, 0], 1.0)
    out[on, OFFSET] = local
    tangent = slice(LOG_SCALE.start, LOG_SCALE.start + 2)
    out[on, tangent] = 0.5 * np.log(np.clip(grown, MOST_GROWTH**-2, MOST_GROWTH**2))[:, None]
    old, new = (sample(one.texture, (one.uv[triangles] * bary).sum(1) - 0.5) / 255 for one in (source, dressed))
    out[on, OPACITY] = new[:, 3] - old[:, 3]
    out[on, COLOUR] = new[:, :3] - old[:, :3]
    return out


def under(head: HeadSurface, told: npt.NDArray[np.uint8] | None, binding: Binding) -> FloatArray | None:
    """What a map of a head's texels (`bare`, `hides`) tells of each Gaussian on the subject's surface, [N] in 0..1;
    0 of others, None without a map."""
    if told is None:
        return None
    out = np.zeros(len(binding.triangles), np.float32)
    on = np.flatnonzero((binding.triangles < len(head.vertices)).all(1))
    uv = (head.uv[binding.triangles[on]] * binding.bary[on][..., None]).sum(1)
    out[on] = sample(told, uv - 0.5) / 255
    return out


def way_mask(way: FloatArray) -> FloatArray:
    """How much the editor changed each Gaussian of a `surface_way`, [N] in 0..1."""
    moved = smoothstep(np.linalg.norm(way[:, OFFSET], axis=1), *MOVED_M)
    repainted = smoothstep(np.abs(way[:, OPACITY:]).max(1), *REPAINTED)
    return np.asarray(np.maximum(moved, repainted), np.float32)


def start_on_head(
    model: CategoryModel,
    variant: int,
    ways: Mapping[float, FloatArray],
    rows: npt.NDArray[np.int64],
    *,
    columns: npt.NDArray[np.bool_],
) -> None:
    """Start a variant's bases at what the editor did to the head, in place.

    Args:
        model: whose mask says how much of it its Gaussians can follow.
        variant: index into the model's codes.
        ways: weight of the variant -> `surface_way` [m, 14]; 1 is among them, bows or bumps are for the others.
        rows: [m], which of the model's Gaussians those are.
        columns: [14] bool, which properties the category may change there.
    """
    room = np.maximum(model.mask[rows], LEAST_MASK)[:, None]
    whole = ways[1.0] / room
    model.basis[variant, rows[:, None], np.flatnonzero(columns)] = whole[:, columns]
    lower = {weight: way for weight, way in ways.items() if weight < 1}
    bows = model.network.bows(variant)
    if bows:
        # By how much is worn of all variants: between two of them nothing bends that a single one would.
        for weight in bows.keys() & lower.keys():
            bow = lower[weight] / room - weight * whole
            model.basis[bows[weight], rows[:, None], np.flatnonzero(columns)] = bow[:, columns]
        return
    code = list(model.codes.values())[variant]
    bumps = model.network.bumps(variant, len(model.codes))
    if not lower or not len(bumps):
        return
    reached = np.stack([model.network(np.float32(weight) * code)[bumps] for weight in lower])
    rest = np.stack([way / room - weight * whole for weight, way in lower.items()])
    bends = np.tensordot(np.linalg.pinv(reached.astype(np.float64)), rest, 1)
    for bump, bend in zip(bumps, bends, strict=True):
        model.basis[bump, rows[:, None], np.flatnonzero(columns)] = bend[:, columns]
