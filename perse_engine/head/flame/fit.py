"""FLAME fitted to a portrait's landmarks and camera.

Maximum a posteriori over identity, expression, jaw, place, turn and size: reprojected landmarks, MediaPipe's depths
with little weight, and FLAME's own prior (coefficients of variance 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from perse_engine.errors import InvalidValue
from perse_engine.head.flame.embedding import Embedding, canonical_landmarks
from perse_engine.head.flame.forward import FlamePoints
from perse_engine.head.flame.model import EXPRESSIONS, JOINTS, SHAPES, FlameModel
from perse_engine.head.flame.similarity import similarity
from perse_engine.head.head_frame import CAMERA_DISTANCE_MM, HeadFrame
from perse_engine.portrait.points import LEFT_EYE, OVAL, RIGHT_EYE

Array = npt.NDArray[Any]

FREE_SHAPES, FREE_EXPRESSIONS = 100, 50
"""The first, widest directions; a photo says nothing about the others."""
LANDMARK_MM, LID_MM, OVAL_MM, DEPTH_MM = 2.0, 4.0, 6.0, 10.0
"""How far landmarks are trusted. FLAME's expressions close no lids, and the oval slides along the silhouette."""
JAW_RAD = (0.15, 0.03, 0.03)
"""The prior of the jaw's rotation: a mouth of a portrait is rarely open by more than 17 degrees."""
PINNED_MM = 0.1
MAX_MISFIT_MM = 4.0
"""Mean over steady landmarks; 0.8 to 1.3 mm on three portraits with the model of the tests."""
ROUNDS, SHORTER = 5, 6
STEP = 1e-5
PLACE = 7
"""Parameters before the coefficients: turn, place in mm, logarithm of the size."""


@dataclass(frozen=True, eq=False)
class FlameFit:
    """Where and who FLAME is on the photo.

    Attributes:
        coefficients: [400], 300 of identity and 100 of expression.
        jaw: [3] axis times angle.
        to_camera: [3, 4]; millimetres in camera axes = to_camera[:, :3] (FLAME's metres) + to_camera[:, 3].
        misfit_px: mean distance of the reprojected landmarks, without lids and oval, in px of the work image.
    """

    coefficients: Array
    jaw: Array
    to_camera: Array
    misfit_px: float

    @property
    def identity(self) -> Array:
        """The coefficients of the neutral face, [400]."""
        return np.r_[self.coefficients[:SHAPES], np.zeros(EXPRESSIONS)]

    def rotations(self) -> Array:
        """Of the five joints, [5, 3]."""
        return _rotations(self.jaw)


def fit_flame(model: FlameModel, embedding: Embedding, frame: HeadFrame) -> FlameFit:
    """Fit to the landmarks of `frame`; takes about 1 s.

    Raises:
        InvalidValue: the best fit is still far from the landmarks.
    """
    problem = _Problem(model, embedding, frame)
    x = _minimise(problem)
    state = problem.state(x)
    error = np.linalg.norm(state.reprojected - problem.observed, axis=1)[problem.is_steady]
    if error.mean() > MAX_MISFIT_MM:
        raise InvalidValue(
            f"FLAME's face stays {error.mean():.1f} mm off the photo's; expected up to {MAX_MISFIT_MM:g} mm.",
            hint="Give FLAME's own landmark file (--flame-landmarks), another portrait, or the rig landmarks.",
        )
    return FlameFit(
        problem.coefficients(x), x[-3:], np.c_[state.scaled, state.shift], float(error.mean()) * frame.px_per_mm
    )


@dataclass(frozen=True, eq=False)
class _State:
    """Landmarks of a parameter vector in camera axes [468, 3] mm, on the camera's plane [468, 2], and the way there."""

    points: Array
    reprojected: Array
    scaled: Array
    shift: Array


class _Problem:
    """Residuals of a parameter vector; at zero, the mean head lies as the landmark rig's does."""

    def __init__(self, model: FlameModel, embedding: Embedding, frame: HeadFrame) -> None:
        vertices, inverse = np.unique(embedding.vertices, return_inverse=True)
        self._points = FlamePoints.of(model, vertices)
        self._at = Embedding(inverse.reshape(embedding.vertices.shape), embedding.shares, embedding.misfit_mm)
        self._columns = np.r_[:FREE_SHAPES, SHAPES : SHAPES + FREE_EXPRESSIONS]
        self.size = PLACE + len(self._columns) + 3
        seen = frame.landmarks[:468] @ frame.axes + frame.centre
        self.observed = seen[:, :2] / seen[:, 2:] * CAMERA_DISTANCE_MM
        self._depth = seen[:, 2]
        spread = np.full(468, LANDMARK_MM)
        spread[[*LEFT_EYE, *RIGHT_EYE]] = LID_MM
        spread[list(OVAL)] = OVAL_MM
        self._spread, self.is_steady = spread[:, None], spread == LANDMARK_MM
        rotation, self._scale, shift = similarity(
            embedding.of(model.template.astype(np.float64)), canonical_landmarks()
        )
        # Canonical axes are the head frame's, whose rows are in camera axes.
        self._turn = frame.axes.T @ rotation
        self._shift = frame.axes.T @ (shift + frame.eyes()) + frame.centre

    def coefficients(self, x: Array) -> Array:
        """[400]; those that are not fitted are 0."""
        out = np.zeros(SHAPES + EXPRESSIONS)
        out[self._columns] = x[PLACE:-3]
        return out

    def state(self, x: Array) -> _State:
        """Where `x` puts the landmarks."""
        scaled = self._scale * np.exp(x[6]) * Rotation.from_rotvec(x[:3]).as_matrix() @ self._turn
        shift = self._shift + x[3:6]
        points = self._at.of(self._points.vertices(self.coefficients(x), _rotations(x[-3:]))) @ scaled.T + shift
        return _State(points, points[:, :2] / points[:, 2:] * CAMERA_DISTANCE_MM, scaled, shift)

    def residuals(self, x: Array) -> Array:
        """Each of them of variance 1 where the model holds."""
        state = self.state(x)
        image = (state.reprojected - self.observed) / self._spread
        depth = state.points[:, 2] - self._depth
        # Size and distance cannot be told apart on one photo: the outer corners of the eyes stay where they are.
        pinned = depth[[33, 263]].mean() / PINNED_MM
        return np.r_[image.ravel(), (depth - depth.mean()) / DEPTH_MM, pinned, x[PLACE:-3], x[-3:] / JAW_RAD]

    def jacobian(self, x: Array) -> Array:
        """[R, N]: exact by the coefficients, by differences by the few others."""
        state = self.state(x)
        moved = self._points.derivatives(_rotations(x[-3:]), self._columns)
        count = len(self._columns)
        landmarks = self._at.of(moved.reshape(len(moved), -1)).reshape(468, 3, count)
        landmarks = np.einsum("ab,lbc->lac", state.scaled, landmarks)
        z = state.points[:, 2, None, None]
        image = (landmarks[:, :2] - state.points[:, :2, None] / z * landmarks[:, 2:]) / z * CAMERA_DISTANCE_MM
        depth = landmarks[:, 2]
        own = np.vstack([
            (image / self._spread[..., None]).reshape(-1, count), (depth - depth.mean(0)) / DEPTH_MM,
            depth[[33, 263]].mean(0)[None] / PINNED_MM, np.eye(count), np.zeros((3, count)),
        ])  # fmt: skip
        out = np.zeros((len(own), self.size))
        out[:, PLACE:-3] = own
        for index in (*range(PLACE), *range(self.size - 3, self.size)):
            step = np.zeros(self.size)
            step[index] = STEP
            out[:, index] = (self.residuals(x + step) - self.residuals(x - step)) / (2 * STEP)
        return out


def _minimise(problem: _Problem) -> Array:
    """Levenberg and Marquardt: steps that do not help are taken again, shorter."""
    x, damping = np.zeros(problem.size), 1e-3
    current = problem.residuals(x)
    for _ in range(ROUNDS):
        jacobian = problem.jacobian(x)
        normal, slope = jacobian.T @ jacobian, jacobian.T @ current
        for _ in range(SHORTER):
            step = np.linalg.solve(normal + damping * np.diag(normal.diagonal()), -slope)
            tried = problem.residuals(x + step)
            if tried @ tried < current @ current:
                x, current, damping = x + step, tried, damping / 10
                break
            damping *= 10
    return x


def _rotations(jaw: Array) -> Array:
    out = np.zeros((len(JOINTS), 3))
    out[JOINTS.index("jaw")] = jaw
    return out
