"""Skeletons and face crops, against the rig that they are drawn from."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.subject import Subject
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Frame
from perse_engine.synthesis.video.driving import (
    COLOURS,
    NOSE,
    Skeleton,
    draw_skeleton,
    face_box,
    face_crops,
    face_points,
)


def frame(yaw: float = 0.0, pitch: float = 0.0, size: int = 256) -> Frame:
    return Frame(0, Pose(yaw, pitch), Expression(), Camera.orbit(width_px=size, height_px=size), "train")


def places(subject: Subject, at: Frame) -> dict[int, np.ndarray]:
    skeleton = Skeleton.of(subject)
    seen = at.camera.project(skeleton.rig.posed(at.pose, at.expression))[:, :2]
    return dict(zip(skeleton.numbers, seen, strict=True))


def test_body_points_are_the_rig_s_own(astronaut_subject: Subject) -> None:
    at = frame(yaw=25)
    posed = astronaut_subject.look.rig.posed(at.pose, at.expression)
    nose = at.camera.project(posed[astronaut_subject.landmark_vertices[NOSE]])[:2]
    np.testing.assert_allclose(places(astronaut_subject, at)[0], nose, atol=1e-3)


def test_shoulders_and_neck_stay_while_the_head_turns(astronaut_subject: Subject) -> None:
    still, turned = places(astronaut_subject, frame()), places(astronaut_subject, frame(yaw=30))
    # To the subject's left is to the right on the picture.
    assert turned[0][0] > still[0][0] + 5
    for number in (1, 2, 5):
        np.testing.assert_allclose(turned[number], still[number], atol=0.5)


def test_a_portrait_seen_from_the_front_is_in_order(astronaut_subject: Subject) -> None:
    seen = places(astronaut_subject, frame())
    right_shoulder, left_shoulder, right_eye, left_eye, right_ear, left_ear = (seen[n] for n in (2, 5, 14, 15, 16, 17))
    assert right_shoulder[0] < right_ear[0] < right_eye[0] < seen[0][0] < left_eye[0] < left_ear[0] < left_shoulder[0]
    assert right_eye[1] < seen[0][1] < seen[1][1]


def test_joints_have_their_colours_and_the_rest_is_black(astronaut_subject: Subject) -> None:
    drawn = Skeleton.of(astronaut_subject).draw(frame())
    x, y = places(astronaut_subject, frame())[17].astype(int)
    assert tuple(drawn[y, x]) == COLOURS[17]
    assert drawn.shape == (256, 256, 3) and 0 < (drawn.max(-1) > 0).mean() < 0.1


def test_limbs_are_drawn_between_points_that_are_there() -> None:
    both = draw_skeleton({0: np.array([10.0, 10.0]), 1: np.array([10.0, 50.0])}, 64, 64)
    one = draw_skeleton({0: np.array([10.0, 10.0])}, 64, 64)
    assert both[30, 10].any() and not one[30, 10].any() and one[10, 10].any()


def test_a_face_box_has_the_area_and_the_place_of_the_released_one() -> None:
    points = np.array([[100.0, 100.0], [180.0, 200.0]])
    x0, y0, x1, y1 = face_box(points, Camera.orbit(width_px=400, height_px=400))
    assert (x1 - x0) * (y1 - y0) == pytest.approx(1.3 * 80 * 100, rel=0.03)
    assert (100 - y0) == pytest.approx(3 * (y1 - 200), abs=2) and (100 - x0) == pytest.approx(x1 - 180, abs=1)


def test_a_box_beyond_the_picture_keeps_a_pixel_of_it() -> None:
    camera = Camera.orbit(width_px=64, height_px=64)
    x0, y0, x1, y1 = face_box(np.array([[-90.0, -90.0], [-50.0, -50.0]]), camera)
    assert 0 <= x0 < x1 <= 64 and 0 <= y0 < y1 <= 64


def test_crops_are_squares_of_the_face(astronaut_subject: Subject) -> None:
    picture = np.zeros((256, 256, 3), np.uint8)
    x, y = face_points(astronaut_subject, frame()).mean(0).astype(int)
    picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    crop = face_crops(astronaut_subject, [frame()], [picture], 32)[0]
    assert crop.shape == (32, 32, 3)
    row, column = np.argwhere(crop[..., 0] > 100).mean(0)
    assert 12 < row < 24 and 12 < column < 20
