"""The 14 numbers of a bound Gaussian, the unit in which everything about it is learned."""

from __future__ import annotations

import numpy as np

from perse_engine.scene import FloatArray

PROPERTIES = 14
OFFSET = slice(0, 3)
"""Metres, in the frame of the triangle that it is bound to, from its barycentric point."""
QUAT = slice(3, 7)
"""wxyz in the triangle's frame, any length."""
LOG_SCALE = slice(7, 10)
"""Natural logarithm of metres; multiplied by how much the triangle grew."""
OPACITY = 10
"""0..1, clamped after all changes are added."""
COLOUR = slice(11, 14)
"""sRGB, not clamped."""

RATES: FloatArray = np.array([8e-5] * 3 + [0.016] * 4 + [0.048] * 3 + [0.04] + [0.024] * 3, np.float32)
"""Adam's learning rate per property: the prototype's best (research/avatar.md section 4, "lr x4"); opacity is a quarter
of its rate for logits, the slope of the logistic function."""
SHARED = np.array([False] * 3 + [True] * 11)
"""Properties that categories which are on at once share; offsets add up (`latent.sharing`). Sizes must not: what both a
beard and a mouth widen would glow across the cheek."""

MAX_LOG_SCALE = float(np.log(0.015))
"""What is hidden in one look grows without bound, and glows beside the head in another (docs/experiments.md)."""
