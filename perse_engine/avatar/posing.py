"""From a baked look to Gaussians in the world, frame after frame, without allocating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import EXPRESSION_COLUMNS, Avatar, BakedLook, Binding
from perse_engine.avatar.kernels import KEPT, add_basis, bind
from perse_engine.avatar.properties import OPACITY, PROPERTIES
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.scene import Expression, FloatArray, Pose
from perse_engine.splatting.cloud import GaussianCloud
from perse_engine.splatting.cpu.layout import ALPHA_MIN, GaussianBuffers

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class VisibleLook:
    """The Gaussians of a look that any frame can show: those of hats not worn are left out.

    Attributes:
        rows: [M], which of the avatar's Gaussians they are.
        properties: [M, 14] float32 at neutral expression.
        binding: of those M.
        expression_rows: [m] int32, which of the M the expression changes.
        expression_basis: [E, m, 7].
    """

    rows: npt.NDArray[np.int64]
    properties: FloatArray
    binding: Binding
    expression_rows: npt.NDArray[np.int32]
    expression_basis: FloatArray


def visible_look(avatar: Avatar, baked: BakedLook) -> VisibleLook:
    """Leave out what is transparent in every expression."""
    model, binding = avatar.expression, avatar.binding
    shown = baked.properties[:, OPACITY] >= ALPHA_MIN
    shown[model.rows] = True
    number = np.cumsum(shown) - 1
    rows = np.flatnonzero(shown)
    return VisibleLook(
        rows,
        np.ascontiguousarray(baked.properties[rows]),
        binding.take(rows),
        number[model.rows].astype(np.int32),
        model.basis,
    )


class Poser:
    """Poses one avatar's looks. One object belongs to one thread."""

    def __init__(self, avatar: Avatar) -> None:
        self._drivers = avatar.expression
        self._vertices = np.empty_like(avatar.binding.rig.vertices)
        n = len(avatar)
        self._x, self._kept = np.empty((n, PROPERTIES), np.float32), np.empty((n, KEPT), np.float32)
        self._ones = np.ones((n, len(EXPRESSION_COLUMNS)), np.float32)
        self._rows, self._gaussians = np.arange(n), GaussianBuffers.allocate(n)

    def pose(self, look: VisibleLook, pose: Pose, expression: Expression) -> GaussianBuffers:
        """Gaussians [M] in the world frame, valid until the next call."""
        count, binding = len(look.properties), look.binding
        vertices = binding.rig.posed(pose, expression, self._vertices)
        x = self._x[:count]
        x[:] = look.properties
        values = self._drivers.values(expression)
        active = np.flatnonzero(values)
        if len(active):
            with PARALLEL_WORK:
                add_basis(
                    x, look.expression_rows, self._ones[: len(look.expression_rows)], EXPRESSION_COLUMNS,
                    look.expression_basis, active, values[active],
                )  # fmt: skip
        out = self._gaussians.first(count)
        with PARALLEL_WORK:
            bind(
                self._rows[:count], vertices, binding.triangles, binding.bary, binding.rest_area, x,
                out.means, out.quats, out.scales, out.opacities, out.colours, self._kept[:count],
            )  # fmt: skip
        return out


def posed_cloud(avatar: Avatar, baked: BakedLook, pose: Pose, expression: Expression) -> GaussianCloud:
    """All Gaussians of the avatar in the world frame, in its own order: transparent ones stay, so that indices do."""
    model = avatar.expression
    everything = VisibleLook(np.arange(len(avatar)), baked.properties, avatar.binding, model.rows, model.basis)
    g = Poser(avatar).pose(everything, pose, expression)
    return GaussianCloud(g.means, g.quats, g.scales, g.opacities, g.colours)
