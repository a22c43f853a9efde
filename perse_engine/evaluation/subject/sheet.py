"""A portrait's contact sheet: the photo and its reproduction, and expressions from all sides."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from perse_engine.evaluation.subject.judge import Rgb, picture, source_picture
from perse_engine.evaluation.subject.measures import face_region
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import Regions
from perse_engine.scene import Camera, Expression, Pose

CELL_PX = 320
YAWS_DEG = (-45, -35, -20, 0, 20, 35, 45)
EXPRESSIONS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    "jawOpen 0.6": {"jawOpen": 0.6},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
}
DIFFERENCE_GAIN = 4


def contact_sheet(subject: Subject, regions: Regions) -> Rgb:
    """A row per expression and a column per yaw; left of them photo, source view, difference and measured region."""
    camera = Camera.orbit(width_px=CELL_PX, height_px=CELL_PX)
    rows = []
    for (name, weights), first in zip(EXPRESSIONS.items(), _source_column(subject, regions), strict=True):
        cells = [first]
        for yaw in YAWS_DEG:
            cell = picture(subject, Pose(yaw), Expression(dict(weights)), camera)
            cells.append(_captioned(cell, f"{name}, yaw {yaw}"))
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _source_column(subject: Subject, regions: Regions) -> list[Rgb]:
    photo = subject.work_rgb
    view = source_picture(subject)
    region = face_region(regions)
    difference = np.abs(view.astype(np.float32) - photo).mean(-1, keepdims=True) * np.ones(3, np.float32)
    difference = np.clip(DIFFERENCE_GAIN * difference, 0, 255).astype(np.uint8)
    measured = np.where(region[..., None], photo, photo // 3).astype(np.uint8)
    named = {
        "photo": photo, "source view": view, f"difference x{DIFFERENCE_GAIN}": difference, "measured face": measured,
    }  # fmt: skip
    return [_captioned(cv2.resize(p, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA), n) for n, p in named.items()]


def _captioned(cell: Rgb, caption: str) -> Rgb:
    for colour, width in (((255, 255, 255), 3), ((20, 20, 20), 1)):
        cv2.putText(cell, caption, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, width, cv2.LINE_AA)
    return cell
