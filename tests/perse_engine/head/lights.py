"""Lights whose coefficients are known, to light subjects with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perse_engine.head.light import basis, even_light
from perse_engine.scene import FloatArray

ORDER_2 = 0.47
"""A distant lamp's share of second order beside the first, 15 / 32 (Ramamoorthi and Hanrahan 2001)."""


def lamp(towards: Sequence[float] | FloatArray, strength: float) -> FloatArray:
    """White light that is even but for a distant lamp in a direction [3], [9, 3]."""
    unit = np.asarray(towards, float) / np.linalg.norm(towards)
    coefficients = basis(unit) * np.r_[0.0, np.ones(3), 3, 3, 1, 3, 3]
    coefficients[4:] *= ORDER_2
    return np.asarray(even_light() + strength * coefficients[:, None], np.float32)
