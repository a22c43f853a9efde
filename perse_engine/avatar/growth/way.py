"""The way of the head's surface from the source to a variant: where an adapter starts, so that training only refines.

The editor keeps the subject's triangles; what it did to their corners and to the texture under a Gaussian is exact.
"""

from __future__ import annotations

import numpy as np

from perse_engine.avatar.avatar import Binding
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OFFSET, OPACITY, PROPERTIES
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.subject import TexturedRig
from perse_engine.scene import FloatArray

MOST_GROWTH = 2.0
NEEDLE_M2 = 1e-9
"""Triangles of less area have no size to grow from."""
MOVED_M, REPAINTED = (0.0005, 0.002), (0.04, 0.22)
"""From where on what the editor moves, or paints (0..1), belongs to the variant a little, and wholly: pictures may have
shown it too seldom to tell."""


def surface_way(source: TexturedRig, dressed: TexturedRig, binding: Binding) -> FloatArray:
    """Property changes [N, 14] from the source to the variant at 1; 0 for what does not lie on the subject's surface.

    Offset, scale (as the triangle grows), opacity (as the texture's alpha does) and colour change.
    """
    out = np.zeros((len(binding.triangles), PROPERTIES), np.float32)
    count = len(source.rig.vertices)
    on = np.flatnonzero((binding.triangles < count).all(1))
    triangles, bary = binding.triangles[on], binding.bary[on][..., None]
    before, after = source.rig.vertices[triangles], dressed.rig.vertices[triangles]
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
    old, new = (sample(look.texture, (look.uv[triangles] * bary).sum(1) - 0.5) for look in (source, dressed))
    out[on, OPACITY] = new[:, 3] - old[:, 3]
    out[on, COLOUR] = new[:, :3] - old[:, :3]
    return out


def way_mask(way: FloatArray) -> FloatArray:
    """How much the editor changed each Gaussian of a `surface_way`, [N] in 0..1."""
    moved = smoothstep(np.linalg.norm(way[:, OFFSET], axis=1), *MOVED_M)
    repainted = smoothstep(np.abs(way[:, OPACITY:]).max(1), *REPAINTED)
    return np.asarray(np.maximum(moved, repainted), np.float32)
