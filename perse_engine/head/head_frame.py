"""The metric head frame: landmarks in millimetres about the head's centre, and the photo's camera.

Axes as the world's (x the subject's left, y up, z out of the face). The origin C lies 12 mm above the eyes and 98 mm
behind the glabella, about the middle of the cranium, from where the scalp is star-shaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.portrait.frames import head_axes
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Camera, Pose

Array = npt.NDArray[Any]

CAMERA_DISTANCE_MM = 1100.0
"""Assumed distance of the photographer; a portrait lens at about a metre."""
INTER_PUPIL_MM = 63.0
"""Mean adult inter-pupillary distance (Dodgson 2004: 63.4 mm)."""
EYES_BELOW_CENTRE_MM = 12.0
GLABELLA_TO_CENTRE_MM = 98.0
NECK_PIVOT_MM = np.array([0.0, -45.0, -15.0])
EYE_CORNERS = (33, 263, 133, 362)


@dataclass(frozen=True)
class HeadFrame:
    """Where the head is on the photo.

    Attributes:
        landmarks: [478, 3] mm in the head frame.
        axes: [3, 3], rows are the head's axes in camera axes.
        centre: [3] mm, the frame's origin in camera axes.
        px_per_mm: at the camera distance.
        size_px: side of the work image.
    """

    landmarks: Array
    axes: Array
    centre: Array
    px_per_mm: float
    size_px: int

    def project(self, points: Array) -> Array:
        """Head-frame mm [..., 3] to work-image (x px, y px, depth mm)."""
        q = points @ self.axes + self.centre
        focal = CAMERA_DISTANCE_MM * self.px_per_mm
        half = self.size_px / 2
        return np.stack([q[..., 0] / q[..., 2] * focal + half, q[..., 1] / q[..., 2] * focal + half, q[..., 2]], -1)

    def eyes(self) -> Array:
        """Midpoint between the eyes, [3] mm: the world's origin."""
        return self.landmarks[list(EYE_CORNERS)].mean(0)

    def to_world(self, points: Array) -> Array:
        """Head-frame mm to world metres, float32."""
        return ((points - self.eyes()) / 1000).astype(np.float32)

    def photo_rotation(self) -> Array:
        """Rotation of the photographed head in an upright world, [3, 3]."""
        return np.diag([1.0, -1.0, -1.0]) @ self.axes.T

    def upright_torso(self, points: Array) -> Array:
        """Points that were photographed with the torso (head frame) to where they are when the head is straight."""
        return (points - NECK_PIVOT_MM) @ self.photo_rotation().T + NECK_PIVOT_MM

    def source_pose(self) -> Pose:
        """The photographed head's pose about the neck pivot."""
        r = self.photo_rotation()
        return Pose(
            yaw_deg=float(np.degrees(np.arctan2(r[0, 2], r[2, 2]))),
            pitch_deg=float(np.degrees(np.arcsin(np.clip(r[1, 2], -1, 1)))),
            roll_deg=float(np.degrees(np.arctan2(r[1, 0], r[1, 1]))),
        )

    def source_camera(self) -> Camera:
        """The upright camera that saw the head in `source_pose`; image size is the work image's."""
        flip = np.diag([1.0, -1.0, -1.0])
        # posed = R (q - p) + p must land where axes.T q + centre does.
        shift = self.centre + self.axes.T @ NECK_PIVOT_MM - flip @ NECK_PIVOT_MM
        world_to_cam = np.eye(4, dtype=np.float32)
        world_to_cam[:3, :3] = flip
        world_to_cam[:3, 3] = (shift + flip @ self.eyes()) / 1000
        focal = CAMERA_DISTANCE_MM * self.px_per_mm
        return Camera(focal, focal, self.size_px / 2, self.size_px / 2, self.size_px, self.size_px, world_to_cam)


def head_frame(analysis: PortraitAnalysis) -> HeadFrame:
    """Unproject the landmarks exactly, so that the resting head reproduces the photo."""
    points = analysis.landmarks.astype(np.float64)
    depth = points[:, 2] - points[[33, 263], 2].mean()
    flat = np.c_[points[:, :2], depth]
    px_per_mm = float(np.linalg.norm(flat[468] - flat[473])) / INTER_PUPIL_MM
    return frame_at_depths(analysis, CAMERA_DISTANCE_MM + depth / px_per_mm, px_per_mm)


def frame_at_depths(analysis: PortraitAnalysis, depths: Array, px_per_mm: float) -> HeadFrame:
    """The same with the landmarks' distances from the camera, [478] mm, from elsewhere."""
    size = analysis.work_rgb.shape[0]
    xy = (analysis.landmarks[:, :2].astype(np.float64) - size / 2) / px_per_mm
    seen = np.c_[xy * (depths / CAMERA_DISTANCE_MM)[:, None], depths]
    axes = head_axes(seen)
    eyes = seen[list(EYE_CORNERS)].mean(0)
    reach = axes[2] @ (seen[9] - eyes) - GLABELLA_TO_CENTRE_MM
    centre = eyes + axes[1] * EYES_BELOW_CENTRE_MM + axes[2] * reach
    return HeadFrame((seen - centre) @ axes.T, axes, centre, px_per_mm, size)
