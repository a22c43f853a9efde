"""How the triangles of a part grow on its way from weight 0 to weight 1: a thin rim becomes thick, not long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]

MOST = 3.0
"""Natural logarithm; more is a triangle that collapses."""
NEEDLE = 1e-12
"""Square metres; the plane of smaller triangles is noise."""


def stretch(
    end: Array, way: Mapping[float, Array], faces: npt.NDArray[np.int32]
) -> tuple[FloatArray, dict[float, FloatArray]]:
    """Of triangles `faces` [F, 3] with vertices `end` [V, 3] at weight 1 and way[w] at weights w below.

    Returns:
        axis [F, 3], a unit vector in the plane at weight 1, along which it grows most over all; lengths at each weight
        [F, 2], natural logarithms of how many times longer it is there than at weight 1, along the axis and across.
        0 of a needle.
    """
    first, second = (end[faces[:, k]] - end[faces[:, 0]] for k in (1, 2))
    normal = np.cross(first, second)
    twice = np.linalg.norm(normal, axis=1)
    is_whole = twice > 2 * NEEDLE
    u = first / (np.linalg.norm(first, axis=1, keepdims=True) + 1e-20)
    v = np.cross(normal / (twice[:, None] + 1e-20), u)
    found = {w: _log_stretch(vertices, faces, u, v, first, second, is_whole) for w, vertices in way.items()}
    _, axes = np.linalg.eigh(sum(((w - 1) * one for w, one in found.items()), np.zeros((len(faces), 2, 2))))
    axes = axes[..., ::-1]
    axis = u * axes[:, :1, 0] + v * axes[:, 1:, 0]
    # Of each, what it does along the common axes.
    lengths = {w: np.einsum("fik,fij,fjk->fk", axes, one, axes) for w, one in found.items()}
    return axis.astype(np.float32), {w: np.clip(one, -MOST, MOST).astype(np.float32) for w, one in lengths.items()}


def _log_stretch(
    vertices: Array, faces: npt.NDArray[np.int32], u: Array, v: Array, first: Array, second: Array, is_whole: Array
) -> Array:
    """log sqrt(A^T A) [F, 2, 2] of the linear map A that takes a triangle's edges to those of `vertices`."""
    edges = np.stack([vertices[faces[:, k]] - vertices[faces[:, 0]] for k in (1, 2)], -1)
    plane = np.stack([np.stack([(edge * axis).sum(1) for edge in (first, second)], -1) for axis in (u, v)], 1)
    plane[~is_whole] = np.eye(2)
    moved = edges @ np.linalg.inv(plane)
    squares, axes = np.linalg.eigh(moved.swapaxes(1, 2) @ moved)
    logarithms = 0.5 * np.log(np.maximum(squares, 1e-12))
    logarithms[~is_whole] = 0
    return np.asarray((axes * logarithms[:, None]) @ axes.swapaxes(1, 2))
