"""Variants that were added to a trained avatar, and the low-rank adapters that they bring.

    property(look) = ... + mask * share * sum_r gate_r(weight) * basis_r          (rows of the adapter only)

The gates are exactly 0 at weight 0, so every look without the variant is what it was, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.properties import PROPERTIES
from perse_engine.scene import FloatArray

RANK = 4
"""As PERSE's LoRA (section 1.12 of its code)."""


def gates(weight: float) -> FloatArray:
    """How much of each of the adapter's directions a weight 0..1 takes, [RANK] float32.

    The first goes straight from 0 to 1; the others, sin(r pi weight), bend the way and leave both of its ends alone.
    """
    if weight in (0.0, 1.0):
        return np.array([weight] + [0.0] * (RANK - 1), np.float32)
    return np.array([weight, *(np.sin(r * np.pi * weight) for r in range(1, RANK))], np.float32)


@dataclass(frozen=True)
class Adapter:
    """What a variant changes beside what its code does.

    Attributes:
        rows: [n] int32, the Gaussians that it can change, distinct.
        mask: [n] 0..1, how much.
        cover: [n] 0..1, how much of what lies below the variant hides (rules sharing between categories).
        basis: [RANK, n, 14] property changes per gate.
    """

    rows: npt.NDArray[np.int32]
    mask: FloatArray
    cover: FloatArray
    basis: FloatArray

    @staticmethod
    def none() -> Adapter:
        """Of a variant that its code alone makes."""
        nothing = np.zeros(0, np.float32)
        return Adapter(np.zeros(0, np.int32), nothing, nothing.copy(), np.zeros((RANK, 0, PROPERTIES), np.float32))


@dataclass(frozen=True)
class AddedVariant:
    """A variant that was added after training.

    Attributes:
        category, variant: its name in looks; its code stands with the category's others.
        prompt: what it is, in words.
        method: 'adapter', 'inversion' or 'zero_shot'.
        gaussians, vertices: how many it appended to the avatar and to its rig, behind those of earlier ones.
        adapter: what it changes.
        measured: seconds, dB and the like.
    """

    category: str
    variant: str
    prompt: str
    method: str
    gaussians: int
    vertices: int
    adapter: Adapter
    measured: Mapping[str, float] = field(default_factory=dict)


def reach(cover: FloatArray, worn: list[tuple[Adapter, float]]) -> FloatArray:
    """A category's cover [N] where adapters are on with weights: the larger of its own and theirs."""
    if not worn:
        return cover
    out = cover.copy()
    for adapter, weight in worn:
        out[adapter.rows] = np.maximum(out[adapter.rows], np.float32(weight) * adapter.cover)
    return out
