"""Small image tools of the region masks: guided filter, polygons, a colour mixture model."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[Any]
"""[H, W] float32 in 0..1."""


def guided_filter(guide: npt.NDArray[Any], mask: Mask, radius: int, epsilon: float) -> Mask:
    """Smooth `mask` along the edges of `guide` [H, W, 3] 0..1 (He et al., 2010), channel by channel."""

    def blur(image: Mask) -> Mask:
        return np.asarray(cv2.blur(image, (2 * radius + 1, 2 * radius + 1)), np.float32)

    out = np.zeros_like(mask)
    mean_mask = blur(mask)
    for channel in cv2.split(guide):
        mean = blur(channel)
        covariance = blur(channel * mask) - mean * mean_mask
        variance = blur(channel * channel) - mean * mean
        slope = covariance / (variance + epsilon)
        out += blur(slope) * channel + blur(mean_mask - slope * mean)
    return out / guide.shape[2]


def polygon(shape: tuple[int, int], points: npt.NDArray[np.float64]) -> Mask:
    """An antialiased filled polygon, [H, W] 0..1; points in px."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 8).astype(np.int32)], (255,), cv2.LINE_AA, 3)
    return mask.astype(np.float32) / 255


def sigmoid(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The logistic function, safe for large arguments."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))), np.float32)


class ColourMixture:
    """A Gaussian mixture over Lab colours, started by k-means; `samples` [M, 3]."""

    SAMPLES = 20_000
    # Added to every covariance (Lab units squared): sensor noise and soft shadows that few seeds may not show.
    NOISE = 12.0

    def __init__(self, samples: npt.NDArray[Any], components: int) -> None:
        samples = samples.astype(np.float32)
        if len(samples) > self.SAMPLES:
            samples = samples[np.random.default_rng(0).choice(len(samples), self.SAMPLES, replace=False)]
        components = max(1, min(components, len(samples) // 50))
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
        _, labels, _ = cv2.kmeans(samples, components, np.empty(0, np.int32), criteria, 2, cv2.KMEANS_PP_CENTERS)
        self._parts = []
        for k in range(components):
            own = samples[labels.ravel() == k]
            if len(own) < 10:
                continue
            covariance = np.cov(own.T) + np.eye(3) * self.NOISE
            factor = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
            offset = np.log(len(own) / len(samples)) - 0.5 * np.linalg.slogdet(covariance)[1]
            self._parts.append((own.mean(0).astype(np.float32), factor, np.float32(offset)))

    def log_likelihood(self, colours: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Of colours [..., 3], up to a constant shared by all mixtures, [...]."""
        parts = [
            offset - 0.5 * (((colours - mean) @ factor) ** 2).sum(-1, dtype=np.float32)
            for mean, factor, offset in self._parts
        ]
        return np.asarray(np.logaddexp.reduce(np.stack(parts), axis=0), np.float32)
