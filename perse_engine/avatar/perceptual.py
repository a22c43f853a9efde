"""LPIPS in the loss of a training step, where the recipe names a network."""

from __future__ import annotations

import torch

from perse_engine.perception.lpips import Lpips
from perse_engine.scene import FloatArray


class PerceptualTerm:
    """weight * LPIPS(x, y) for a picture x and its target y."""

    def __init__(self, lpips: Lpips, weight: float, device: str = "cpu") -> None:
        self._lpips, self._weight, self._device = lpips, weight, device

    def add(self, colours: FloatArray, target: FloatArray, out_grad: FloatArray) -> float:
        """Add the gradient by `colours` [H, W, 3] to `out_grad`; return the term."""
        x, y = (
            torch.from_numpy(picture).to(self._device).permute(2, 0, 1)[None].contiguous()
            for picture in (colours, target)
        )
        x.requires_grad_()
        term = self._weight * self._lpips(x, y)[0]
        (gradient,) = torch.autograd.grad(term, x)
        out_grad += gradient[0].permute(1, 2, 0).cpu().numpy()
        return float(term.detach())
