"""The loss of a training step: L1, SSIM and alpha, with hand-written gradients, and the same in torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from perse_engine.compiled import PARALLEL_WORK
from perse_engine.errors import InvalidValue
from perse_engine.scene import FloatArray
from perse_engine.splatting.cpu.layout import check_array
from perse_engine.splatting.cpu.loss_kernels import (
    BAND,
    C1,
    C2,
    PADDING,
    RADIUS,
    SCRATCH_ROWS,
    WINDOW,
    l1_rows,
    ssim_rows,
)


@dataclass(frozen=True, slots=True)
class LossWeights:
    """loss = l1 mean|x - y| + ssim (1 - mean SSIM) + alpha mean|a - b|, for colours x, y and alphas a, b.

    The defaults are what the prototype trained with (0.8 and 0.2 as in 3D Gaussian splatting). SSIM: 7 x 7 box per
    channel, zeros outside the image, data range 1.
    """

    l1: float = 0.8
    ssim: float = 0.2
    alpha: float = 0.3


class ImageLoss:
    """The loss by kernels: float32 arrays in, gradients out, buffers kept. One object belongs to one thread."""

    def __init__(self, weights: LossWeights) -> None:
        self.weights = weights
        self._scratch = np.zeros((0, 0), np.float32)

    def __call__(
        self,
        colours: FloatArray,
        alpha: FloatArray,
        target_colours: FloatArray,
        target_alpha: FloatArray,
        out_grad_colours: FloatArray,
        out_grad_alpha: FloatArray,
    ) -> float:
        """Fill the gradients by colours [H, W, 3] and alpha [H, W], C-contiguous; return the loss.

        Raises:
            InvalidValue: an array that is not writable C-contiguous float32 of its shape.
        """
        shape = colours.shape
        if not (len(shape) == 3 and shape[2] == 3 and colours.size):
            raise InvalidValue(f"Colours have shape {shape}; expected [H, W, 3].")
        for name, array in (("colours", colours), ("target", target_colours), ("gradient", out_grad_colours)):
            check_array(name, array, shape)
        for name, array in (("alpha", alpha), ("target alpha", target_alpha), ("alpha gradient", out_grad_alpha)):
            check_array(name, array, shape[:2])
        height, width = shape[0], shape[1] * 3
        sums = np.zeros((3, height), np.float32)
        weights = self.weights
        with PARALLEL_WORK:
            l1_rows(
                colours.reshape(height, width),
                target_colours.reshape(height, width),
                weights.l1 / colours.size,
                out_grad_colours.reshape(height, width),
                sums[0],
            )
            l1_rows(alpha, target_alpha, weights.alpha / alpha.size, out_grad_alpha, sums[1])
            if weights.ssim:
                ssim_rows(
                    colours.reshape(-1),
                    target_colours.reshape(-1),
                    -weights.ssim / colours.size,
                    self._scratch_for(height, width),
                    out_grad_colours.reshape(-1),
                    sums[2],
                )
        l1, alpha_l1, ssim = sums.sum(1, dtype=np.float64) / (colours.size, alpha.size, colours.size)
        return float(weights.l1 * l1 + weights.alpha * alpha_l1 + weights.ssim * (1 - ssim))

    def _scratch_for(self, height: int, width: int) -> FloatArray:
        shape = (-(-height // BAND), SCRATCH_ROWS * (width + PADDING))
        if self._scratch.shape != shape:
            self._scratch = np.zeros(shape, np.float32)
        return self._scratch


def ssim_map(x: Tensor, y: Tensor) -> Tensor:
    """SSIM of every pixel and channel, [H, W, 3]; differentiable."""

    def box(image: Tensor) -> Tensor:
        return avg_pool2d(image.permute(2, 0, 1), WINDOW, stride=1, padding=RADIUS).permute(1, 2, 0)

    mean_x, mean_y = box(x), box(y)
    var_x, var_y, cov = box(x * x) - mean_x**2, box(y * y) - mean_y**2, box(x * y) - mean_x * mean_y
    c1, c2 = float(C1), float(C2)
    return ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))


def image_loss(
    colours: Tensor, alpha: Tensor, target_colours: Tensor, target_alpha: Tensor, weights: LossWeights
) -> Tensor:
    """The twin of `ImageLoss` in torch, by autograd: any device, any float type, about 20 times slower on a CPU."""
    loss = weights.l1 * (colours - target_colours).abs().mean() + weights.alpha * (alpha - target_alpha).abs().mean()
    if weights.ssim:
        loss = loss + weights.ssim * (1 - torch.mean(ssim_map(colours, target_colours)))
    return loss
