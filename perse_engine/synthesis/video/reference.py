"""The picture of a look that a video model goes by, in the camera of the clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.photo_light import in_even_light
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera
from perse_engine.synthesis.learned.edits import EditFolder
from perse_engine.synthesis.learned.masks import source_view
from perse_engine.synthesis.learned.paste import paste, similarity
from perse_engine.synthesis.video.backdrop import BACKDROP
from perse_engine.synthesis.video.frame_mask import frame_mask

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

BLUR_PER_PX = 0.35
"""Standard deviation of the blur before a picture is made smaller, per pixel that becomes one."""


def reference_picture(subject: Subject, look: Look, dressed: TexturedRig, edits: Path | None, camera: Camera) -> Rgb:
    """A look as on the photo, but in even light, in `camera`, over the backdrop, [H, W, 3].

    The accepted picture of an editor where `edits` has one; else the portrait, with what the rig's picture changes.
    """
    before, after = source_view(subject, subject.look), source_view(subject, dressed)
    picture = None if edits is None else _edited(look, EditFolder(edits))
    if picture is None:
        straight = after.rgba[..., :3] / np.maximum(after.rgba[..., 3:] / 255, 1 / 255)
        photo = in_even_light(subject, subject.work_rgb)
        picture = paste(photo, straight.clip(0, 255).astype(np.uint8), frame_mask(before, after))
    else:
        picture = in_even_light(replace(subject, look=dressed), picture)
    alpha = np.maximum(subject.work_person, after.rgba[..., 3] / np.float32(255))[..., None]
    over = BACKDROP + (picture - np.float32(BACKDROP)) * alpha
    return warped_to(np.clip(over + 0.5, 0, 255).astype(np.uint8), photo_to_camera(subject, camera), camera)


def photo_to_camera(subject: Subject, camera: Camera) -> Array:
    """The similarity [2, 3] that brings the landmarks of the photo's view to where `camera` sees them, px."""
    posed = subject.look.rig.posed(subject.source_pose, subject.source_expression)[subject.landmark_vertices]
    return similarity(subject.source_camera.project(posed)[:, :2], camera.project(posed)[:, :2])


def warped_to(picture: Rgb, matrix: Array, camera: Camera) -> Rgb:
    """The picture moved by [2, 3] to the camera's size; the backdrop where it has nothing."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    smooth = cv2.GaussianBlur(picture, (0, 0), BLUR_PER_PX / scale) if scale < 1 else picture
    # cv2 counts pixels from their centres; ours lie at .5.
    shift = matrix[:, :2] @ np.full(2, 0.5) - 0.5
    return np.asarray(
        cv2.warpAffine(
            smooth, np.c_[matrix[:, :2], matrix[:, 2] + shift], (camera.width_px, camera.height_px),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(BACKDROP,) * 3,
        ),
        np.uint8,
    )  # fmt: skip


def _edited(look: Look, edits: EditFolder) -> Rgb | None:
    """The editor's picture of a look that is one variant."""
    chosen = [(c, id, w) for c, weights in look.variants.items() for id, w in weights.items() if w > 0]
    if len(chosen) != 1 or chosen[0][2] != 1:
        return None
    return edits.picture(*chosen[0][:2])
