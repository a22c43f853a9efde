"""ARKit's expressions in FLAME's: each as expression coefficients and, for the jaw's own, a rotation of the jaw.

FLAME's axes of expression have no names. Each ARKit shape of the landmark rig is a displacement of the landmarks, and
what FLAME can do that comes nearest is its maximum a posteriori fit (coefficients of variance 1). How much of the shape
that explains is measured; below LEAST_EXPLAINED the landmark rig's own shape stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from perse_engine.head.flame.embedding import Embedding
from perse_engine.head.flame.fit import FlameFit
from perse_engine.head.flame.forward import FlamePoints
from perse_engine.head.flame.model import EXPRESSIONS, JOINTS, SHAPES, FlameModel

Array = npt.NDArray[Any]

FIELD_MM = 0.5
"""How exactly a shape is wanted at each landmark."""
LEAST_EXPLAINED = 0.5
"""Of a shape's squared displacement."""
JAW_SHAPES = ("jawOpen", "jawLeft", "jawRight", "jawForward")
LID_SHAPES = ("eyeBlink", "eyeSquint", "eyeWide", "eyeLook")
"""What these names start with stays the landmark rig's: FLAME's expressions were learned without lids that close."""


@dataclass(frozen=True, eq=False)
class FlameExpression:
    """An ARKit shape at weight 1: coefficients [100], jaw [3] axis times angle; explained: its share, at most 1."""

    coefficients: Array
    jaw: Array
    explained: float


class FlameMotion:
    """How one person's FLAME moves from its neutral face, in mm along given axes.

    Args:
        vertices: those that are asked for; all when None.
        axes: [3, 3], FLAME's metres to mm along the axes that displacements are wanted in.
    """

    def __init__(
        self, model: FlameModel, identity: Array, axes: Array, vertices: npt.NDArray[np.int_] | None = None
    ) -> None:
        self._points = FlamePoints.of(model, vertices)
        self._identity, self._axes = identity, axes
        self._rest = self._vertices(np.zeros(EXPRESSIONS), np.zeros(3))

    def displacement(self, coefficients: Array, jaw: Array) -> Array:
        """[P, 3] mm."""
        return (self._vertices(coefficients, jaw) - self._rest) @ self._axes.T

    def directions(self) -> Array:
        """Displacements per unit of each expression coefficient with the jaw at rest, [P, 3, 100] mm: exact."""
        return np.einsum("ab,pbk->pak", self._axes, self._points.directions[..., SHAPES:])

    def _vertices(self, coefficients: Array, jaw: Array) -> Array:
        rotations = np.zeros((len(JOINTS), 3))
        rotations[JOINTS.index("jaw")] = jaw
        return self._points.vertices(self._identity + np.r_[np.zeros(SHAPES), coefficients], rotations)


def map_expressions(
    model: FlameModel, embedding: Embedding, fit: FlameFit, axes: Array, shapes: Mapping[str, Array]
) -> dict[str, FlameExpression]:
    """Every shape of `shapes` (name -> [468, 3] mm along the axes of the head frame) but the lids'.

    `axes` [3, 3]: FLAME's metres to mm in the head frame.
    """
    vertices, inverse = np.unique(embedding.vertices, return_inverse=True)
    at = Embedding(inverse.reshape(embedding.vertices.shape), embedding.shares, embedding.misfit_mm)
    motion = FlameMotion(model, fit.identity, axes, vertices)
    directions = motion.directions()
    basis = at.of(directions.reshape(len(vertices), -1)).reshape(468 * 3, EXPRESSIONS)
    # (A'A / s^2 + I)^-1 A' / s^2: the same for every shape.
    pull = np.linalg.solve(basis.T @ basis + FIELD_MM**2 * np.eye(EXPRESSIONS), basis.T)

    def turned(jaw: Array) -> Array:
        return at.of(motion.displacement(np.zeros(EXPRESSIONS), jaw)).ravel()

    found = {}
    for name, field in shapes.items():
        if name.startswith(LID_SHAPES):
            continue
        goal = field.ravel()
        jaw = _jaw_rotation(goal, turned, basis, pull) if name in JAW_SHAPES else np.zeros(3)
        rest = goal - (turned(jaw) if jaw.any() else 0.0)
        coefficients = pull @ rest
        left = rest - basis @ coefficients
        explained = 1 - float(left @ left) / max(float(goal @ goal), 1e-9)
        found[name] = FlameExpression(coefficients, jaw, explained)
    return found


def _jaw_rotation(goal: Array, turned: Any, basis: Array, pull: Array) -> Array:
    """The rotation that leaves least for the coefficients to do, [3]."""

    def left(jaw: Array) -> Array:
        rest = goal - turned(jaw)
        coefficients = pull @ rest
        return np.r_[rest - basis @ coefficients, FIELD_MM * coefficients]

    return np.asarray(least_squares(left, np.zeros(3), method="lm", x_scale=0.1).x)
