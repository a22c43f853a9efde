"""The polynomials of light against what light is: turning, mirroring, adding up, and never below 0."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.light import basis, even_light, gains, irradiance, lit_texture, posed_normals, rest_normals
from perse_engine.head.subject import Subject
from perse_engine.scene import Pose, rotation_matrix
from tests.perse_engine.head.lights import lamp


def directions(count: int = 200) -> np.ndarray:
    found = np.random.default_rng(4).standard_normal((count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_even_light_changes_nothing() -> None:
    assert gains(even_light(), directions()) == pytest.approx(1.0, abs=1e-6)


def test_turning_lamp_and_surface_together_changes_nothing() -> None:
    rotation = rotation_matrix(40, -25, 70).astype(float)
    for towards in directions(5):
        still = irradiance(lamp(towards, 0.6), directions())
        assert irradiance(lamp(rotation @ towards, 0.6), directions() @ rotation.T) == pytest.approx(still, abs=1e-6)
        assert np.ptp(still) > 0.5


def test_the_side_towards_the_lamp_is_brighter() -> None:
    left, right = irradiance(lamp([1, 0, 0.3], 0.6), np.array([[0.9, 0, 0.4], [-0.9, 0, 0.4]]))
    assert (left > 2 * right).all()


def test_the_hardest_light_leaves_something() -> None:
    assert irradiance(lamp([1, 0, 0], 4.0), directions()).min() > 0


def test_a_mean_of_normals_gets_the_mean_of_their_light() -> None:
    # Up to the first order: the second has a sixth of it or less.
    many = directions(50)
    assert basis(many.mean(0))[:4] == pytest.approx(basis(many).mean(0)[:4], abs=1e-12)


def test_half_the_share_is_between() -> None:
    light = lamp([1, 0.2, 0.3], 0.7)
    none, half, whole = (gains(light, directions(), share) for share in (0.0, 0.5, 1.0))
    assert none == pytest.approx(1.0, abs=1e-6)
    assert (np.abs(half - 1) <= np.abs(whole - 1) + 1e-3).all()


def test_the_light_stays_when_the_head_turns(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    head = look.rig.bone_weights[:, 0] == 0
    turned = posed_normals(look.rig, rest_normals(look), Pose(yaw_deg=90))
    # What looked at the camera looks to the subject's left now.
    assert turned[head, 0] == pytest.approx(rest_normals(look)[head, 2], abs=1e-5)
    body = look.rig.bone_weights[:, 0] == 1
    assert turned[body] == pytest.approx(rest_normals(look)[body])


def test_normals_of_a_face_are_smooth_and_point_out(astronaut_subject: Subject) -> None:
    normals = rest_normals(astronaut_subject.look)[astronaut_subject.landmark_vertices[:468]]
    nose, right_cheek, left_cheek, chin = normals[[4, 50, 280, 152]]
    assert nose[2] > 0.6 and right_cheek[0] < -0.2 < 0.2 < left_cheek[0] and chin[1] < nose[1]
    assert np.linalg.norm(normals, axis=1).max() < 1.001


def test_a_lit_texture_keeps_its_alpha(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    lit = lit_texture(look, look.texture, lamp([1, 0, 0.3], 0.6), Pose())
    assert (lit[..., 3] == look.texture[..., 3]).all()
    assert np.abs(lit[..., :3] - look.texture[..., :3]).max() > 0.1
