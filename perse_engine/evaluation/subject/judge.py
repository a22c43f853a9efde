"""Pictures of a subject's mesh, and what the landmark model sees on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject
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


def picture(subject: Subject, pose: Pose, expression: Expression, camera: Camera) -> Rgb:
    """The mesh over light grey, [H, W, 3]."""
    look = subject.look
    image = draw(look, look.rig.posed(pose, expression), camera, look.texture_for(expression))
    rgba = image.rgba.astype(np.float32) / 255
    return to_uint8(rgba[..., :3] + (1 - rgba[..., 3:]) * np.array(BACKGROUND, np.float32))


def seen_landmarks(subject: Subject, pose: Pose, expression: Expression) -> Array | None:
    """Landmarks [478, 3] re-detected on a picture of the mesh; None where no face is found."""
    # Averaged over shifted copies: a single detection wobbles by as much as a quarter of a weak expression.
    found = face_models().steady_landmarks(picture(subject, pose, expression, judge_camera()))
    return None if found is None else found[0]
