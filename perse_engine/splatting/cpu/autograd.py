"""The CPU kernels as one differentiable torch function."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perse_engine.errors import InvalidValue
from perse_engine.scene import Camera
from perse_engine.splatting.cpu.layout import F, GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.rasterize import RasterImage, Scene

# The kernels blend three channels; more are drawn in several passes.
_CHANNELS = 3

_of_this_thread = threading.local()


def rasterize_scene(scene: Scene) -> RasterImage:
    """Draw every camera; colours of any number of channels.

    Raises:
        InvalidValue: gradients by the camera are wanted, which only the other backends give.
    """
    if scene.world_to_cam.requires_grad or scene.intrinsics.requires_grad:
        raise InvalidValue("The cpu rasteriser gives no gradient by the camera.", hint="Use backend='reference'.")
    channels = scene.colours.shape[1]
    views = []
    for camera in _cameras(scene):
        passes = [_draw(scene, camera, first) for first in range(0, channels, _CHANNELS)]
        views.append(RasterImage(torch.cat([p.colours for p in passes], -1)[..., :channels], passes[0].alpha))
    return RasterImage(torch.stack([view.colours for view in views]), torch.stack([view.alpha for view in views]))


def _draw(scene: Scene, camera: Camera, first: int) -> RasterImage:
    """Three channels from number `first` on; missing ones are 0."""
    colours, background = scene.colours[:, first : first + _CHANNELS], scene.background[first : first + _CHANNELS]
    missing = _CHANNELS - colours.shape[1]
    if missing:
        colours = torch.nn.functional.pad(colours, (0, missing))
        background = torch.nn.functional.pad(background, (0, missing))
    image, alpha = _Rasterize.apply(
        scene.means, scene.quats, scene.scales, scene.opacities, colours, background, camera
    )
    return RasterImage(image, alpha)


def _cameras(scene: Scene) -> list[Camera]:
    return [
        Camera(
            float(k[0, 0]),
            float(k[1, 1]),
            float(k[0, 2]),
            float(k[1, 2]),
            scene.width_px,
            scene.height_px,
            np.ascontiguousarray(world_to_cam.cpu().numpy(), F),
        )
        for world_to_cam, k in zip(scene.world_to_cam, scene.intrinsics, strict=True)
    ]


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy()


class _Rasterize(torch.autograd.Function):
    """Gaussians, background [3] and a camera to colours [H, W, 3] and alpha [H, W]."""

    @staticmethod
    def forward(
        ctx: Any,
        means: Tensor,
        quats: Tensor,
        scales: Tensor,
        opacities: Tensor,
        colours: Tensor,
        background: Tensor,
        camera: Camera,
    ) -> tuple[Tensor, Tensor]:
        inputs = (means, quats, scales, opacities, colours)
        ctx.wants_gradients = any(ctx.needs_input_grad)
        # The buffers of a pass with gradients are needed until its backward; others share those of their thread.
        rasterizer = CpuRasterizer() if ctx.wants_gradients else _shared_rasterizer()
        image = np.empty((camera.height_px, camera.width_px, _CHANNELS), F)
        alpha = np.empty((camera.height_px, camera.width_px), F)
        gaussians = GaussianBuffers(*(_array(tensor) for tensor in inputs))
        rasterizer.forward(gaussians, camera, _array(background), image, alpha)
        if ctx.wants_gradients:
            # Saved so that torch refuses a backward after one of them was changed in place.
            ctx.save_for_backward(*inputs)
            ctx.rasterizer = rasterizer
            ctx.alpha = alpha
        return torch.from_numpy(image).to(means), torch.from_numpy(alpha).to(means)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_image: Tensor, grad_alpha: Tensor) -> tuple[Tensor | None, ...]:
        inputs = ctx.saved_tensors
        gradients = GaussianBuffers.allocate(len(inputs[0]))
        grad = _array(grad_image)
        ctx.rasterizer.backward(grad, _array(grad_alpha), gradients)
        arrays = (gradients.means, gradients.quats, gradients.scales, gradients.opacities, gradients.colours)
        by_inputs = tuple(torch.from_numpy(array).to(tensor) for array, tensor in zip(arrays, inputs, strict=True))
        by_background = torch.from_numpy(((1 - ctx.alpha)[..., None] * grad).sum((0, 1))).to(grad_image)
        return (*by_inputs, by_background, None)


def _shared_rasterizer() -> CpuRasterizer:
    if not hasattr(_of_this_thread, "rasterizer"):
        _of_this_thread.rasterizer = CpuRasterizer()
    rasterizer: CpuRasterizer = _of_this_thread.rasterizer
    return rasterizer
