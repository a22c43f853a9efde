"""Pictures of a subject's mesh, and what the landmark model sees on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.light import lit_texture
from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject
from perse_engine.portrait.frames import head_pose_deg
from perse_engine.portrait.landmarks import face_models
from perse_engine.rendering.image import to_uint8
from perse_engine.scene import Camera, Expression, Pose

Array = npt.NDArray[Any]
Rgb = npt.NDArray[np.uint8]

BACKGROUND = (0.82, 0.84, 0.86)
JUDGE_PX = 512
JUDGE_FOV_DEG = 16.0


def judge_camera() -> Camera:
    """The frontal camera of every measured picture."""
    return Camera.orbit(width_px=JUDGE_PX, height_px=JUDGE_PX, fov_deg=JUDGE_FOV_DEG)


def picture(subject: Subject, pose: Pose, expression: Expression, camera: Camera, light: float = 0.0) -> Rgb:
    """The mesh over light grey, [H, W, 3]; `light` is the share 0..1 of the photo's light, 0 even light."""
    look = subject.look
    texture = look.texture_for(expression)
    if light:
        texture = lit_texture(look, texture, subject.source_light, pose, light)
    image = draw(look, look.rig.posed(pose, expression), camera, texture)
    rgba = image.rgba.astype(np.float32) / 255
    return to_uint8(rgba[..., :3] + (1 - rgba[..., 3:]) * np.array(BACKGROUND, np.float32))


def source_picture(subject: Subject) -> Rgb:
    """The mesh as on the photo: its pose, expression, camera and light."""
    return picture(subject, subject.source_pose, subject.source_expression, subject.source_camera, 1.0)


def seen_landmarks(subject: Subject, pose: Pose, expression: Expression) -> Array | None:
    """Landmarks [478, 3] re-detected on a picture of the mesh; None where no face is found."""
    # Averaged over shifted copies: a single detection wobbles by as much as a quarter of a weak expression.
    found = face_models().steady_landmarks(picture(subject, pose, expression, judge_camera()))
    return None if found is None else found[0]


def read_turn_deg(subject: Subject, pose: Pose) -> tuple[float, float] | None:
    """Yaw and pitch that the landmark model reads on a picture of the mesh; None where no face is found.

    The mean of the picture's and its mirror image's: the model's own leaning to one side, up to 1.5 degrees, cancels.
    """
    rgb = picture(subject, pose, Expression(), judge_camera())
    plain, mirrored = (face_models().steady_landmarks(np.ascontiguousarray(p)) for p in (rgb, rgb[:, ::-1]))
    if plain is None or mirrored is None:
        return None
    (yaw, pitch, _), (mirrored_yaw, mirrored_pitch, _) = head_pose_deg(plain[0]), head_pose_deg(mirrored[0])
    return (yaw - mirrored_yaw) / 2, (pitch + mirrored_pitch) / 2


def shown_turn_deg(subject: Subject, pose: Pose) -> tuple[float, float]:
    """Yaw and pitch of the head against the line from its face to the judge's camera.

    A head that turns about the neck moves its face aside, so a camera at a distance of 1 m sees it from further round:
    a tenth more than was asked.
    """
    points = subject.look.rig.posed(pose, Expression())[subject.landmark_vertices]
    view = judge_camera().world_to_cam
    eye = -view[:3, :3].T @ view[:3, 3]
    x, y, z = eye - points.mean(0)
    return (
        pose.yaw_deg - float(np.degrees(np.arctan2(x, z))),
        pose.pitch_deg - float(np.degrees(np.arctan2(y, np.hypot(x, z)))),
    )
