"""Skin that a look reveals: under a new neckline, on a shaven head. It takes the tone of skin that is worn.

The source look shows something else there, so no picture of a tone changed those Gaussians, and changes that add up
cannot know (deep skin with a t-shirt would have a pale ring around its neck). Instead each tone is also an affine map
of colours, fitted to what it does to all bare skin, and each variant tells where it reveals skin:

    colour += sum_k w_k reveals_k * sum_j w_j D_j (colour, 1)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.properties import COLOUR
from perse_engine.scene import FloatArray

SKIN = "skin"
LEAST = 0.02
FEWEST = 50
"""Gaussians on bare skin to which a tone can be fitted."""
RIDGE = 1e-3
"""Keeps the map near a plain shift where the skin has one colour."""


@dataclass(frozen=True)
class RevealedSkin:
    """Which Gaussians show skin that the source does not: rows [n], how much of it amount [n], the tone [3, 4]."""

    rows: npt.NDArray[Any]
    amount: FloatArray
    tone: FloatArray

    def add(self, x: FloatArray) -> None:
        """Change the colours of properties [N, 14] in place."""
        colour = x[self.rows, COLOUR]
        x[self.rows, COLOUR] += self.amount[:, None] * (colour @ self.tone[:, :3].T + self.tone[:, 3])

    def back(self, grad: FloatArray) -> None:
        """Turn the gradient by the changed properties [N, 14] into that by those before, in place."""
        own = grad[self.rows, COLOUR]
        grad[self.rows, COLOUR] += self.amount[:, None] * (own @ self.tone[:, :3])


def revealed_skin(categories: Mapping[str, CategoryModel], codes: Mapping[str, FloatArray]) -> list[RevealedSkin]:
    """What the codes of a look reveal, in the order in which it is added; none without a tone of skin."""
    skin = categories.get(SKIN)
    if skin is None or skin.tones is None or SKIN not in codes:
        return []
    tone = np.tensordot(skin.network.weights(codes[SKIN], len(skin.tones)), skin.tones, 1).astype(np.float32)
    out: list[RevealedSkin] = []
    for category, code in codes.items():
        model = categories[category]
        if model.reveals is None:
            continue
        amount = np.clip(model.network.weights(code, len(model.reveals)) @ model.reveals, 0, 1).astype(np.float32)
        some = np.flatnonzero(amount > LEAST)
        if len(some):
            out.append(RevealedSkin(model.rows[some], amount[some], tone))
    return out


def fitted_tone(before: FloatArray, after: FloatArray) -> FloatArray:
    """D [3, 4] of the affine map with after = before + D (before, 1) of colours [n, 3], in the least squares."""
    if len(before) < FEWEST:
        return np.zeros((3, 4), np.float32)
    middle = before.mean(0, dtype=np.float64)
    apart = before - middle
    change = (after - before).astype(np.float64)
    spread = apart.T @ apart + RIDGE * len(before) * np.eye(3)
    slope = np.linalg.solve(spread, apart.T @ (change - change.mean(0))).T
    return np.column_stack([slope, change.mean(0) - slope @ middle]).astype(np.float32)
