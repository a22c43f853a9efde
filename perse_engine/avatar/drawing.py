"""One training view: properties to an image and gradients back, by the CPU kernels or by gsplat."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from perse_engine.avatar.avatar import Binding
from perse_engine.avatar.kernels import KEPT, bind, bind_back
from perse_engine.avatar.properties import OPACITY, PROPERTIES
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.scene import Camera, FloatArray
from perse_engine.splatting.backends import RasterMode, choose_backend
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.rasterize import rasterize

BLACK = np.zeros(3, np.float32)


class TrainingRasterizer(Protocol):
    """Forward and backward without autograd, over black."""

    def forward(
        self, gaussians: GaussianBuffers, camera: Camera, background: FloatArray, colours: FloatArray, alpha: FloatArray
    ) -> None:
        """Fill colours [H, W, 3] and alpha [H, W]."""
        ...

    def backward(self, grad_colours: FloatArray, grad_alpha: FloatArray, gradients: GaussianBuffers) -> None:
        """Fill the gradients of the last forward."""
        ...


class TorchRasterizer:
    """`splatting.rasterize` behind the same interface: gsplat on a GPU, or the reference."""

    def __init__(self, backend: str, raster_mode: RasterMode) -> None:
        self._backend, self._raster_mode = backend, raster_mode
        self._device = torch.device("cuda" if backend == "gsplat" else "cpu")

    def forward(
        self, gaussians: GaussianBuffers, camera: Camera, background: FloatArray, colours: FloatArray, alpha: FloatArray
    ) -> None:
        """See `TrainingRasterizer`."""
        arrays = (gaussians.means, gaussians.quats, gaussians.scales, gaussians.opacities, gaussians.colours)
        self._leaves = [torch.from_numpy(a).to(self._device).requires_grad_() for a in arrays]
        means, quats, scales, opacities, values = self._leaves
        image = rasterize(
            means,
            quats,
            scales,
            opacities,
            values,
            torch.from_numpy(camera.world_to_cam).to(self._device),
            torch.from_numpy(camera.intrinsics()).to(self._device),
            camera.width_px,
            camera.height_px,
            background=torch.from_numpy(background).to(self._device),
            raster_mode=self._raster_mode,
            backend=self._backend,
        )
        self._image = image
        colours[...] = image.colours.detach().cpu().numpy()
        alpha[...] = image.alpha.detach().cpu().numpy()

    def backward(self, grad_colours: FloatArray, grad_alpha: FloatArray, gradients: GaussianBuffers) -> None:
        """See `TrainingRasterizer`."""
        torch.autograd.backward(
            (self._image.colours, self._image.alpha),
            (torch.from_numpy(grad_colours).to(self._device), torch.from_numpy(grad_alpha).to(self._device)),
        )
        out = (gradients.means, gradients.quats, gradients.scales, gradients.opacities, gradients.colours)
        for array, leaf in zip(out, self._leaves, strict=True):
            array[...] = 0 if leaf.grad is None else leaf.grad.cpu().numpy()


def training_rasterizer(name: str, raster_mode: RasterMode) -> tuple[TrainingRasterizer, str]:
    """The rasteriser of a recipe and the backend's real name.

    Raises:
        BackendMissing: it was asked for by name and is not there.
    """
    backend, _ = choose_backend(name)
    cpu = backend == "cpu"
    return (CpuRasterizer(raster_mode) if cpu else TorchRasterizer(backend, raster_mode)), backend


class View:
    """Draws properties through one binding; buffers are kept. One object belongs to one thread."""

    def __init__(self, binding: Binding, rasterizer: TrainingRasterizer, size_px: tuple[int, int]) -> None:
        n, (width, height) = len(binding.triangles), size_px
        self._binding, self._rasterizer = binding, rasterizer
        self._gaussians, self._gradients = GaussianBuffers.allocate(n), GaussianBuffers.allocate(n)
        self._kept = np.zeros((n, KEPT), np.float32)
        self._grad_x = np.zeros((n, PROPERTIES), np.float32)
        self.colours = np.zeros((height, width, 3), np.float32)
        self.alpha = np.zeros((height, width), np.float32)

    def draw(self, x: FloatArray, vertices: FloatArray, camera: Camera) -> None:
        """Fill `colours` and `alpha` over black."""
        b, self._x = self._binding, x
        # What is transparent, hats not worn above all, is not drawn and feels no gradient; nan is drawn, and refused.
        self._rows = np.flatnonzero(~(x[:, OPACITY] <= 0))
        g = self._gaussians.first(len(self._rows))
        with PARALLEL_WORK:
            bind(
                self._rows, vertices, b.triangles, b.bary, b.rest_area, x,
                g.means, g.quats, g.scales, g.opacities, g.colours, self._kept,
            )  # fmt: skip
        self._rasterizer.forward(g, camera, BLACK, self.colours, self.alpha)

    def back(self, grad_colours: FloatArray, grad_alpha: FloatArray) -> FloatArray:
        """Gradients by the properties of the last `draw`, [N, 14]; valid until the next call."""
        d = self._gradients.first(len(self._rows))
        self._rasterizer.backward(grad_colours, grad_alpha, d)
        self._grad_x[:] = 0
        with PARALLEL_WORK:
            bind_back(
                self._rows, self._kept, self._x, self._gaussians.scales,
                d.means, d.quats, d.scales, d.opacities, d.colours, self._grad_x,
            )  # fmt: skip
        return self._grad_x

    def colour_gradients(self, grad_colours: FloatArray) -> FloatArray:
        """Only the gradients by colours, [N, 3]: sums of an image over each Gaussian's blending weights."""
        d = self._gradients.first(len(self._rows))
        self._rasterizer.backward(grad_colours, np.zeros_like(self.alpha), d)
        out = np.zeros((len(self._x), 3), np.float32)
        out[self._rows] = d.colours
        return out
