"""The latent space: a code per variant, and per category a small network from the code to basis coefficients.

    h_c(z) = A z + B silu(C z + d),     coefficients = h_c(z) - h_c(0)

The source's code is 0 in every category, the mean of the codes' prior, so the source look is the base exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.properties import SHARED
from perse_engine.scene import FloatArray

Array = npt.NDArray[Any]

CODE_SIZE = 32
"""As in PERSE (section 1.9 of its code)."""
MIN_COEFFICIENTS, MAX_COEFFICIENTS = 4, 8
HIDDEN = 32
CODE_SPREAD = 0.5
"""Standard deviation of the codes' Gaussian prior and of their start."""


@dataclass(frozen=True)
class CodeNetwork:
    """linear [K, 32], hidden_weight [32, 32], hidden_bias [32], output [K, 32]; float32, trained in place."""

    linear: FloatArray
    hidden_weight: FloatArray
    hidden_bias: FloatArray
    output: FloatArray

    @staticmethod
    def start(random: np.random.Generator, variants: int) -> CodeNetwork:
        """Random, so that typical codes give coefficients of about unit length; two coefficients per variant."""
        coefficients = min(max(2 * variants, MIN_COEFFICIENTS), MAX_COEFFICIENTS)

        def normal(rows: int, columns: int, spread: float) -> FloatArray:
            return (random.standard_normal((rows, columns)) * spread).astype(np.float32)

        length = CODE_SPREAD * np.sqrt(CODE_SIZE)
        return CodeNetwork(
            linear=normal(coefficients, CODE_SIZE, 1 / (CODE_SPREAD * np.sqrt(CODE_SIZE * coefficients))),
            hidden_weight=normal(HIDDEN, CODE_SIZE, 1 / length),
            hidden_bias=normal(1, HIDDEN, 0.5)[0],
            output=normal(coefficients, HIDDEN, 0.3 / np.sqrt(HIDDEN * coefficients)),
        )

    def __call__(self, code: FloatArray) -> FloatArray:
        """Coefficients of a code [32], [K] float32; exactly 0 at code 0."""
        before = self.hidden_weight @ code + self.hidden_bias
        change = _silu(before) - _silu(self.hidden_bias)
        return np.asarray(self.linear @ code + self.output @ change, np.float32)

    def back(self, code: FloatArray, grad: FloatArray) -> tuple[CodeNetwork, FloatArray]:
        """Gradients by the network's arrays and by the code, from those by the coefficients [K]."""
        before = self.hidden_weight @ code + self.hidden_bias
        change = _silu(before) - _silu(self.hidden_bias)
        to_hidden = self.output.T @ grad
        slope, slope_source = to_hidden * _silu_slope(before), to_hidden * _silu_slope(self.hidden_bias)
        gradients = CodeNetwork(
            np.outer(grad, code), np.outer(slope, code), slope - slope_source, np.outer(grad, change)
        )
        return gradients, np.asarray(self.linear.T @ grad + self.hidden_weight.T @ slope, np.float32)

    def arrays(self) -> dict[str, FloatArray]:
        """By name, in a fixed order."""
        return {
            "linear": self.linear,
            "hidden_weight": self.hidden_weight,
            "hidden_bias": self.hidden_bias,
            "output": self.output,
        }


def sharing(strength: Mapping[str, float], change: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """How much of its shared properties (colour, opacity) each active category may set, per Gaussian, [N] in 0..1.

    Where several active categories reach one Gaussian, the one that changes it most rules: without that, tanned skin
    under a beard would darken the beard twice. A category alone has all. `strength` is how far its code is from the
    source's, 0 and up; `change` [N] is how much the dataset's variants of the category change the Gaussian.
    """
    if len(strength) < 2:
        return {c: np.ones_like(change[c]) for c in strength}
    force = {c: min(1.0, s) * change[c] ** 2 for c, s in strength.items()}
    total = sum(force.values()) + np.float32(1e-8)
    return {c: np.asarray(f / total, np.float32) for c, f in force.items()}


def column_weights(mask: FloatArray, share: FloatArray) -> FloatArray:
    """Weights [n, 14] of a category's changes: its mask [n], times its share [n] where properties are shared."""
    out = np.repeat(mask[:, None], len(SHARED), 1)
    out[:, SHARED] *= share[:, None]
    return np.ascontiguousarray(out, np.float32)


def _silu(x: Array) -> Array:
    return x / (1 + np.exp(-x))


def _silu_slope(x: Array) -> Array:
    s = 1 / (1 + np.exp(-x))
    return s * (1 + x * (1 - s))
