"""What a face does, measured on a picture by the landmark model: the judge of pose and expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.portrait.frames import head_pose_deg
from perse_engine.portrait.landmarks import face_models

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class FaceMeasures:
    """Lengths are in distances between the outer eye corners.

    mouth_open: gap between the inner lips. mouth_corners: how far the corners lie above the lips' middle.
    eye_right, eye_left: gap between the lids. brow_inner: height of the inner brows above the eyes.
    iris_x: 0 at the right corners of the eyes, 1 at the left ones (larger: looks to the subject's left).
    iris_y: height of the irises above the eye corners.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    mouth_open: float
    mouth_corners: float
    eye_right: float
    eye_left: float
    brow_inner: float
    iris_x: float
    iris_y: float


def measure_face(rgb: npt.NDArray[np.uint8]) -> FaceMeasures | None:
    """Measure the face on [H, W, 3] uint8, or None if none is found."""
    points = face_models().landmarks(np.ascontiguousarray(rgb))
    if points is None:
        return None
    unit = _distance(points, 33, 263)
    # Everything vertical is measured along the head's own up, so that roll does not count.
    up = points[10, :2] - points[152, :2]
    up = up / np.linalg.norm(up)

    def height(*indices: int) -> float:
        return float((points[list(indices), :2] @ up).mean())

    yaw, pitch, roll = head_pose_deg(points)
    right = (points[468, 0] - points[33, 0]) / (points[133, 0] - points[33, 0])
    left = (points[473, 0] - points[362, 0]) / (points[263, 0] - points[362, 0])
    return FaceMeasures(
        yaw, pitch, roll,
        mouth_open=_distance(points, 13, 14) / unit,
        mouth_corners=(height(61, 291) - height(13, 14)) / unit,
        eye_right=_distance(points, 159, 145) / unit,
        eye_left=_distance(points, 386, 374) / unit,
        brow_inner=(height(55, 107, 285, 336) - height(33, 133, 362, 263)) / unit,
        iris_x=float((right + left) / 2),
        iris_y=(height(468, 473) - height(33, 133, 362, 263)) / unit,
    )  # fmt: skip


def _distance(points: Array, a: int, b: int) -> float:
    return float(np.linalg.norm(points[a, :2] - points[b, :2]))
