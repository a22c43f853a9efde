"""A baseline as an avatar, and how it is trained: a network in place of gated bases, all else shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import expit

from perse_engine.avatar.avatar import Avatar, BakedLook, rest_points
from perse_engine.avatar.drawing import View
from perse_engine.avatar.owning import START_OPACITY
from perse_engine.avatar.properties import OPACITY, RATES
from perse_engine.avatar.start import Start
from perse_engine.avatar.training import RASTER_MODE, Trainer
from perse_engine.evaluation.avatar.baselines.networks import ConditionedProperties, Shape
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.splatting.adam import Adam

LOGIT_RATE = 4.0
"""Opacities are logits here, with the rate that RATES is a quarter of: a clamped opacity feels no gradient at 0, and
with no gating nothing else would bring a hat's Gaussians back."""
OWNED_OPACITY = START_OPACITY / 2
"""Where what ours keeps transparent in the source look begins: half way, to be pulled up or down by each look."""

FINAL_RATE = 0.03
"""Of the rate that a shape names, which was searched with this fall: its own, not that of our bases."""
LEAST_LOGIT = -3.0
"""Of the base's opacity where an additive category owns the Gaussian. Most looks pull it down; below what is drawn it
has no gradient, and no look could bring it back: without this bound no baseline grew long hair."""


@dataclass(frozen=True)
class ConditionedAvatar(Avatar):
    """An avatar whose looks a network bakes; `base` holds the opacity as a logit."""

    network: ConditionedProperties | None = None

    def bake(self, look: Look, shares: Mapping[str, FloatArray] | None = None) -> BakedLook:
        """See `Avatar.bake`; nothing is shared between categories here."""
        assert self.network is not None
        with torch.no_grad():
            x = self.base + self.network(look).numpy()
        x[:, OPACITY] = expit(x[:, OPACITY])
        return BakedLook(look, x)


class ConditionedTrainer(Trainer):
    """Ours, but for how properties depend on the look and what learns from their gradients."""

    def __init__(self, start: Start, view: View, shape: Shape, seed: int) -> None:
        self._variants = {c: tuple(m.codes) for c, m in start.categories.items()}
        placed = start.placed
        owned = placed.owner >= 0
        base = placed.base.copy()
        for number, category in enumerate(placed.owners):
            ways = placed.ways[category]
            base[placed.owner == number] += ways.whole.sum(0) / ways.shown.sum(0)[:, None]
        base[owned, OPACITY] = OWNED_OPACITY
        base[:, OPACITY] = _logit(base[:, OPACITY])
        super().__init__(replace(start, placed=replace(placed, base=base), categories={}), view)
        rates = RATES.copy()
        rates[OPACITY] *= LOGIT_RATE
        self._base_adam = Adam(self._base, rates)
        # What is owned hangs on few anchors, whose frames have the world's axes at rest.
        points = rest_points(placed.binding)
        points[owned] += base[owned, :3]
        self._shape = shape
        self._network = ConditionedProperties(shape, points, self._variants, seed)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=shape.rate, betas=(0.9, 0.99))

    def rate(self, used: float) -> float:
        """See `Trainer.rate`."""
        return float(FINAL_RATE**used)

    def _properties(self, look: Look) -> FloatArray:
        self._change = self._network(look)
        x: FloatArray = self._base + self._change.detach().numpy()
        x[:, OPACITY] = self._opacity = expit(x[:, OPACITY])
        return x

    def _learn_look(self, look: Look, grad_x: FloatArray, rate: float) -> None:
        grad = grad_x.copy()
        grad[:, OPACITY] *= self._opacity * (1 - self._opacity)
        for group in self._optimizer.param_groups:
            group["lr"] = self._shape.rate * rate
        self._optimizer.zero_grad()
        self._change.backward(torch.from_numpy(grad))
        self._optimizer.step()
        self._base_adam.step(grad, rate_factor=rate)
        self._base[self._owned, OPACITY] = np.maximum(self._base[self._owned, OPACITY], LEAST_LOGIT)

    def avatar(self, details: dict[str, object]) -> Avatar:
        """The baseline as it is now."""
        s = self._start
        return ConditionedAvatar(
            s.placed.binding, self._base, {}, s.expression, details, RASTER_MODE, (), None, self._network
        )  # fmt: skip


def _logit(opacity: FloatArray) -> FloatArray:
    p = np.clip(opacity, 0.02, 0.98)
    return np.asarray(np.log(p / (1 - p)), np.float32)
