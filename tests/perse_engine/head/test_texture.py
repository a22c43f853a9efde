"""The head's texture against the photo that it was baked from."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from perse_engine.evaluation.subject.judge import source_picture
from perse_engine.evaluation.subject.measures import detail_variance
from perse_engine.head.build import build_subject
from perse_engine.portrait.portrait import PortraitAnalysis


def test_the_grain_of_the_skin_survives(astronaut_analysis: PortraitAnalysis) -> None:
    photo = astronaut_analysis.work_rgb
    grain = np.random.default_rng(0).normal(size=photo.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.8)
    rough = np.clip(photo + (8 / grain.std()) * grain[..., None], 0, 255).astype(np.uint8)
    subject = build_subject(replace(astronaut_analysis, work_rgb=rough))
    view = source_picture(subject)
    skin = np.zeros(photo.shape[:2], bool)
    for landmark in (50, 280, 151):  # cheeks, forehead
        x, y = astronaut_analysis.landmarks[landmark, :2].astype(int)
        skin[y - 15 : y + 16, x - 15 : x + 16] = True
    own, true = (detail_variance(p / np.float32(255), skin) for p in (view, rough))
    assert 0.85 < own / true < 1.05
