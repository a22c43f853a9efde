"""Freckles are spots of nose and cheeks."""

from __future__ import annotations

import cv2
import numpy as np

from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.freckles import freckles
from perse_engine.synthesis.procedural.strokes import landmark_uv


def test_freckles_leave_lips_lids_and_chin_free(astronaut_subject: Subject) -> None:
    spots, maps = freckles(astronaut_subject), astronaut_subject.texel_maps
    for name in ("lips", "eyes", "beard", "eyebrows", "hair"):
        assert spots[maps[name] > 0.7].max() < 0.05, name


def test_freckles_are_round_and_differ(astronaut_subject: Subject) -> None:
    spots = freckles(astronaut_subject)
    count, _, stats, _ = cv2.connectedComponentsWithStats((spots > 0.25).astype(np.uint8))
    y, width, height, area = stats[1:, 1:].T
    assert count > 80
    assert area.max() > 4 * np.median(area)
    # The atlas itself is a little stretched beside the nose.
    assert np.median(np.maximum(width, height) / np.minimum(width, height)) < 1.7
    nose = landmark_uv(astronaut_subject)[6]
    assert np.median(np.abs(y - nose[1])) < 90


def test_freckles_are_worked_out_once(astronaut_subject: Subject) -> None:
    assert freckles(astronaut_subject) is freckles(astronaut_subject)
    assert 0.6 < freckles(astronaut_subject).max() <= 1.0
