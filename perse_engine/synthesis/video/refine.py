"""Pose and expression of a generated frame: what it was driven with, corrected by where its landmarks are.

Landmarks are compared with those that the same detector finds on the rig's own picture of the frame, so that what the
detector always does wrong cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.rig import Rig
from perse_engine.head.subject import Subject
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Frame
from perse_engine.synthesis.learned.paste import LEFT_CORNER, RIGHT_CORNER

Array = npt.NDArray[Any]

REFINED = (
    "jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "mouthPucker", "mouthFunnel",
    "browInnerUp", "browDownLeft", "browDownRight",
)  # fmt: skip
"""Expressions that landmarks show well."""
NOISE = 0.02
"""Of the distance between the eyes' outer corners: how far landmarks err."""
INDEPENDENT = 100
"""Landmarks err in groups: all of them tell as much as so many that err by themselves."""
TURN_DEG, WEIGHT, SHIFT, SCALE = 6.0, 0.25, 0.05, 0.03
"""How far a model is expected to stray: degrees, expression weight, of the eyes' distance, of the size."""
ITERATIONS = 5
STEP = 0.1
"""Of what is expected, for numeric derivatives (Gauss and Newton)."""


@dataclass(frozen=True)
class Refinement:
    """What was found.

    Attributes:
        frame: with the refined pose and expression.
        to_rig: similarity [2, 3] that brings the generated picture to where the rig is, px.
        turn_deg: by how much the head is turned otherwise than driven.
        drift, residual: mean distance of the landmarks before and after, of the distance between the eyes.
    """

    frame: Frame
    to_rig: Array
    turn_deg: float
    drift: float
    residual: float


class Refiner:
    """Refines frames of one subject; `subject.look` need not be what they show."""

    def __init__(self, subject: Subject) -> None:
        rig, marks = subject.look.rig, subject.landmark_vertices
        self._rig = Rig(
            np.ascontiguousarray(rig.vertices[marks]), rig.shape_names, np.ascontiguousarray(rig.shapes[:, marks]),
            rig.bone_pivots, np.ascontiguousarray(rig.bone_weights[marks]),
        )  # fmt: skip

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(n for n in REFINED if n in self._rig.shape_names)

    def refine(self, frame: Frame, drawn: Array, seen: Array) -> Refinement:
        """Find the pose and expression of `frame`, driven with its own.

        Args:
            drawn: [478, 2] px, landmarks of the rig's picture of the frame.
            seen: [478, 2] px, landmarks of the generated picture.
        """
        eyes = float(np.linalg.norm(drawn[RIGHT_CORNER] - drawn[LEFT_CORNER]))
        # A turned head hides how wide its eyes are apart; the camera knows.
        eyes = max(eyes, 0.03 * frame.camera.fx / max(float(frame.camera.world_to_cam[2, 3]), 0.1))
        own, start, middle = self._places(frame), self._driven(frame), drawn.mean(0)
        priors = np.r_[[TURN_DEG] * 3, [WEIGHT] * len(self._names), [SHIFT * eyes] * 2, SCALE]

        def misses(x: Array) -> Array:
            moved = self._places(self._framed(frame, x)) - own
            there = _moved(drawn + moved, x[-3:], middle)
            return (there - seen) / (NOISE * eyes)

        def costs(x: Array) -> Array:
            return np.r_[misses(x).ravel() * np.sqrt(INDEPENDENT / len(seen)), (x - start) / priors]

        low = np.r_[[-90.0] * 3, [0.0] * len(self._names), [-np.inf] * 2, -0.5]
        high = np.r_[[90.0] * 3, [1.0] * len(self._names), [np.inf] * 2, 0.5]
        found = start
        for _ in range(ITERATIONS):
            now = costs(found)
            # Vertices are float32: smaller steps would vanish in them.
            slopes = [(costs(found + h * e) - now) / h for h, e in zip(STEP * priors, np.eye(len(found)), strict=True)]
            move = np.linalg.lstsq(np.stack(slopes, 1), -now, rcond=None)[0]
            found = np.clip(found + move, low, high)

        def distance(x: Array) -> float:
            return float(np.linalg.norm(misses(x), axis=1).mean() * NOISE)

        refined = self._framed(frame, found)
        turn = refined.pose.rotation().T @ frame.pose.rotation()
        angle = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
        return Refinement(refined, _inverse(found[-3:], middle), angle, distance(start), distance(found))

    def _places(self, frame: Frame) -> Array:
        return frame.camera.project(self._rig.posed(frame.pose, frame.expression))[:, :2].astype(np.float64)

    def _driven(self, frame: Frame) -> Array:
        pose = frame.pose
        weights = [frame.expression[n] for n in self._names]
        return np.array([pose.yaw_deg, pose.pitch_deg, pose.roll_deg, *weights, 0.0, 0.0, 0.0])

    def _framed(self, frame: Frame, x: Array) -> Frame:
        pose = Pose(float(x[0]), float(x[1]), float(x[2]), frame.pose.gaze)
        found = dict(zip(self._names, x[3:-3].clip(0, 1).tolist(), strict=True))
        weights = dict(frame.expression.weights) | {n: w for n, w in found.items() if w > 1e-3 or frame.expression[n]}
        return replace(frame, pose=pose, expression=Expression(weights))


def _moved(points: Array, change: Array, middle: Array) -> Array:
    """Points shifted by change[:2] px and scaled by 1 + change[2] about `middle`."""
    return middle + (1 + change[2]) * (points - middle) + change[:2]


def _inverse(change: Array, middle: Array) -> Array:
    """The opposite of `_moved` as [2, 3]."""
    scale = 1 / (1 + change[2])
    return np.c_[scale * np.eye(2), middle - scale * (middle + change[:2])]
