"""LPIPS, version 0.1: how different two pictures look (Zhang et al. 2018, "The unreasonable effectiveness of deep
features as a perceptual metric").

    d = sum_l mean_hw sum_c head_lc (f_lc(a) - f_lc(b))^2      f_l: features of layer l, of unit length over channels
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, relu

from perse_engine.errors import InvalidValue
from perse_engine.perception.weights import Shapes, load_weights

MIN_PX = 64
"""AlexNet's last layers see nothing smaller."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""What the authors take from pictures in -1..1, and divide them by: ImageNet's mean and spread."""
LENGTH_EPS = 1e-10


@dataclass(frozen=True)
class Layer:
    """A convolution and its ReLU: its name in torchvision, what it pools by before, and whether LPIPS looks at it."""

    name: str
    channels: int
    size: int
    stride: int = 1
    padding: int = 1
    pool: int = 0
    is_feature: bool = False


ALEX = (
    Layer("features.0", 64, 11, stride=4, padding=2, is_feature=True),
    Layer("features.3", 192, 5, padding=2, pool=3, is_feature=True),
    Layer("features.6", 384, 3, pool=3, is_feature=True),
    Layer("features.8", 256, 3, is_feature=True),
    Layer("features.10", 256, 3, is_feature=True),
)
VGG = (
    Layer("features.0", 64, 3), Layer("features.2", 64, 3, is_feature=True),
    Layer("features.5", 128, 3, pool=2), Layer("features.7", 128, 3, is_feature=True),
    Layer("features.10", 256, 3, pool=2), Layer("features.12", 256, 3), Layer("features.14", 256, 3, is_feature=True),
    Layer("features.17", 512, 3, pool=2), Layer("features.19", 512, 3), Layer("features.21", 512, 3, is_feature=True),
    Layer("features.24", 512, 3, pool=2), Layer("features.26", 512, 3), Layer("features.28", 512, 3, is_feature=True),
)  # fmt: skip
"""VGG-16."""
BACKBONES: Mapping[str, tuple[Layer, ...]] = {"lpips-alex": ALEX, "lpips-vgg": VGG}


def _shapes(layers: tuple[Layer, ...]) -> Shapes:
    """Tensors of the backbone as in torchvision, and of the heads as in the authors' files."""
    out: dict[str, tuple[int, ...]] = {}
    before, heads = 3, 0
    for layer in layers:
        out[f"{layer.name}.weight"] = (layer.channels, before, layer.size, layer.size)
        out[f"{layer.name}.bias"] = (layer.channels,)
        if layer.is_feature:
            out[f"lin{heads}.model.1.weight"] = (1, layer.channels, 1, 1)
            heads += 1
        before = layer.channels
    return out


NETWORKS: Mapping[str, Shapes] = {name: _shapes(layers) for name, layers in BACKBONES.items()}


class Lpips:
    """A distance of pictures, differentiable by both.

    Args:
        name: an entry of BACKBONES.
        weights: tensors as in NETWORKS[name]; they decide the device.
    """

    def __init__(self, name: str, weights: Mapping[str, Tensor]) -> None:
        self.name = name
        self._layers, self._weights = BACKBONES[name], weights
        device = next(iter(weights.values())).device
        self._shift = torch.tensor(SHIFT, device=device)[:, None, None]
        self._scale = torch.tensor(SCALE, device=device)[:, None, None]

    @staticmethod
    def load(path: Path, device: str = "cpu") -> Lpips:
        """From a safetensors file.

        Raises:
            BackendMissing, CorruptFile: see `load_weights`.
        """
        name, weights = load_weights(path, NETWORKS)
        return Lpips(name, {n: t.to(device) for n, t in weights.items()})

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """[B, 3, H, W] in 0..1 each -> [B].

        Raises:
            InvalidValue: they differ in shape, or are too small.
        """
        if a.shape != b.shape or a.ndim != 4 or a.shape[1] != 3 or min(a.shape[2:]) < MIN_PX:
            raise InvalidValue(
                f"Pictures of shapes {tuple(a.shape)} and {tuple(b.shape)}; expected twice [B, 3, H, W] of {MIN_PX} px "
                "and more."
            )
        total = torch.zeros(len(a), device=a.device)
        pairs = zip(self.features(a), self.features(b), strict=True)
        for layer, (first, second) in enumerate(pairs):
            difference = (_of_unit_length(first) - _of_unit_length(second)) ** 2
            total = total + conv2d(difference, self._weights[f"lin{layer}.model.1.weight"]).mean((1, 2, 3))
        return total

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Five feature maps of [B, 3, H, W] in 0..1."""
        x = (2 * pictures - 1 - self._shift) / self._scale
        found = []
        for layer in self._layers:
            if layer.pool:
                x = max_pool2d(x, layer.pool, stride=2)
            weight, bias = self._weights[f"{layer.name}.weight"], self._weights[f"{layer.name}.bias"]
            x = relu(conv2d(x, weight, bias, layer.stride, layer.padding))
            if layer.is_feature:
                found.append(x)
        return found


def _of_unit_length(features: Tensor) -> Tensor:
    # The root's slope at 0 is infinite, so black regions would have no gradient: they get one of 0 here.
    squares = (features**2).sum(1, keepdim=True)
    length = torch.where(squares > 0, squares.clamp_min(1e-30).sqrt(), torch.zeros_like(squares))
    return features / (length + LENGTH_EPS)
