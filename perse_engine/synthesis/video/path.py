"""From a trajectory, whose moments are independent, to a path that a camera could have filmed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from perse_engine.scene import Camera, Expression, FloatArray, Gaze, Pose
from perse_engine.synthesis.dataset import Frame

STRIDE = 4
"""Frames of a latent frame of Wan's VAE: from one moment to the next it takes a multiple of it, so that no latent frame
stands for two moments."""
STRIDE_DEG = 24.0
"""Turned in a stride at most: 180 degrees a second at Wan's 30 frames, a quick turn of the head."""
EXPRESSION_DEG = 20.0
"""Degrees of turning that take as long as an expression from 0 to 1."""


@dataclass(frozen=True)
class VideoPath:
    """Frames in the order in which they are filmed: those of the dataset, and frames between, whose index is -1."""

    frames: tuple[Frame, ...]

    def positions(self) -> dict[int, int]:
        """Where the dataset's frames are on the path: index -> position."""
        return {f.index: position for position, f in enumerate(self.frames) if f.index >= 0}


def video_path(frames: Sequence[Frame], size_px: int) -> VideoPath:
    """The path that goes from the first frame on to the nearest that is left, seen with `size_px` a side."""
    places = np.array([_place(f) for f in frames])
    order = _nearest_first(places)
    seen = [replace(f, camera=f.camera.resized(size_px, size_px)) for f in frames]
    path = [seen[order[0]]]
    for a, b in itertools.pairwise(order):
        count = STRIDE * max(1, math.ceil(np.abs(places[a] - places[b]).max() / STRIDE_DEG))
        path += [_between(seen[a], seen[b], k / count) for k in range(1, count)]
        path.append(seen[b])
    return VideoPath(tuple(path))


def _nearest_first(places: FloatArray) -> list[int]:
    left = list(range(1, len(places)))
    order = [0]
    while left:
        distances = np.abs(places[left] - places[order[-1]]).max(1)
        order.append(left.pop(int(distances.argmin())))
    return order


def _place(frame: Frame) -> list[float]:
    """What has to move, in degrees."""
    towards = -frame.camera.world_to_cam[2, :3]
    yaw, pitch = np.degrees([np.arctan2(towards[0], towards[2]), np.arcsin(np.clip(towards[1], -1, 1))])
    pose = frame.pose
    turned = [pose.yaw_deg - yaw, pose.pitch_deg - pitch, pose.roll_deg, yaw, pitch]
    weights = sorted(frame.expression.weights.items())
    shown = np.zeros(4)
    for name, weight in weights:
        # Four parts of the face that move by themselves are enough to tell what is near.
        part = 0 if name.startswith("eye") else 1 if name.startswith("brow") else 2 if "jaw" in name else 3
        shown[part] += EXPRESSION_DEG * weight
    return [*turned, pose.gaze.yaw_deg, pose.gaze.pitch_deg, *shown]


def _between(first: Frame, second: Frame, t: float) -> Frame:
    a, b = first.pose, second.pose

    def mix(x: float, y: float) -> float:
        return x + t * (y - x)

    gaze = Gaze(mix(a.gaze.yaw_deg, b.gaze.yaw_deg), mix(a.gaze.pitch_deg, b.gaze.pitch_deg))
    pose = Pose(mix(a.yaw_deg, b.yaw_deg), mix(a.pitch_deg, b.pitch_deg), mix(a.roll_deg, b.roll_deg), gaze)
    names = {*first.expression.weights, *second.expression.weights}
    weights = {n: mix(first.expression[n], second.expression[n]) for n in sorted(names)}
    return Frame(-1, pose, Expression(weights), _camera_between(first.camera, second.camera, t), "train")


def _camera_between(first: Camera, second: Camera, t: float) -> Camera:
    matrices = np.stack([first.world_to_cam, second.world_to_cam])
    turn = Slerp([0.0, 1.0], Rotation.from_matrix(matrices[:, :3, :3]))(t).as_matrix()
    # Orbits share their target, which lies near the origin: the way there hardly turns, so it may be mixed straight.
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = turn
    matrix[:3, 3] = matrices[0, :3, 3] + t * (matrices[1, :3, 3] - matrices[0, :3, 3])
    return replace(first, world_to_cam=matrix)
