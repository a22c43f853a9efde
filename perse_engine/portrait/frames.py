"""Where the head points, from landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from perse_engine.portrait.points import MIRROR_PAIRS


def head_axes(landmarks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rows x (to the subject's left), y (up), z (out of the face) of [478, 3] landmarks, in their own frame.

    Image landmarks have y down and z away from the viewer; x and y come from the points, z from their cross product,
    so the rows are a right-handed frame expressed in (image x, image y, image z).
    """
    pairs = np.array(MIRROR_PAIRS)
    x = (landmarks[pairs[:, 1]] - landmarks[pairs[:, 0]]).mean(0)
    x /= np.linalg.norm(x)
    y = landmarks[10] - landmarks[152]
    y = y - (y @ x) * x
    y /= np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)])


def head_pose_deg(landmarks: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw, pitch, roll of image landmarks with the signs of `Pose`, degrees."""
    x, y, z = head_axes(landmarks)
    yaw = np.degrees(np.arctan2(z[0], -z[2]))
    pitch = -np.degrees(np.arcsin(np.clip(z[1], -1, 1)))
    roll = np.degrees(np.arctan2(-x[1], -y[1]))
    return float(yaw), float(pitch), float(roll)
