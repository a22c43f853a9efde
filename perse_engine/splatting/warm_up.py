"""Compile every kernel before it is needed: about 20 s on a new machine, then half a second from the cache."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perse_engine.progress import Progress
from perse_engine.scene import Camera
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.losses import ImageLoss, LossWeights


def warm_up(progress: Progress) -> None:
    """Run every kernel of the CPU backend once on a tiny scene, reporting stage 'compile'.

    A step cannot be interrupted, and takes up to ten seconds where nothing is cached.
    """
    side = 16
    camera = Camera.orbit(width_px=side, height_px=side)
    gaussians, gradients = GaussianBuffers.allocate(16), GaussianBuffers.allocate(16)
    gaussians.quats[:, 0] = 1
    gaussians.scales[:] = 0.05
    gaussians.opacities[:] = 0.5
    rasterizer = CpuRasterizer()
    colours, grad_colours = np.zeros((side, side, 3), np.float32), np.zeros((side, side, 3), np.float32)
    alpha, grad_alpha = np.zeros((side, side), np.float32), np.zeros((side, side), np.float32)
    loss = ImageLoss(LossWeights())
    adam = Adam(gaussians.means, np.zeros(3, np.float32))
    steps: tuple[Callable[[], object], ...] = (
        lambda: rasterizer.forward(gaussians, camera, np.zeros(3, np.float32), colours, alpha),
        lambda: loss(colours, alpha, colours, alpha, grad_colours, grad_alpha),
        lambda: rasterizer.backward(grad_colours, grad_alpha, gradients),
        lambda: adam.step(gradients.means),
    )
    for done, step in enumerate(steps):
        progress.report("compile", done, len(steps))
        step()
    progress.report("compile", len(steps), len(steps))
