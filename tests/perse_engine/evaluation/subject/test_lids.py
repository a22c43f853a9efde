"""The gap between lids, on points and on the sample's head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.evaluation.subject.lids import closed_lids, open_gap_px
from perse_engine.head.subject import Subject

UPPER, LOWER = (0, 1, 2), (0, 3, 2)


def eye(upper_y: float, lower_y: float) -> np.ndarray:
    return np.array([[0.0, 0.0], [10.0, upper_y], [20.0, 0.0], [10.0, lower_y]])


def test_the_gap_is_the_largest_height() -> None:
    assert open_gap_px(eye(-4, 3), UPPER, LOWER) == pytest.approx(7)


def test_lids_that_overlap_are_closed() -> None:
    assert open_gap_px(eye(3, -4), UPPER, LOWER) == 0


def test_the_order_along_the_eye_does_not_matter() -> None:
    assert open_gap_px(eye(-4, 3)[::-1], (3, 2, 1), (3, 0, 1)) == pytest.approx(7)


def test_the_sample_closes_its_eyes(astronaut_subject: Subject) -> None:
    found = closed_lids(astronaut_subject)
    assert max(found.gap_left_px, found.gap_right_px) < 2 and found.eyeball_px < 100


def test_a_head_that_cannot_blink_is_told(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    stiff = replace(look, rig=replace(look.rig, shapes=np.zeros_like(look.rig.shapes)))
    found = closed_lids(replace(astronaut_subject, look=stiff))
    assert min(found.gap_left_px, found.gap_right_px) > 4 and found.eyeball_px > 300
