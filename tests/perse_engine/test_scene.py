"""Camera, pose and expression: signs and round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.scene import Camera, Expression, Gaze, Pose, rotation_matrix
from perse_engine.vocabulary import ARKIT_NAMES, EYE_LOOK_MAX_DEG

ANGLES = st.floats(-80, 80)
FACE = np.array([0.0, 0.0, 1.0])
LEFT_EAR, TOP = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])


@given(ANGLES, ANGLES, st.floats(0.3, 5), st.floats(5, 60))
def test_the_target_of_an_orbit_is_in_the_middle_of_the_picture(
    yaw: float, pitch: float, distance: float, fov: float
) -> None:
    target = (0.01, -0.03, -0.08)
    camera = Camera.orbit(yaw, pitch, distance_m=distance, fov_deg=fov, width_px=64, height_px=48, target=target)
    assert np.allclose(camera.project(np.array(target, np.float32)), (32, 24, distance), atol=0.02)


@given(ANGLES, ANGLES, st.tuples(*[st.floats(-0.2, 0.2)] * 3))
def test_a_projected_point_is_found_again_from_its_pixel_and_depth(
    yaw: float, pitch: float, point: tuple[float, float, float]
) -> None:
    camera = Camera.orbit(yaw, pitch, width_px=64, height_px=48)
    x, y, depth = (float(v) for v in camera.project(np.array(point, np.float32)))
    in_camera = depth * np.linalg.solve(camera.intrinsics().astype(float), np.array([x, y, 1.0]))
    rotation, shift = camera.world_to_cam[:3, :3], camera.world_to_cam[:3, 3]
    assert np.allclose(rotation.T @ (in_camera - shift), point, atol=1e-4)


@given(ANGLES, ANGLES)
def test_an_orbit_is_a_rigid_motion(yaw: float, pitch: float) -> None:
    rotation = Camera.orbit(yaw, pitch).world_to_cam[:3, :3].astype(float)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-4)


@given(st.integers(1, 300), st.integers(1, 300))
def test_resizing_moves_points_with_the_picture(width: int, height: int) -> None:
    camera, point = Camera.orbit(10, 5, width_px=64, height_px=48), np.array([0.05, 0.02, 0.01], np.float32)
    before, after = camera.project(point), camera.resized(width, height).project(point)
    assert np.allclose(after[:2], before[:2] * (width / 64, height / 48), rtol=1e-4, atol=1e-3)


def test_up_is_up_and_the_subjects_left_is_right_on_the_picture() -> None:
    camera = Camera.orbit(width_px=64, height_px=64, target=(0.0, 0.0, 0.0))
    x, y, _ = camera.project(np.array([0.02, 0.01, 0.0], np.float32))
    assert x > 32
    assert y < 32


def test_the_field_of_view_spans_the_shorter_side() -> None:
    camera = Camera.orbit(fov_deg=90, distance_m=1, width_px=200, height_px=100, target=(0.0, 0.0, 0.0))
    assert np.allclose(camera.project(np.array([0, 1, 0], np.float32))[:2], (100, 0), atol=1e-3)


def test_positive_camera_yaw_goes_to_the_subjects_left() -> None:
    camera = Camera.orbit(30, 20)
    place = -camera.world_to_cam[:3, :3].T @ camera.world_to_cam[:3, 3]
    assert place[0] > 0.3
    assert place[1] > 0.2


def test_positive_yaw_turns_the_face_to_the_subjects_left() -> None:
    assert (Pose(30).rotation() @ FACE)[0] == pytest.approx(0.5)


def test_positive_pitch_looks_up() -> None:
    assert (Pose(0, 30).rotation() @ FACE)[1] == pytest.approx(0.5)


def test_positive_roll_lowers_the_right_ear() -> None:
    assert (Pose(0, 0, 30).rotation() @ -LEFT_EAR)[1] == pytest.approx(-0.5)
    assert (Pose(0, 0, 30).rotation() @ TOP)[0] == pytest.approx(-0.5)


@given(ANGLES, ANGLES, ANGLES)
def test_rotations_have_determinant_one(yaw: float, pitch: float, roll: float) -> None:
    rotation = rotation_matrix(yaw, pitch, roll).astype(float)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-4)


def test_an_absent_expression_weighs_nothing() -> None:
    assert Expression()["jawOpen"] == 0


def test_an_unknown_expression_is_refused() -> None:
    with pytest.raises(UnknownName, match="jawopen"):
        Expression({"jawopen": 0.5})


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_weight_outside_0_to_1_is_refused(weight: float) -> None:
    with pytest.raises(InvalidValue):
        Expression({"jawOpen": weight})


@given(st.dictionaries(st.sampled_from(ARKIT_NAMES), st.floats(0, 1)))
def test_gaze_stays_within_the_human_limits(weights: dict[str, float]) -> None:
    for eye in Expression(weights).gaze().values():
        assert abs(eye.yaw_deg) <= EYE_LOOK_MAX_DEG[0]
        assert abs(eye.pitch_deg) <= EYE_LOOK_MAX_DEG[1]


def test_looking_out_with_the_left_eye_and_in_with_the_right_turns_both_to_the_left() -> None:
    gaze = Expression({"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}).gaze()
    assert gaze == {"eyeLeft": Gaze(EYE_LOOK_MAX_DEG[0], 0), "eyeRight": Gaze(EYE_LOOK_MAX_DEG[0], 0)}
