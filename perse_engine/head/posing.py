"""Rig vertices with an expression and a pose: blendshapes and linear blend skinning in one pass."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from perse_engine.compiled import PARALLEL_WORK, kernel
from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]


def pose_vertices(
    vertices: FloatArray,
    shapes: FloatArray,
    weights: FloatArray,
    bone_weights: FloatArray,
    transforms: FloatArray,
    out: FloatArray | None = None,
) -> FloatArray:
    """vertices [V, 3], shapes [K, V, 3], weights [K], bone_weights [V, B], transforms [B, 3, 4] -> [V, 3] float32.

    `out`, when given, is filled and returned.
    """
    target = np.empty_like(vertices) if out is None else out
    active = np.flatnonzero(weights)
    with PARALLEL_WORK:
        # Copies of what is small: a read-only array would be another type, and compile the kernel anew.
        _pose(
            _writable(vertices),
            _writable(shapes),
            active,
            weights[active],
            _writable(bone_weights),
            np.array(transforms),
            target,
        )
    return target


def _writable(array: FloatArray) -> FloatArray:
    return np.require(array, np.float32, ["C", "W"])


@kernel(parallel=True)
def _pose(
    vertices: Array, shapes: Array, active: Array, weights: Array, bone_weights: Array, transforms: Array, out: Array
) -> None:
    for v in nb.prange(vertices.shape[0]):
        x, y, z = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        for k in range(active.shape[0]):
            shape, weight = shapes[active[k], v], weights[k]
            x, y, z = x + weight * shape[0], y + weight * shape[1], z + weight * shape[2]
        for row in range(3):
            total = np.float32(0)
            for bone in range(transforms.shape[0]):
                t = transforms[bone, row]
                total += bone_weights[v, bone] * (t[0] * x + t[1] * y + t[2] * z + t[3])
            out[v, row] = total
