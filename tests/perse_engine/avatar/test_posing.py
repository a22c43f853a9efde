"""What a look does not show is left out, and no picture tells the difference."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.posing import posed_cloud
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer

CAMERA = Camera.orbit(width_px=96, height_px=96)


@pytest.mark.parametrize("jaw", [0.0, 0.7])
@pytest.mark.parametrize("with_variant", [False, True])
def test_a_rendered_frame_is_the_whole_cloud_drawn(tiny_avatar: Avatar, jaw: float, with_variant: bool) -> None:
    look = Look()
    if with_variant:
        category, variants = next(iter(tiny_avatar.variants().items()))
        look = Look({category: {variants[0]: 0.6}})
    pose, expression = Pose(15, -5), Expression({"jawOpen": jaw})
    cloud = posed_cloud(tiny_avatar, tiny_avatar.bake(look), pose, expression)
    assert len(cloud) == len(tiny_avatar)
    rgb, alpha = np.zeros((96, 96, 3), np.float32), np.zeros((96, 96), np.float32)
    CpuRasterizer(tiny_avatar.raster_mode).forward(
        GaussianBuffers.of(cloud), CAMERA, np.zeros(3, np.float32), rgb, alpha
    )
    drawn = Renderer(tiny_avatar, "cpu").render(look, pose, expression, CAMERA)
    assert np.array_equal(drawn.alpha, alpha)
    assert np.array_equal(drawn.rgb, np.clip(rgb, 0, 1))


def test_views_of_one_frame_are_the_frames_drawn_one_by_one(tiny_avatar: Avatar) -> None:
    renderer = Renderer(tiny_avatar, "cpu")
    cameras = [Camera.orbit(10 * k, width_px=64, height_px=48) for k in range(6)]
    together = renderer.render_views(Look(), Pose(5), Expression(), cameras)
    for camera, view in zip(cameras, together, strict=True):
        alone = renderer.render(Look(), Pose(5), Expression(), camera)
        assert np.array_equal(view.rgb, alone.rgb)
        assert np.array_equal(view.alpha, alone.alpha)
