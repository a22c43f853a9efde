"""Weights of the right shapes and no meaning, of which pictures still give finite, different features."""

from __future__ import annotations

import torch
from torch import Tensor

from perse_engine.perception import inception, lpips


def lpips_weights(name: str, seed: int = 0) -> dict[str, Tensor]:
    """As LPIPS' own, heads are not below 0."""
    random = torch.Generator().manual_seed(seed)
    out = {}
    for key, shape in lpips.NETWORKS[name].items():
        values = torch.randn(shape, generator=random)
        out[key] = values.abs() / 10 if key.startswith("lin") else values * _spread(shape)
    return out


def inception_weights(seed: int = 0) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    out = {}
    for key, shape in inception.NETWORKS["inception-fid"].items():
        values = torch.randn(shape, generator=random)
        if key.endswith(("running_var", "bn.weight")):
            out[key] = 1 + 0.1 * values.abs()
        else:
            out[key] = values * (_spread(shape) if key.endswith("conv.weight") else 0.1)
    return out


def _spread(shape: tuple[int, ...]) -> float:
    """He's: signals keep their size from layer to layer."""
    inputs = torch.Size(shape[1:]).numel() if len(shape) == 4 else 100
    return float((2 / inputs) ** 0.5)
