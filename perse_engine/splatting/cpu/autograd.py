"""The CPU kernels as one differentiable torch function."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from torch import Tensor

from perse_engine.errors import InvalidValue
from perse_engine.scene import Camera
from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.cpu.layout import F, GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.rasterize import RasterImage, Scene

# The kernels blend three channels at a time; more are drawn over the same projection and order.
_CHANNELS = 3

_of_this_thread = threading.local()


def rasterize_scene(scene: Scene) -> RasterImage:
    """Draw every camera; colours of any number of channels.

    Raises:
        InvalidValue: gradients by the camera are wanted, which only the other backends give.
    """
    if scene.world_to_cam.requires_grad or scene.intrinsics.requires_grad:
        raise InvalidValue("The cpu rasteriser gives no gradient by the camera.", hint="Use backend='reference'.")
    views = [
        _Rasterize.apply(
            scene.means, scene.quats, scene.scales, scene.opacities, *scene.channels(number), camera, scene.raster_mode
        )
        for number, camera in enumerate(_cameras(scene))
    ]
    return scene.image(torch.stack([colours for colours, _ in views]), torch.stack([alpha for _, alpha in views]))


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
    """Gaussians with colours [N, D], background [D] and a camera to colours [H, W, D] and alpha [H, W]."""

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
        raster_mode: RasterMode,
    ) -> tuple[Tensor, Tensor]:
        inputs = (means, quats, scales, opacities, colours)
        ctx.wants_gradients = any(ctx.needs_input_grad)
        # The buffers of a pass with gradients are needed until its backward; others share those of their thread.
        rasterizer = CpuRasterizer(raster_mode) if ctx.wants_gradients else _shared_rasterizer(raster_mode)
        alpha = np.empty((camera.height_px, camera.width_px), F)
        triples, behind = _triples(_array(colours)), _triples(_array(background)[None])
        images = [np.empty((*alpha.shape, _CHANNELS), F) for _ in triples]
        gaussians = GaussianBuffers(_array(means), _array(quats), _array(scales), _array(opacities), triples[0])
        rasterizer.forward(gaussians, camera, behind[0][0], images[0], alpha)
        for triple, image, last in zip(triples[1:], images[1:], behind[1:], strict=True):
            rasterizer.recolour(triple, last[0], image[None])
        # Copies: the caller may change what it gets, and backward reads what was drawn.
        image = np.concatenate(images, -1)[..., : colours.shape[1]]
        if ctx.wants_gradients:
            # Saved so that torch refuses a backward after one of them was changed in place.
            ctx.save_for_backward(*inputs)
            ctx.kept = (rasterizer, triples, behind, images, alpha)
        return torch.from_numpy(image).to(means), torch.from_numpy(alpha.copy()).to(means)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_image: Tensor, grad_alpha: Tensor) -> tuple[Tensor | None, ...]:
        inputs = ctx.saved_tensors
        rasterizer, triples, behind, images, alpha = ctx.kept
        n, channels = inputs[4].shape
        grad = _array(grad_image)
        by_alpha = _array(grad_alpha)
        total, part = GaussianBuffers.allocate(n), GaussianBuffers.allocate(n)
        by_colours = np.empty((n, _CHANNELS * len(triples)), F)
        for k, by_triple in enumerate(_triples(grad)):
            if len(triples) > 1:
                rasterizer.recolour(triples[k], behind[k][0], images[k][None])
            rasterizer.backward(by_triple, by_alpha if k == 0 else np.zeros_like(alpha), part)
            by_colours[:, _CHANNELS * k : _CHANNELS * (k + 1)] = part.colours
            for name in ("means", "quats", "scales", "opacities"):
                getattr(total, name)[...] += getattr(part, name)
        arrays = (total.means, total.quats, total.scales, total.opacities, by_colours[:, :channels])
        by_inputs = tuple(torch.from_numpy(array).to(tensor) for array, tensor in zip(arrays, inputs, strict=True))
        by_background = torch.from_numpy(((1 - alpha)[..., None] * grad).sum((0, 1))).to(grad_image)
        return (*by_inputs, by_background, None, None)


def _triples(channels: np.ndarray) -> list[np.ndarray]:
    """Arrays [..., D] cut into contiguous [..., 3]; missing channels are 0."""
    count = channels.shape[-1]
    out = []
    for first in range(0, count, _CHANNELS):
        triple = np.zeros((*channels.shape[:-1], _CHANNELS), F)
        width = min(_CHANNELS, count - first)
        triple[..., :width] = channels[..., first : first + width]
        out.append(triple)
    return out


def _shared_rasterizer(raster_mode: RasterMode) -> CpuRasterizer:
    if not hasattr(_of_this_thread, "rasterizers"):
        _of_this_thread.rasterizers = {}
    rasterizers: dict[RasterMode, CpuRasterizer] = _of_this_thread.rasterizers
    if raster_mode not in rasterizers:
        rasterizers[raster_mode] = CpuRasterizer(raster_mode)
    return rasterizers[raster_mode]
