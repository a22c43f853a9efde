"""Inception v3 with FID's weights of 2015: a picture to the 2048 numbers that FID and KID compare (Heusel et al. 2017).

Szegedy et al. 2016, with the quirks of the TensorFlow graph that the weights were published for: average pooling does
not count its padding, and the last block pools by maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, interpolate, max_pool2d, relu

from perse_engine.errors import InvalidValue
from perse_engine.perception.weights import Shapes, load_weights

SIDE_PX = 299
FEATURES = 2048
NORM_EPS = 1e-3
UNPADDED = ("Conv2d_2a_3x3", "Conv2d_4a_3x3")
"""Beside those of stride 2; every other convolution keeps the size of its picture."""

Branch = tuple[tuple[str, int, tuple[int, int]], ...]
"""Convolutions one after another: name, channels, kernel size."""

STEM: Branch = (
    ("Conv2d_1a_3x3", 32, (3, 3)), ("Conv2d_2a_3x3", 32, (3, 3)), ("Conv2d_2b_3x3", 64, (3, 3)),
    ("Conv2d_3b_1x1", 80, (1, 1)), ("Conv2d_4a_3x3", 192, (3, 3)),
)  # fmt: skip


def _block_a(pooled: int) -> dict[str, Branch]:
    return {
        "1x1": (("branch1x1", 64, (1, 1)),),
        "5x5": (("branch5x5_1", 48, (1, 1)), ("branch5x5_2", 64, (5, 5))),
        "3x3": (("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)), ("branch3x3dbl_3", 96, (3, 3))),
        "pool": (("branch_pool", pooled, (1, 1)),),
    }


def _block_c(inner: int) -> dict[str, Branch]:
    return {
        "1x1": (("branch1x1", 192, (1, 1)),),
        "7x7": (("branch7x7_1", inner, (1, 1)), ("branch7x7_2", inner, (1, 7)), ("branch7x7_3", 192, (7, 1))),
        "7x7dbl": (
            ("branch7x7dbl_1", inner, (1, 1)), ("branch7x7dbl_2", inner, (7, 1)), ("branch7x7dbl_3", inner, (1, 7)),
            ("branch7x7dbl_4", inner, (7, 1)), ("branch7x7dbl_5", 192, (1, 7)),
        ),
        "pool": (("branch_pool", 192, (1, 1)),),
    }  # fmt: skip


SMALLER_B: dict[str, Branch] = {
    "3x3": (("branch3x3", 384, (3, 3)),),
    "3x3dbl": (("branch3x3dbl_1", 64, (1, 1)), ("branch3x3dbl_2", 96, (3, 3)), ("branch3x3dbl_3", 96, (3, 3))),
}
SMALLER_D: dict[str, Branch] = {
    "3x3": (("branch3x3_1", 192, (1, 1)), ("branch3x3_2", 320, (3, 3))),
    "7x7": (
        ("branch7x7x3_1", 192, (1, 1)), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, (3, 3)),
    ),
}  # fmt: skip
BLOCK_E: dict[str, Branch] = {
    "1x1": (("branch1x1", 320, (1, 1)),),
    "3x3": (("branch3x3_1", 384, (1, 1)),),
    "3x3 wide": (("branch3x3_2a", 384, (1, 3)),),
    "3x3 high": (("branch3x3_2b", 384, (3, 1)),),
    "3x3dbl": (("branch3x3dbl_1", 448, (1, 1)), ("branch3x3dbl_2", 384, (3, 3))),
    "3x3dbl wide": (("branch3x3dbl_3a", 384, (1, 3)),),
    "3x3dbl high": (("branch3x3dbl_3b", 384, (3, 1)),),
    "pool": (("branch_pool", 192, (1, 1)),),
}
SPLIT = {"3x3 wide": "3x3", "3x3 high": "3x3", "3x3dbl wide": "3x3dbl", "3x3dbl high": "3x3dbl"}
"""In blocks of kind e, which branch these go on from; all others begin at the block's input."""
BLOCKS: Mapping[str, tuple[str, dict[str, Branch]]] = {
    "Mixed_5b": ("even", _block_a(32)), "Mixed_5c": ("even", _block_a(64)), "Mixed_5d": ("even", _block_a(64)),
    "Mixed_6a": ("smaller", SMALLER_B),
    "Mixed_6b": ("even", _block_c(128)), "Mixed_6c": ("even", _block_c(160)), "Mixed_6d": ("even", _block_c(160)),
    "Mixed_6e": ("even", _block_c(192)),
    "Mixed_7a": ("smaller", SMALLER_D), "Mixed_7b": ("even", BLOCK_E), "Mixed_7c": ("even", BLOCK_E),
}  # fmt: skip
MAX_POOLED = "Mixed_7c"


def _shapes() -> Shapes:
    """As in torchvision's Inception3, without its classifier."""
    out: dict[str, tuple[int, ...]] = {}

    def add(prefix: str, branch: Branch, before: int) -> int:
        for name, channels, size in branch:
            out[f"{prefix}{name}.conv.weight"] = (channels, before, *size)
            for part in ("weight", "bias", "running_mean", "running_var"):
                out[f"{prefix}{name}.bn.{part}"] = (channels,)
            before = channels
        return before

    width = add("", STEM, 3)
    for block, (kind, branches) in BLOCKS.items():
        ends: dict[str, int] = {}
        for name, branch in branches.items():
            ends[name] = add(f"{block}.", branch, ends[SPLIT[name]] if name in SPLIT else width)
        width = sum(ends[name] for name in _shown(branches)) + (width if kind == "smaller" else 0)
    return out


def _shown(branches: Mapping[str, Branch]) -> list[str]:
    """The branches that a block gives out: those that others go on from are inside."""
    inner = {SPLIT[name] for name in branches if name in SPLIT}
    return [name for name in branches if name not in inner]


NETWORKS: Mapping[str, Shapes] = {"inception-fid": _shapes()}


class Inception:
    """Pictures to feature vectors; weights as in NETWORKS['inception-fid']."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._weights = weights

    @staticmethod
    def load(path: Path) -> Inception:
        """From a safetensors file.

        Raises:
            BackendMissing, CorruptFile: see `load_weights`.
        """
        return Inception(load_weights(path, NETWORKS)[1])

    def features(self, pictures: Tensor) -> Tensor:
        """[B, 3, H, W] in 0..1, of any size -> [B, 2048].

        Raises:
            InvalidValue: another shape.
        """
        if pictures.ndim != 4 or pictures.shape[1] != 3:
            raise InvalidValue(f"Pictures have shape {tuple(pictures.shape)}; expected [B, 3, H, W].")
        with torch.inference_mode():
            x = interpolate(pictures, (SIDE_PX, SIDE_PX), mode="bilinear", align_corners=False)
            return self._blocks(self._stem(2 * x - 1)).mean((2, 3))

    def _stem(self, x: Tensor) -> Tensor:
        x = self._convolved(x, "Conv2d_1a_3x3", stride=2)
        x = self._convolved(self._convolved(x, "Conv2d_2a_3x3"), "Conv2d_2b_3x3")
        x = self._convolved(max_pool2d(x, 3, stride=2), "Conv2d_3b_1x1")
        return max_pool2d(self._convolved(x, "Conv2d_4a_3x3"), 3, stride=2)

    def _blocks(self, x: Tensor) -> Tensor:
        for name, (kind, branches) in BLOCKS.items():
            x = self._smaller(x, name, branches) if kind == "smaller" else self._even(x, name, branches)
        return x

    def _smaller(self, x: Tensor, block: str, branches: Mapping[str, Branch]) -> Tensor:
        """Half the size: the last convolution of each branch steps by two."""
        ends = []
        for branch in branches.values():
            end = x
            for name, _, _ in branch:
                end = self._convolved(end, f"{block}.{name}", stride=2 if name == branch[-1][0] else 1)
            ends.append(end)
        return torch.cat([*ends, max_pool2d(x, 3, stride=2)], 1)

    def _even(self, x: Tensor, block: str, branches: Mapping[str, Branch]) -> Tensor:
        ends: dict[str, Tensor] = {}
        for name, branch in branches.items():
            end = ends[SPLIT[name]] if name in SPLIT else x
            if name == "pool":
                is_max = block == MAX_POOLED
                end = max_pool2d(x, 3, 1, 1) if is_max else avg_pool2d(x, 3, 1, 1, count_include_pad=False)
            for convolution, _, _ in branch:
                end = self._convolved(end, f"{block}.{convolution}")
            ends[name] = end
        return torch.cat([ends[name] for name in _shown(branches)], 1)

    def _convolved(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        """Convolution, normalisation by stored statistics, ReLU."""
        weight = self._weights[f"{name}.conv.weight"]
        height, width = weight.shape[2:]
        padding = (0, 0) if stride == 2 or name in UNPADDED else (height // 2, width // 2)
        mean, variance, scale, shift = (
            self._weights[f"{name}.bn.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return relu(batch_norm(conv2d(x, weight, None, stride, padding), mean, variance, scale, shift, eps=NORM_EPS))
