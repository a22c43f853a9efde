"""What a look changes about every Gaussian, by one network over all codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from perse_engine.avatar.latent import CODE_SIZE, CODE_SPREAD
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OFFSET, OPACITY, PROPERTIES, QUAT
from perse_engine.look import Look
from perse_engine.scene import FloatArray

FREQUENCIES = 6
"""Of the positional encoding, as in PERSE's MLP_c."""
SPAN_M = 0.15
"""Half the head's height: positions are encoded in units of it."""


@dataclass(frozen=True)
class Shape:
    """A baseline: a feature of its own per Gaussian, or the encoded position; hidden layers; Adam's rate."""

    feature: int
    width: int
    layers: int
    rate: float


LOCAL_MLP = Shape(feature=16, width=64, layers=2, rate=1.2e-2)
"""As a conditional SplattingAvatar: a surface-bound Gaussian's feature and the codes go through one small network."""
GLOBAL_MLP = Shape(feature=0, width=64, layers=4, rate=4e-3)
"""As PERSE's MLP_c, a function of position and codes, but kinder: every Gaussian keeps a base of its own. PERSE's has 9
layers of 512 and would take a CPU about a hundred times as long; wider than this, fewer steps fit in the same time."""


class ConditionedProperties(nn.Module):
    """Codes of all variants, and the network from (Gaussian, codes of all categories) to changes of properties."""

    def __init__(self, shape: Shape, points: FloatArray, variants: Mapping[str, tuple[str, ...]], seed: int) -> None:
        """`points` [N, 3] are the Gaussians' places at rest, metres; `variants` ids by category."""
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self._order = {id: k for k, id in enumerate((c, i) for c, ids in variants.items() for i in ids)}
        self._slots = {c: k for k, c in enumerate(variants)}
        self.codes = nn.Parameter(torch.randn(len(self._order), CODE_SIZE, generator=generator) * CODE_SPREAD)
        if shape.feature:
            features = torch.randn(len(points), shape.feature, generator=generator) * 0.5
            self.features: Tensor = nn.Parameter(features)
        else:
            self.register_buffer("features", torch.from_numpy(encoded(points)))
        width, inputs = shape.width, self.features.shape[1]
        self.from_feature = nn.Linear(inputs, width)
        # The codes are the same for every Gaussian: their share of the first layer is computed once.
        self.from_codes = nn.Linear(CODE_SIZE * len(self._slots), width, bias=False)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(shape.layers - 1))
        self.out = nn.Linear(width, PROPERTIES)
        for layer in (self.from_feature, self.from_codes, *self.hidden):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("units", torch.from_numpy(_units()))

    def forward(self, look: Look) -> Tensor:
        """Changes of the properties [N, 14]; that of the opacity is a logit's."""
        z = [torch.zeros(CODE_SIZE) for _ in self._slots]
        for category, weights in look.variants.items():
            for id, weight in weights.items():
                slot = self._slots[category]
                z[slot] = z[slot] + weight * self.codes[self._order[category, id]]
        x = torch.relu(self.from_feature(self.features) + self.from_codes(torch.cat(z)))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.out(x) * self.units


def encoded(points: FloatArray) -> FloatArray:
    """Positions and their sines and cosines at FREQUENCIES octaves, [N, 3 + 6 FREQUENCIES] float32."""
    p = (points - points.mean(0)) / SPAN_M
    waves = [f(2**k * np.pi * p) for k in range(FREQUENCIES) for f in (np.sin, np.cos)]
    return np.concatenate([p, *waves], 1).astype(np.float32)


def _units() -> FloatArray:
    """What an output of 1 means: properties differ in size by orders of magnitude."""
    units = np.empty(PROPERTIES, np.float32)
    units[OFFSET], units[QUAT], units[LOG_SCALE], units[OPACITY], units[COLOUR] = 0.01, 0.3, 0.5, 3.0, 0.3
    return units
