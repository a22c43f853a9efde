"""One piece of the head with its own texture, before the pieces are packed into one rig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.rig import BONES
from perse_engine.head.sampling import grid_faces

Array = npt.NDArray[Any]


# Compared by identity: arrays have no single truth value.
@dataclass(frozen=True, eq=False)
class Part:
    """A textured mesh in the head frame.

    Attributes:
        name: an entry of PARTS.
        vertices: [V, 3] mm.
        uv: [V, 2] texels of the own texture (texel centres at .5).
        texture: [H, W, 4] 0..1, straight alpha.
        labels: [H, W] uint8, REGION_LABELS.
        weights: [V, 4], BONES.
        motion: shape name -> [V, 3] mm at weight 1.
    """

    name: str
    vertices: Array
    faces: npt.NDArray[np.int32]
    uv: Array
    texture: Array
    labels: npt.NDArray[np.uint8]
    weights: Array
    motion: Mapping[str, Array] = field(default_factory=dict)


def rigid(count: int, bone: str) -> Array:
    """Weights of `count` vertices that follow one bone."""
    weights = np.zeros((count, len(BONES)), np.float32)
    weights[:, BONES.index(bone)] = 1
    return weights


def sheet(
    name: str, grid: Array, texture: Array, label: int, *, bone: str = "head", motion: Mapping[str, Array] | None = None
) -> Part:
    """A vertex grid [R, C, 3] mm over a whole texture [H, W, 4]; motions are grids too."""
    rows, columns = grid.shape[:2]
    height, width = texture.shape[:2]
    v, u = np.meshgrid(np.linspace(0.5, height - 0.5, rows), np.linspace(0.5, width - 0.5, columns), indexing="ij")
    return Part(
        name=name,
        vertices=grid.reshape(-1, 3),
        faces=grid_faces(rows, columns),
        uv=np.stack([u, v], -1).reshape(-1, 2),
        texture=texture.astype(np.float32),
        labels=np.full((height, width), label, np.uint8),
        weights=rigid(rows * columns, bone),
        motion={k: m.reshape(-1, 3) for k, m in (motion or {}).items()},
    )
