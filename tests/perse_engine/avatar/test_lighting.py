"""The photo's light on Gaussians: as on the mesh, on the side that it comes from, and only when it is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar, SourceLight, rest_points
from perse_engine.avatar.growth.grow import Grown
from perse_engine.avatar.lighting import extended
from perse_engine.errors import InvalidValue
from perse_engine.evaluation.pictures import psnr_db
from perse_engine.evaluation.subject.judge import picture
from perse_engine.head.light import even_light, gains
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, FloatArray, Pose
from tests.perse_engine.avatar.growth.conftest import curly
from tests.perse_engine.head.lights import lamp

__all__ = ["curly"]
CAMERA = Camera.orbit(width_px=96, height_px=96)
GREY = (0.82, 0.84, 0.86)
LEFT = lamp([1, 0, 0.3], 0.6)


def lit(avatar: Avatar, coefficients: FloatArray) -> Avatar:
    """The avatar as if its photo had had another light."""
    assert avatar.light is not None
    return replace(avatar, light=SourceLight(coefficients, avatar.light.normals))


def shown(avatar: Avatar, light: float, pose: Pose | None = None) -> FloatArray:
    return Renderer(avatar, "cpu").render(Look(), pose or Pose(), Expression(), CAMERA, GREY, light).rgb


def test_even_light_and_none_of_it_change_nothing(tiny_avatar: Avatar) -> None:
    plain = shown(tiny_avatar, 0.0)
    assert np.abs(shown(lit(tiny_avatar, even_light()), 1.0) - plain).max() < 1e-5
    assert np.array_equal(shown(lit(tiny_avatar, LEFT), 0.0), plain)


def test_it_is_the_light_of_the_mesh(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    subject = replace(astronaut_subject, source_light=LEFT)
    for pose in (Pose(), Pose(yaw_deg=-30)):
        meshes = [picture(subject, pose, Expression(), CAMERA, light) / 255.0 for light in (0.0, 1.0)]
        avatars = [shown(lit(tiny_avatar, LEFT), light, pose) for light in (0.0, 1.0)]
        head = np.abs(meshes[0] - GREY).max(-1) > 0.1
        # What the light changes, so that what a tiny avatar gets wrong does not count.
        asked, done = (np.where(head[..., None], b - a + 0.5, 0.5) for a, b in (meshes, avatars))
        assert psnr_db(done, asked, head) > psnr_db(np.full_like(asked, 0.5), asked, head) + 10


def test_the_light_stays_where_it_is_when_the_head_turns(tiny_avatar: Avatar) -> None:
    for yaw in (-40.0, 0.0, 40.0):
        change = shown(lit(tiny_avatar, LEFT), 1.0, Pose(yaw)) - shown(tiny_avatar, 0.0, Pose(yaw))
        assert change[20:70, 52:].mean() > change[20:70, :44].mean() + 0.01


def test_an_avatar_whose_colours_have_the_light_says_so(tiny_avatar: Avatar) -> None:
    with pytest.raises(InvalidValue, match="light in them"):
        shown(replace(tiny_avatar, light=None), 1.0)


@pytest.mark.parametrize("share", [-0.5, 1.5, float("nan")])
def test_a_share_is_0_to_1(tiny_avatar: Avatar, share: float) -> None:
    with pytest.raises(InvalidValue, match="a share"):
        shown(tiny_avatar, share)


def test_added_gaussians_face_as_their_neighbours_do(tiny_avatar: Avatar, curly: Grown) -> None:
    assert tiny_avatar.light is not None
    longer = extended(tiny_avatar.light, tiny_avatar.binding, curly.avatar.binding)
    count = len(tiny_avatar)
    assert np.array_equal(longer.normals[:count], tiny_avatar.light.normals)
    points = rest_points(curly.avatar.binding)
    new = np.arange(count, len(points))[::20]
    assert len(new) > 5
    nearest = [np.argmin(((points[:count] - points[i]) ** 2).sum(1)) for i in new]
    away = gains(LEFT, longer.normals[new]) - gains(LEFT, longer.normals[nearest])
    assert np.median(np.abs(away)) < 0.06
