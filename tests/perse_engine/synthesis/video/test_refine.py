"""Pose and expression from landmarks that were moved by known amounts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.head.subject import Subject
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Frame
from perse_engine.synthesis.learned.paste import transformed
from perse_engine.synthesis.video.refine import Refiner

DRIVEN = Frame(3, Pose(10, -4, 2), Expression({"jawOpen": 0.3}), Camera.orbit(width_px=256, height_px=256), "train")


def landmarks(subject: Subject, frame: Frame) -> np.ndarray:
    """What a perfect detector sees of a frame, [478, 2] px."""
    posed = subject.look.rig.posed(frame.pose, frame.expression)[subject.landmark_vertices]
    return frame.camera.project(posed)[:, :2].astype(np.float64)


def test_a_model_that_obeys_is_believed(astronaut_subject: Subject) -> None:
    seen = landmarks(astronaut_subject, DRIVEN)
    found = Refiner(astronaut_subject).refine(DRIVEN, seen, seen)
    assert found.turn_deg < 0.05 and found.residual < 1e-3 and found.frame.index == 3
    np.testing.assert_allclose(found.to_rig, np.c_[np.eye(2), np.zeros(2)], atol=0.02)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(16, -4, 2), (10, 3, 2), (10, -4, -5), (4, -8, 6)])
def test_a_head_that_turned_otherwise_is_found(
    astronaut_subject: Subject, yaw: float, pitch: float, roll: float
) -> None:
    strayed = replace(DRIVEN, pose=Pose(yaw, pitch, roll))
    drawn, seen = landmarks(astronaut_subject, DRIVEN), landmarks(astronaut_subject, strayed)
    found = Refiner(astronaut_subject).refine(DRIVEN, drawn, seen)
    pose = found.frame.pose
    assert (pose.yaw_deg, pose.pitch_deg, pose.roll_deg) == pytest.approx((yaw, pitch, roll), abs=1.2)
    assert found.drift > 4 * found.residual and found.turn_deg > 4


def test_an_expression_that_was_missed_is_found(astronaut_subject: Subject) -> None:
    strayed = replace(DRIVEN, expression=Expression({"jawOpen": 0.65, "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}))
    drawn, seen = landmarks(astronaut_subject, DRIVEN), landmarks(astronaut_subject, strayed)
    found = Refiner(astronaut_subject).refine(DRIVEN, drawn, seen).frame.expression
    assert found["jawOpen"] == pytest.approx(0.65, abs=0.08)
    assert found["mouthSmileLeft"] == pytest.approx(0.5, abs=0.12)


def test_a_detector_that_always_errs_alike_does_not_matter(astronaut_subject: Subject) -> None:
    bias = np.random.default_rng(0).normal(0, 3, (478, 2))
    drawn = landmarks(astronaut_subject, DRIVEN) + bias
    seen = landmarks(astronaut_subject, replace(DRIVEN, pose=Pose(16, -4, 2))) + bias
    assert Refiner(astronaut_subject).refine(DRIVEN, drawn, seen).frame.pose.yaw_deg == pytest.approx(16, abs=1.2)


def test_a_picture_that_moved_is_brought_back(astronaut_subject: Subject) -> None:
    drawn = landmarks(astronaut_subject, DRIVEN)
    seen = drawn.mean(0) + 1.03 * (drawn - drawn.mean(0)) + (3.0, -2.0)
    found = Refiner(astronaut_subject).refine(DRIVEN, drawn, seen)
    there = transformed(seen, found.to_rig)
    assert np.linalg.norm(there - drawn, axis=1).mean() < 0.5 < np.linalg.norm(seen - drawn, axis=1).mean()
    assert found.turn_deg < 1


def test_nonsense_is_not_explained(astronaut_subject: Subject) -> None:
    drawn = landmarks(astronaut_subject, DRIVEN)
    seen = drawn + np.random.default_rng(1).normal(0, 12, drawn.shape)
    assert Refiner(astronaut_subject).refine(DRIVEN, drawn, seen).residual > 0.1
