"""A portrait's head by FLAME: its depth, its joints and its motions, on the landmarks of the built-in head.

Everything else of the head - the fine mesh, texture, scalp, ears, teeth, eyes, torso - is made as ever from there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import BackendMissing, InvalidValue
from perse_engine.head.flame.embedding import Embedding, embed_landmarks, read_landmark_file
from perse_engine.head.flame.fit import FlameFit, fit_flame
from perse_engine.head.flame.flame_rig import flame_rig
from perse_engine.head.flame.forward import FlamePoints
from perse_engine.head.flame.mapping import LEAST_EXPLAINED, FlameExpression, map_expressions
from perse_engine.head.flame.model import JOINTS, FlameModel, load_flame
from perse_engine.head.head_frame import HeadFrame, frame_at_depths, head_frame
from perse_engine.head.rig import Rig
from perse_engine.head.shapes import GivenShapes, ShapeFields, shape_fields
from perse_engine.portrait.portrait import PortraitAnalysis

Array = npt.NDArray[Any]

MODEL_VARIABLE, LANDMARKS_VARIABLE = "PERSE_FLAME_MODEL", "PERSE_FLAME_LANDMARKS"
IRIS_NEIGHBOURS = {468: (33, 133, 159, 145), 473: (263, 362, 386, 374)}
"""The first landmark of each iris, and those around its eye."""


@dataclass(frozen=True, eq=False)
class Flame:
    """The user's FLAME, and where the landmarks lie on it."""

    model: FlameModel
    embedding: Embedding


@dataclass(frozen=True, eq=False)
class FlameHead:
    """What FLAME gives for a portrait.

    Attributes:
        frame: the photo's landmarks at FLAME's depths.
        shapes: FLAME's motions at the landmarks; those that FLAME cannot make are the landmark rig's.
        fit: who it is, and where.
        expressions: every ARKit shape that was looked for in FLAME.
        rig: FLAME's own mesh.
    """

    frame: HeadFrame
    shapes: ShapeFields
    fit: FlameFit
    expressions: Mapping[str, FlameExpression]
    rig: Rig

    @property
    def taken(self) -> tuple[str, ...]:
        """The shapes whose motion is FLAME's."""
        return tuple(n for n, e in self.expressions.items() if e.explained >= LEAST_EXPLAINED)

    def extras(self) -> dict[str, Array]:
        """What a subject keeps of it, float32: the fit, and FLAME's own mesh at rest in the world, metres."""
        found = {
            "flame.coefficients": self.fit.coefficients,
            "flame.jaw": self.fit.jaw,
            "flame.to_camera_mm": self.fit.to_camera,
            "flame.misfit_px": np.array([self.fit.misfit_px]),
            "flame.vertices": self.rig.vertices,
        }
        return {name: values.astype(np.float32) for name, values in found.items()}


def open_flame(model: Path, landmarks: Path | None = None) -> Flame:
    """Load a FLAME file and place the landmarks on it, by FLAME's own landmark file where there is one.

    Raises:
        BackendMissing, CorruptFile: see `load_flame`, `embed_landmarks` and `read_landmark_file`.
    """
    flame = load_flame(model)
    return Flame(flame, embed_landmarks(flame, None if landmarks is None else read_landmark_file(landmarks, flame)))


def flame_of_this_machine() -> Flame:
    """The file that PERSE_FLAME_MODEL names, and PERSE_FLAME_LANDMARKS.

    Raises:
        BackendMissing: none is named. And as `open_flame`.
    """
    model, landmarks = os.environ.get(MODEL_VARIABLE), os.environ.get(LANDMARKS_VARIABLE)
    if not model:
        raise BackendMissing("No FLAME file is named.", hint=f"--flame-model FILE, or {MODEL_VARIABLE}.")
    return _opened(Path(model), Path(landmarks) if landmarks else None)


def flame_of_avatar(details: Mapping[str, object]) -> Flame | None:
    """FLAME for building the head of a trained avatar again; None where that was built on the landmark rig.

    Raises:
        BackendMissing: no file is named here.
        InvalidValue: it is another file than the avatar's.
    """
    built = details.get("flame")
    if not isinstance(built, dict):
        return None
    flame, digest = flame_of_this_machine(), str(built.get("sha256"))
    if flame.model.sha256 != digest:
        raise InvalidValue(
            f"The avatar was built on another FLAME file than {MODEL_VARIABLE} names.",
            hint=f"Name the one whose SHA-256 begins with {digest[:12]}.",
        )
    return flame


@cache
def _opened(model: Path, landmarks: Path | None) -> Flame:
    return open_flame(model, landmarks)


def flame_head(analysis: PortraitAnalysis, flame: Flame) -> FlameHead:
    """Fit FLAME to a portrait and move its landmarks as FLAME does; takes about 5 s."""
    landmark_frame = head_frame(analysis)
    fit = fit_flame(flame.model, flame.embedding, landmark_frame)
    depths = _depths(flame, fit, landmark_frame)
    frame = frame_at_depths(analysis, depths, landmark_frame.px_per_mm)
    # Millimetres in camera axes to the head frame: its axes are rows in camera axes.
    axes = frame.axes @ fit.to_camera[:, :3]
    own = shape_fields(frame.landmarks)
    expressions = map_expressions(flame.model, flame.embedding, fit, axes, own.expressions)
    shift = frame.axes @ (fit.to_camera[:, 3] - frame.centre)
    rig = flame_rig(flame.model, fit, expressions, np.c_[axes, shift - frame.eyes()] / 1000)
    taken = [n for n, e in expressions.items() if e.explained >= LEAST_EXPLAINED]
    moved = {n: 1000 * flame.embedding.of(rig.shapes[rig.shape_names.index(n)].astype(np.float64)) for n in taken}
    given = GivenShapes(moved)
    if "jawOpen" in moved:
        joint = FlamePoints.of(flame.model, np.zeros(1, int)).joints(fit.identity)
        hinge = joint[JOINTS.index("jaw")] @ axes.T + shift
        given = GivenShapes(moved, hinge, float(expressions["jawOpen"].jaw[0]))
    return FlameHead(frame, shape_fields(frame.landmarks, given), fit, expressions, rig)


def _depths(flame: Flame, fit: FlameFit, frame: HeadFrame) -> Array:
    """Distance from the camera of the 478 landmarks, mm: FLAME's surface; irises go with their eyes."""
    points = FlamePoints.of(flame.model).vertices(fit.coefficients, fit.rotations())
    found = flame.embedding.of(points) @ fit.to_camera[:, :3].T + fit.to_camera[:, 3]
    seen = (frame.landmarks @ frame.axes + frame.centre)[:, 2]
    depths = np.r_[found[:, 2], seen[468:]]
    for first, around in IRIS_NEIGHBOURS.items():
        depths[first : first + 5] += float(np.mean(found[list(around), 2] - seen[list(around)]))
    return depths
