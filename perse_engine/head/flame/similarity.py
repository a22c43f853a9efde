"""The similarity that carries points onto others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def similarity(own: Array, goals: Array) -> tuple[Array, float, Array]:
    """Rotation [3, 3], scale and shift [3] with goals ~ scale rotation own + shift (Umeyama 1991)."""
    a, b = own - own.mean(0), goals - goals.mean(0)
    left, sizes, right = np.linalg.svd(b.T @ a)
    sign = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation, scale = left @ np.diag(sign) @ right, float((sizes * sign).sum() / (a * a).sum())
    return rotation, scale, goals.mean(0) - scale * rotation @ own.mean(0)
