"""FLAME's function: coefficients and joint rotations to vertices.

    T_P = T + B_S(beta) + B_E(psi) + B_P(theta)          (eq. 2 of Li et al. 2017)
    M   = W(T_P, J(beta, psi), theta, weights)           (eq. 1: linear blend skinning)

As in the authors' code, joints are regressed from the head with its expression, and B_P weighs `pose_directions` by the
entries of R - I of every joint but the root.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from perse_engine.head.flame.model import PARENTS, FlameModel

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class FlamePoints:
    """The part of FLAME that moves P of its vertices; fields as in `FlameModel`, float64.

    joint_template [5, 3] and joint_directions [5, 3, 400]: joints of the whole mesh.
    """

    template: Array
    directions: Array
    pose_directions: Array
    weights: Array
    joint_template: Array
    joint_directions: Array

    @staticmethod
    def of(model: FlameModel, vertices: npt.NDArray[np.int_] | None = None) -> FlamePoints:
        """Those of the given indices [P]; all when None."""
        rows = np.arange(len(model.template)) if vertices is None else vertices
        regressor = model.regressor.astype(np.float64)
        flat = regressor @ model.directions.reshape(len(model.template), -1)
        return FlamePoints(
            template=model.template[rows].astype(np.float64),
            directions=model.directions[rows].astype(np.float64),
            pose_directions=model.pose_directions[rows].astype(np.float64),
            weights=model.weights[rows].astype(np.float64),
            joint_template=regressor @ model.template,
            joint_directions=flat.reshape(-1, *model.directions.shape[1:]),
        )

    def joints(self, coefficients: Array) -> Array:
        """[5, 3] at rest."""
        return np.asarray(self.joint_template + self.joint_directions @ coefficients)

    def vertices(self, coefficients: Array, rotations: Array) -> Array:
        """[P, 3] metres.

        Args:
            coefficients: [400], 300 of identity and 100 of expression.
            rotations: [5, 3] axis times angle in radians, of each joint relative to its parent.
        """
        turns = Rotation.from_rotvec(rotations).as_matrix()
        corrective = self.pose_directions @ (turns[1:] - np.eye(3)).ravel()
        shaped = self.template + self.directions @ coefficients + corrective
        return self._skinned(shaped[..., None], self.joints(coefficients)[..., None], turns)[..., 0]

    def derivatives(self, rotations: Array, columns: npt.NDArray[np.int_]) -> Array:
        """By the coefficients `columns` [C], [P, 3, C] metres: exact, since vertices are linear in coefficients."""
        turns = Rotation.from_rotvec(rotations).as_matrix()
        return self._skinned(self.directions[..., columns], self.joint_directions[..., columns], turns)

    def _skinned(self, shaped: Array, joints: Array, turns: Array) -> Array:
        """Points [P, 3, C] about joints [5, 3, C]; each column is a mesh of its own."""
        turned: list[Array] = []
        out = np.zeros(shaped.shape)
        moved: list[Array] = []
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                turned.append(turns[joint])
                moved.append(joints[joint])
            else:
                turned.append(turned[parent] @ turns[joint])
                moved.append(moved[parent] + turned[parent] @ (joints[joint] - joints[parent]))
            posed = np.einsum("ab,pbc->pac", turned[joint], shaped - joints[joint]) + moved[joint]
            out += self.weights[:, joint, None, None] * posed
        return out
