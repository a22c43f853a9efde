"""Camera, pose and expression: the values that say how a head is seen.

World frame: right-handed, origin midway between the eyes at rest, y up, the face looks along +z, the subject's
left is +x; metres. Camera axes are OpenCV's (x right, y down, z forward); pixel centres at .5. Angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.vocabulary import ARKIT_NAMES, EYE_LOOK_MAX_DEG

FloatArray = npt.NDArray[Any]
"""float32; spelled loosely because numpy's stubs widen results of float32 arithmetic to float64."""


@dataclass(frozen=True, slots=True)
class Gaze:
    """Where both eyes look, relative to the head: +yaw to the subject's left, +pitch up."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Head rotation R = Ry(yaw) Rx(-pitch) Rz(roll) about the neck pivot.

    +yaw turns to the subject's left, +pitch looks up, +roll brings the right ear to the right shoulder.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    gaze: Gaze = field(default_factory=Gaze)

    def rotation(self) -> FloatArray:
        """Head rotation in the world frame, [3, 3]."""
        return rotation_matrix(self.yaw_deg, self.pitch_deg, self.roll_deg)


def rotation_matrix(yaw_deg: float, pitch_deg: float, roll_deg: float) -> FloatArray:
    """R = Ry Rx Rz with the signs of `Pose`, [3, 3] float32."""
    y, p, r = np.radians([yaw_deg, -pitch_deg, roll_deg])
    cy, sy, cp, sp, cr, sr = np.cos(y), np.sin(y), np.cos(p), np.sin(p), np.cos(r), np.sin(r)
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rx = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    rz = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    rotation: FloatArray = (ry @ rx @ rz).astype(np.float32)
    return rotation


@dataclass(frozen=True)
class Expression:
    """ARKit-52 names to weights in 0..1; names that are absent weigh 0. All 0 is neutral."""

    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in ARKIT_NAMES:
                raise UnknownName(f"There is no expression {name!r}.", hint="Use the 52 ARKit names in camelCase.")
            if not 0.0 <= weight <= 1.0:
                raise InvalidValue(f"Expression {name} is {weight}; it must lie in 0..1.")

    def __getitem__(self, name: str) -> float:
        return float(self.weights.get(name, 0.0))

    def gaze(self) -> dict[str, Gaze]:
        """Rotation that the eyeLook* weights give each eye, keyed 'eyeLeft', 'eyeRight'."""
        yaw, pitch = EYE_LOOK_MAX_DEG
        # "Out" of the left eye is the subject's left (+yaw); "In" of the right eye too.
        return {
            "eyeLeft": Gaze(
                yaw * (self["eyeLookOutLeft"] - self["eyeLookInLeft"]),
                pitch * (self["eyeLookUpLeft"] - self["eyeLookDownLeft"]),
            ),
            "eyeRight": Gaze(
                yaw * (self["eyeLookInRight"] - self["eyeLookOutRight"]),
                pitch * (self["eyeLookUpRight"] - self["eyeLookDownRight"]),
            ),
        }


@dataclass(frozen=True)
class Camera:
    """A pinhole camera: fx, fy, cx, cy in px, world_to_cam [4, 4] float32 (OpenCV axes)."""

    fx: float
    fy: float
    cx: float
    cy: float
    width_px: int
    height_px: int
    world_to_cam: FloatArray

    @staticmethod
    def orbit(
        yaw_deg: float = 0.0,
        pitch_deg: float = 0.0,
        *,
        distance_m: float = 1.0,
        fov_deg: float = 18.0,
        width_px: int = 512,
        height_px: int = 512,
        target: tuple[float, float, float] = (0.0, -0.03, -0.08),
    ) -> Camera:
        """Look at `target` (metres) from `distance_m`; +yaw moves the camera towards +x, +pitch upwards.

        `fov_deg` is the field of view of the shorter side.
        """
        y, p = math.radians(yaw_deg), math.radians(pitch_deg)
        back = np.array([math.sin(y) * math.cos(p), math.sin(p), math.cos(y) * math.cos(p)])
        right = np.array([math.cos(y), 0.0, -math.sin(y)])
        up = np.cross(back, right)
        rotation = np.stack([right, -up, -back])
        world_to_cam = np.eye(4, dtype=np.float32)
        world_to_cam[:3, :3] = rotation
        world_to_cam[:3, 3] = -rotation @ (np.array(target) + distance_m * back)
        focal = 0.5 * min(width_px, height_px) / math.tan(math.radians(fov_deg) / 2)
        return Camera(focal, focal, width_px / 2, height_px / 2, width_px, height_px, world_to_cam)

    def intrinsics(self) -> FloatArray:
        """K, [3, 3] float32."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float32)

    def to_camera(self, points: FloatArray) -> FloatArray:
        """World points [..., 3] in camera axes [..., 3], metres."""
        return (points @ self.world_to_cam[:3, :3].T + self.world_to_cam[:3, 3]).astype(np.float32)

    def project(self, points: FloatArray) -> FloatArray:
        """World points [..., 3] to (x px, y px, depth m) [..., 3]."""
        p = self.to_camera(points)
        z = p[..., 2]
        return np.stack([p[..., 0] / z * self.fx + self.cx, p[..., 1] / z * self.fy + self.cy, z], -1)

    def resized(self, width_px: int, height_px: int) -> Camera:
        """The same view with another number of pixels."""
        sx, sy = width_px / self.width_px, height_px / self.height_px
        return Camera(self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy, width_px, height_px, self.world_to_cam)
