"""How alike two pictures are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

Array = npt.NDArray[Any]


def psnr_db(a: Array, b: Array, mask: Array) -> float:
    """Peak signal-to-noise ratio of [H, W, 3] pictures 0..1 over a boolean mask, dB; 99 at most."""
    error = float(((a.astype(np.float64) - b) ** 2).mean(-1)[mask].mean()) if mask.any() else 0.0
    return min(99.0, -10 * np.log10(max(error, 1e-10)))


def ssim(a: Array, b: Array, mask: Array) -> float:
    """Structural similarity (Wang et al. 2004: Gaussian window, sigma 1.5) of [H, W, 3] 0..1, mean over a mask."""
    _, values = structural_similarity(
        a.astype(np.float64), b.astype(np.float64), channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    return float(values.mean(-1)[mask].mean()) if mask.any() else 1.0


def worst_share(values: Array, share: float) -> float:
    """Mean of the largest `share` of values."""
    if not values.size:
        return 0.0
    count = max(1, round(share * values.size))
    return float(np.partition(values.ravel(), values.size - count)[-count:].mean())
