"""The rasterisers that training may use: one picture, and one set of gradients."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.drawing import training_rasterizer
from perse_engine.scene import Camera
from perse_engine.splatting import RasterMode
from perse_engine.splatting.cpu.layout import GaussianBuffers

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
