"""Whether both cheeks are equally bright: on the photo, and on the textures, which are to be without its light."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from perse_engine.evaluation.subject.judge import Rgb, source_picture
from perse_engine.head.light import POWER, even_light
from perse_engine.head.photo_light import LUMA
from perse_engine.head.subject import Subject
from perse_engine.scene import FloatArray

LEFT, RIGHT = (280, 425, 330, 411, 347), (50, 205, 101, 187, 118)
WINDOW_PX = 9


@dataclass(frozen=True)
class CheekBalance:
    """The left cheek's mean linear luminance over the right one's."""

    photo: float
    unlit: float


def cheek_balance(subject: Subject) -> CheekBalance:
    """Compare them on the photo and on the source view in even light."""
    vertices = subject.look.rig.posed(subject.source_pose, subject.source_expression)
    places = subject.source_camera.project(vertices[subject.landmark_vertices])[:, :2].astype(int)
    unlit = source_picture(replace(subject, source_light=even_light()))
    return CheekBalance(_balance(subject.work_rgb, places), _balance(unlit, places))


def _balance(picture: Rgb, places: FloatArray) -> float:
    linear = (picture / np.float32(255)) ** POWER @ LUMA
    soft = cv2.blur(linear, (WINDOW_PX, WINDOW_PX))

    def mean(landmarks: tuple[int, ...]) -> float:
        x, y = places[list(landmarks)].T
        return float(soft[y, x].mean())

    return mean(LEFT) / max(mean(RIGHT), 1e-6)
