"""The rasterisers that training may use: one picture, and one set of gradients."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.properties import OPACITY
from perse_engine.errors import InvalidValue
from perse_engine.scene import Camera
from perse_engine.splatting import RasterMode
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.synthesis.dataset import Dataset

MODES: tuple[RasterMode, ...] = ("classic", "antialiased")


@pytest.mark.parametrize("raster_mode", MODES)
def test_training_is_the_same_by_torch_and_by_the_kernels(raster_mode: RasterMode) -> None:
    random, camera = np.random.default_rng(0), Camera.orbit(width_px=24, height_px=20, target=(0, 0, 0))
    gaussians = GaussianBuffers(
        random.uniform(-0.1, 0.1, (40, 3)).astype(np.float32),
        random.normal(size=(40, 4)).astype(np.float32),
        random.uniform(0.002, 0.02, (40, 3)).astype(np.float32),
        random.uniform(0.2, 0.9, 40).astype(np.float32),
        random.uniform(size=(40, 3)).astype(np.float32),
    )
    drawn = []
    for name in ("cpu", "reference"):
        rasterizer, backend = training_rasterizer(name, raster_mode)
        assert backend == name
        colours, alpha = np.zeros((20, 24, 3), np.float32), np.zeros((20, 24), np.float32)
        gradients = GaussianBuffers.allocate(40)
        rasterizer.forward(gaussians, camera, np.zeros(3, np.float32), colours, alpha)
        rasterizer.backward(np.ones_like(colours), np.ones_like(alpha), gradients)
        drawn.append((colours, alpha, gradients.means, gradients.scales, gradients.opacities))
    for ours, theirs in zip(*drawn, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-3 * np.abs(theirs).max())


def test_what_is_transparent_changes_nothing_and_feels_nothing(tiny_avatar: Avatar, tiny_dataset: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", "antialiased")
    base, frame = tiny_avatar.base, tiny_dataset.frames[0]
    vertices = tiny_avatar.binding.rig.posed(frame.pose, frame.expression)
    view = View(tiny_avatar.binding, rasterizer, (64, 64))
    x = base.copy()
    hidden = np.arange(0, len(x), 2)
    x[hidden, OPACITY] = -0.3
    view.draw(x, vertices, frame.camera)
    colours, alpha = view.colours.copy(), view.alpha.copy()
    back = view.back(np.ones_like(colours), np.ones_like(alpha)).copy()
    seen = view.colour_gradients(np.ones_like(colours))
    x[hidden] = base[hidden]
    x[hidden, OPACITY] = 1e-4
    view.draw(x, vertices, frame.camera)
    assert np.array_equal(view.colours, colours)
    assert np.array_equal(view.back(np.ones_like(colours), np.ones_like(alpha)), back)
    assert np.abs(back).max() > 0
    assert not back[hidden].any()
    assert not seen[hidden].any()


def test_an_opacity_that_is_no_number_is_refused(tiny_avatar: Avatar, tiny_dataset: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", "antialiased")
    frame, x = tiny_dataset.frames[0], tiny_avatar.base.copy()
    x[3, OPACITY] = np.nan
    vertices = tiny_avatar.binding.rig.posed(frame.pose, frame.expression)
    view = View(tiny_avatar.binding, rasterizer, (64, 64))
    with pytest.raises(InvalidValue, match="finite"):
        view.draw(x, vertices, frame.camera)
