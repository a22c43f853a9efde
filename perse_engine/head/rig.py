"""The rig: a mesh that a Pose and an Expression move, by blendshapes and then linear blend skinning.

    posed = sum_b weight_b (R_b (v - pivot_b) + pivot_b),   v = rest + sum_k w_k shape_k

It is the whole function: the browser evaluates the same one. `LandmarkRig` (head/landmark_rig.py) builds one from a
portrait; a FLAME file builds another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.head.posing import pose_vertices
from perse_engine.scene import Expression, FloatArray, Pose, rotation_matrix

BONES: tuple[str, ...] = ("torso", "head", "eyeRight", "eyeLeft")
"""Torso stays; head turns about the neck pivot; an eye turns about its centre and then with the head."""

LID_RANGE_DEG = 25.0
"""Vertical gaze at which the shapes eyeLookUp* and eyeLookDown*, which move the lids, are at weight 1."""


@dataclass(frozen=True)
class Rig:
    """Vertices in the world frame at rest (source identity, neutral expression), metres.

    Attributes:
        vertices: [V, 3] float32.
        shape_names: K names; ARKit names (no eyeLook*, those turn the eyes).
        shapes: [K, V, 3] float32, displacement at weight 1.
        bone_pivots: [4, 3] float32, in the order of BONES.
        bone_weights: [V, 4] float32, rows sum to 1.
    """

    vertices: FloatArray
    shape_names: tuple[str, ...]
    shapes: FloatArray
    bone_pivots: FloatArray
    bone_weights: FloatArray

    def __post_init__(self) -> None:
        v, k, b = len(self.vertices), len(self.shape_names), len(BONES)
        for name, shape in (
            ("vertices", (v, 3)),
            ("shapes", (k, v, 3)),
            ("bone_pivots", (b, 3)),
            ("bone_weights", (v, b)),
        ):
            if getattr(self, name).shape != shape:
                raise InvalidValue(f"Rig.{name} has shape {getattr(self, name).shape}; expected {shape}.")

    def weights(self, pose: Pose, expression: Expression) -> FloatArray:
        """Weights of `shape_names`, [K] float32: the expression's, but lids follow where the eyes look."""
        weights = np.array([expression[n] for n in self.shape_names], np.float32)
        for eye, gaze in expression.gaze().items():
            side = eye.removeprefix("eye")
            up = (pose.gaze.pitch_deg + gaze.pitch_deg) / LID_RANGE_DEG
            for name, weight in ((f"eyeLookUp{side}", up), (f"eyeLookDown{side}", -up)):
                if name in self.shape_names:
                    weights[self.shape_names.index(name)] = min(max(weight, 0.0), 1.0)
        return weights

    def bone_transforms(self, pose: Pose, expression: Expression) -> FloatArray:
        """Affine [4, 3, 4] of each bone in the order of BONES: posed = A[:, :3] v + A[:, 3]."""
        head_rotation = pose.rotation()
        look = expression.gaze()
        out = np.zeros((len(BONES), 3, 4), np.float32)
        out[0, :, :3] = np.eye(3)
        head = _about(head_rotation, self.bone_pivots[1])
        out[1] = head
        for index, name in ((2, "eyeRight"), (3, "eyeLeft")):
            eye = rotation_matrix(
                pose.gaze.yaw_deg + look[name].yaw_deg, pose.gaze.pitch_deg + look[name].pitch_deg, 0.0
            )
            local = _about(eye, self.bone_pivots[index])
            out[index, :, :3] = head[:, :3] @ local[:, :3]
            out[index, :, 3] = head[:, :3] @ local[:, 3] + head[:, 3]
        return out

    def posed(self, pose: Pose, expression: Expression, out: FloatArray | None = None) -> FloatArray:
        """Vertices in the world frame, [V, 3] float32; `out`, when given, is filled and returned."""
        transforms = self.bone_transforms(pose, expression)
        return pose_vertices(
            self.vertices, self.shapes, self.weights(pose, expression), self.bone_weights, transforms, out
        )

    def with_offset(self, offset: FloatArray) -> Rig:
        """The rig with another identity: `offset` [V, 3] float32 metres is added at rest."""
        return replace(self, vertices=(self.vertices + offset).astype(np.float32))


def _about(rotation: npt.NDArray[np.float32], pivot: npt.NDArray[np.float32]) -> FloatArray:
    return np.concatenate([rotation, (pivot - rotation @ pivot)[:, None]], 1).astype(np.float32)
