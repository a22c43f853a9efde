"""The latent space: a code per variant, and per category a small network from the code to basis coefficients.

    h_c(z) = A z + B silu(C z + d),     coefficients = h_c(z) - h_c(0), portions, bows

Portions are those of the variants in a mix: of eyeglasses half round, half square, the outline is the mean, whatever
their size: r / max(sum r, 0.1), where r = max(a, 0) and a, the first coefficients of A z, are the variants' weights.
Bows are for ways that are not straight: portions times max(0, 1 - |4 w - k|) for k = 1, 2, 3, where w = sum r is how
much is worn. So what the editor does at each quarter of the way is met, and what lies between goes straight.

The source's code is 0 in every category, the mean of the codes' prior, so the source look is the base exactly.
Codes and networks stay as they start: what a coefficient does is learned by its basis (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.kernels import weigh_columns
from perse_engine.avatar.properties import SHARED
from perse_engine.errors import CorruptFile
from perse_engine.scene import FloatArray
from perse_engine.vocabulary import LAYERS

Array = npt.NDArray[Any]

CODE_SIZE = 32
"""As in PERSE (section 1.9 of its code)."""
MIN_COEFFICIENTS = 4
HIDDEN = 32
MOST_WITH_BUMPS = 10
"""Variants of a category for whose bumps there are hidden units."""
NO_COEFFICIENT = 1e-4
"""Smaller ones are the rounding of 0."""
BEND = 4.0
"""How sharply a hidden unit bends at its knot, in units of 1 over the distance of knots."""
WHOLE_FROM = 0.1
"""Sum of weights from which the portions add up to 1; below, they fade with it."""
BENDS, MOST_BENDS = 3, 15
"""Weights at which ways may bend: the quarters."""
CODE_SPREAD = 0.5
"""Standard deviation of the codes' Gaussian prior and of their start."""


@dataclass(frozen=True)
class CodeNetwork:
    """linear [K, 32], hidden_weight [32, 32], hidden_bias [32], output [K, 32]; float32. To its K coefficients it adds
    portions and bows of its first `shared` variants, which is 0 or their number: all portions, then all bows at each of
    `bends` evenly spaced weights between 0 and 1."""

    linear: FloatArray
    hidden_weight: FloatArray
    hidden_bias: FloatArray
    output: FloatArray
    shared: int = 0
    bends: int = BENDS

    def __len__(self) -> int:
        """Number of coefficients, with portions and bows."""
        return len(self.linear) + (1 + self.bends) * self.shared

    def bumps(self, variant: int, variants: int) -> range:
        """Indices of the coefficients that are about 0 at 0 and at 1 of a variant, one of so many."""
        each = len(self.linear) // variants - 1
        return range(variants + variant * each, variants + (variant + 1) * each)

    def bows(self, variant: int) -> dict[float, int]:
        """Weight at which a way may bend -> index of the variant's coefficient that is 1 there; empty without bows."""
        if not self.shared:
            return {}
        first = len(self.linear) + self.shared + variant
        return {(k + 1) / (self.bends + 1): first + k * self.shared for k in range(self.bends)}

    @staticmethod
    def start(random: np.random.Generator, codes: FloatArray, *, is_shared: bool = False) -> CodeNetwork:
        """A network that tells the variants' codes [V, 32] apart, and ends from half way.

        At sum of w_i code_i, the coefficients begin with the weights w_i. For each variant one or more bumps follow:
        about 1 at a weight between 0 and 1, about 0 at those of the other bumps, 0 at 0, at 1 and beyond. So a basis
        belongs to a variant, and what is between does not pull at what is whole. Beside the codes' span coefficients
        are random, for inversion.
        """
        variants = len(codes)
        bumps = max(2, MIN_COEFFICIENTS // variants) - 1 if variants <= MOST_WITH_BUMPS else 0
        count = variants * (1 + bumps)

        def normal(rows: int, columns: int, spread: float) -> FloatArray:
            return (random.standard_normal((rows, columns)) * spread).astype(np.float32)

        # Its rows find the weights of a mix: weights_of @ code_i is the i-th unit vector.
        weights_of = np.linalg.pinv(codes.astype(np.float64).T)
        beside = np.eye(CODE_SIZE) - codes.T @ weights_of
        linear = normal(count, CODE_SIZE, 1 / (CODE_SPREAD * np.sqrt(CODE_SIZE * count))) @ beside
        linear[:variants] += weights_of
        hidden_weight = normal(HIDDEN, CODE_SIZE, 1 / (CODE_SPREAD * np.sqrt(CODE_SIZE)))
        hidden_bias = normal(1, HIDDEN, 0.5)[0]
        output = np.zeros((count, HIDDEN))
        knots = bumps + 2
        sharpness = BEND * (knots - 1)
        for i in range(variants if bumps else 0):
            units = slice(i * knots, (i + 1) * knots)
            hidden_weight[units] = sharpness * weights_of[i]
            hidden_bias[units] = -sharpness * np.linspace(0, 1, knots)
            for k in range(bumps):
                # Three bends make a hat: up, down twice as much, level.
                output[variants + i * bumps + k, units.start + k : units.start + k + 3] = np.array([1, -2, 1]) / BEND
        return CodeNetwork(
            linear.astype(np.float32), hidden_weight.astype(np.float32), hidden_bias, output.astype(np.float32),
            variants if is_shared else 0,
        )  # fmt: skip

    def __call__(self, code: FloatArray) -> FloatArray:
        """Coefficients of a code [32], [len(self)] float32; exactly 0 at code 0."""
        before = self.hidden_weight @ code + self.hidden_bias
        change = _silu(before) - _silu(self.hidden_bias)
        straight = self.linear @ code
        weights = np.maximum(straight[: self.shared], 0)
        worn = float(weights.sum())
        portions = weights / max(worn, WHOLE_FROM)
        bows = np.outer(_bows(worn, self.bends), portions)
        return np.concatenate([straight + self.output @ change, portions, bows.ravel()]).astype(np.float32)

    def weights(self, code: FloatArray, variants: int) -> FloatArray:
        """How much of each of its first variants is in a code, [V], 0 and up."""
        return np.asarray(np.maximum(self.linear[:variants] @ code, 0), np.float32)

    def mixed(self, code: FloatArray, of_variants: FloatArray) -> FloatArray:
        """Something that each of its first V variants has, [V, ...], at a code: the mean by their portions, and the
        largest where the code is of none of them."""
        weights = self.weights(code, len(of_variants))
        portions = weights / max(float(weights.sum()), WHOLE_FROM)
        mean = np.tensordot(portions, of_variants, 1)
        return np.asarray(mean + np.float32(1 - portions.sum()) * of_variants.max(0), np.float32)

    def back(self, code: FloatArray, grad: FloatArray) -> FloatArray:
        """Gradient by the code [32], from that by the coefficients [len(self)]."""
        plain = len(self.linear)
        by_plain, by_portions, by_bows = np.split(grad.astype(np.float64), [plain, plain + self.shared])
        by_bows = by_bows.reshape(self.bends, self.shared)
        slope = (self.output.T @ by_plain) * _silu_slope(self.hidden_weight @ code + self.hidden_bias)
        straight = self.linear[: self.shared] @ code
        weights = np.maximum(straight, 0)
        worn = float(weights.sum())
        whole = max(worn, WHOLE_FROM)
        by_portion = by_portions + _bows(worn, self.bends) @ by_bows
        by_worn = _bow_slopes(worn, self.bends) @ (by_bows @ weights) / whole
        if worn > WHOLE_FROM:
            by_worn -= (by_portion @ weights) / whole**2
        by_plain[: self.shared] += (straight > 0) * (by_portion / whole + by_worn)
        return np.asarray(self.linear.T @ by_plain + self.hidden_weight.T @ slope, np.float32)

    def arrays(self) -> dict[str, FloatArray]:
        """By name, in a fixed order; `shared` follows from the number of bases."""
        return {
            "linear": self.linear,
            "hidden_weight": self.hidden_weight,
            "hidden_bias": self.hidden_bias,
            "output": self.output,
        }


def network_of(arrays: Mapping[str, FloatArray], bases: int, bends: int) -> CodeNetwork:
    """The network of `CodeNetwork.arrays` for so many bases.

    Raises:
        CorruptFile: no network has so many bends.
    """
    if not 1 <= bends <= MOST_BENDS:
        raise CorruptFile(f"A way bends at 1 to {MOST_BENDS} weights, not {bends}.")
    return CodeNetwork(**arrays, shared=(bases - len(arrays["linear"])) // (1 + bends), bends=bends)


def active_bases(coefficients: FloatArray) -> npt.NDArray[np.int64]:
    """Indices of the coefficients [K] that are not 0: at a variant, all others' and the bumps' are."""
    return np.flatnonzero(np.abs(coefficients) > NO_COEFFICIENT)


def sharing(strength: Mapping[str, float], cover: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """How much of its shared properties (SHARED) each active category may set, per Gaussian, [N] in 0..1.

    As paint: a category has what those above it in LAYERS leave, or tanned skin under a beard would darken the beard
    twice. `strength` is how far its code is from the source's, 0 and up; `cover` [N] is how much of what lies below the
    category's look hides wholly worn; it covers min(strength, 1) cover of it.
    """
    left = {c: np.ones_like(each) for c, each in cover.items()}
    for above, lower in combinations([c for c in reversed(LAYERS) if c in strength], 2):
        left[lower] *= 1 - np.float32(min(1.0, strength[above])) * cover[above]
    return {c: np.asarray(left[c], np.float32) for c in strength}


def column_weights(mask: FloatArray, share: FloatArray) -> FloatArray:
    """Weights [n, 14] of a category's changes: its mask [n], times its share [n] where properties are shared."""
    out = np.empty((len(mask), len(SHARED)), np.float32)
    weigh_columns(mask, share, SHARED, out)
    return out


def _bows(worn: float, bends: int) -> Array:
    """1 at one of so many evenly spaced weights, 0 from its neighbours on, [bends]."""
    return np.asarray(np.maximum(1 - np.abs((bends + 1) * worn - np.arange(1, bends + 1)), 0))


def _bow_slopes(worn: float, bends: int) -> Array:
    beside = (bends + 1) * worn - np.arange(1, bends + 1)
    return np.asarray(np.where(np.abs(beside) < 1, -(bends + 1) * np.sign(beside), 0))


def _silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def _silu_slope(x: Array) -> Array:
    s = 1 / (1 + np.exp(-x))
    return s * (1 + x * (1 - s))
