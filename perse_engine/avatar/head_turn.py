"""Turning a posed head a little further, and how its pixels move when that is done."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import Binding
from perse_engine.avatar.drawing import View
from perse_engine.avatar.properties import COLOUR
from perse_engine.head.rig import BONES, Rig
from perse_engine.scene import Camera, FloatArray

TORSO, HEAD = BONES.index("torso"), BONES.index("head")
NEAR_SIGMA_PX, FAR_SIGMA_PX, FAR_SHARE = 1.0, 8.0, 1e-3
"""Blurs that carry the motion beyond the head's outline: what is worn there moves with it."""


def turned(rig: Rig, vertices: FloatArray, turn_deg: FloatArray) -> FloatArray:
    """Posed vertices [V, 3] with the head turned further about its pivot: rotation vector [3], degrees, world axes.

    What follows the torso in part turns in part; to the first order this is what skinning gives.
    """
    rotation, _ = cv2.Rodrigues(np.radians(turn_deg.astype(np.float64)))
    offset = (vertices - rig.bone_pivots[HEAD]) @ (rotation - np.eye(3)).T.astype(np.float32)
    return np.asarray(vertices + (1 - rig.bone_weights[:, TORSO, None]) * offset, np.float32)


def head_flow(view: View, x: FloatArray, binding: Binding, vertices: FloatArray, camera: Camera) -> FloatArray:
    """How pixels move with the head: [h, w, 6] of the view's size, px of the camera's picture per degree.

    Channels: (right, down) for a turn about the world's x axis, then y, then z, through the head's pivot. `x` [N, 14]
    is what is drawn; its colours do not matter.
    """
    points = (vertices[binding.triangles] * binding.bary[..., None]).sum(1)
    motion = _motion(binding, points, camera)
    height, width = view.alpha.shape
    painted, pictures = x.copy(), []
    for three in (slice(0, 3), slice(3, 6)):
        painted[:, COLOUR] = motion[:, three]
        view.draw(painted, vertices, camera.resized(width, height))
        pictures.append(view.colours.copy())
    return _carried_on(np.dstack(pictures), view.alpha)


def _motion(binding: Binding, points: FloatArray, camera: Camera) -> FloatArray:
    """The same for world points [N, 3] that are bound, [N, 6]: the derivative of their projection."""
    rig = binding.rig
    share = ((1 - rig.bone_weights[binding.triangles, TORSO]) * binding.bary).sum(1)
    arms = points - rig.bone_pivots[HEAD]
    x, y, z = camera.to_camera(points).T
    columns = []
    for axis in np.radians(np.eye(3)):
        right, down, away = ((share[:, None] * np.cross(axis, arms)) @ camera.world_to_cam[:3, :3].T).T
        columns += [camera.fx * (right - x / z * away) / z, camera.fy * (down - y / z * away) / z]
    return np.stack(columns, 1).astype(np.float32)


def _carried_on(premultiplied: FloatArray, alpha: FloatArray) -> npt.NDArray[np.float32]:
    """Values [h, w, C] divided by alpha [h, w]; where there is none, those of the surroundings."""
    both = np.dstack([premultiplied, alpha])
    near, far = (cv2.GaussianBlur(both, (0, 0), sigma) for sigma in (NEAR_SIGMA_PX, FAR_SIGMA_PX))
    mixed = near + FAR_SHARE * far
    return np.asarray(mixed[..., :-1] / (mixed[..., -1:] + 1e-9), np.float32)
