"""Putting an edited picture back into the portrait: aligned, colour-matched, and only inside the mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.portrait.landmarks import face_models

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

OUTSIDE = 0.02
"""Mask value up to which a landmark or pixel belongs to what has to stay."""
MIN_LANDMARKS = 40
"""With fewer outside the mask, all are taken: the edit covers the face."""
RIGHT_CORNER, LEFT_CORNER = 33, 263
GAIN = (0.8, 1.25)
SAMPLES = 20_000


def work_landmarks(picture: Rgb) -> Array | None:
    """[478, 2] px of the face on a work image, or None where no face is seen. Not thread-safe."""
    points = face_models().landmarks(np.ascontiguousarray(picture))
    return None if points is None else points[:, :2]


def steady_landmarks(points: Array, mask: Array) -> npt.NDArray[np.bool_]:
    """Which of the portrait's landmarks [N, 2] an edit under this mask leaves where they are, [N] bool."""
    height, width = mask.shape
    column = np.clip(points[:, 0], 0, width - 1).astype(int)
    row = np.clip(points[:, 1], 0, height - 1).astype(int)
    outside = mask[row, column] <= OUTSIDE
    return outside if outside.sum() >= MIN_LANDMARKS else np.ones(len(points), bool)


def drift(points: Array, others: Array, steady: npt.NDArray[np.bool_]) -> float:
    """Mean distance of the steady landmarks, of the distance between the outer corners of the eyes."""
    eyes = np.linalg.norm(points[RIGHT_CORNER] - points[LEFT_CORNER])
    return float(np.linalg.norm(points[steady] - others[steady], axis=1).mean() / max(eyes, 1e-6))


def similarity(source: Array, target: Array) -> Array:
    """The rotation, scale and shift [2, 3] that brings points [N, 2] to others, least squares (Umeyama 1991)."""
    from_mean, to_mean = source.mean(0), target.mean(0)
    a, b = source - from_mean, target - to_mean
    u, s, vt = np.linalg.svd(b.T @ a / len(a))
    flip = np.diag([1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ flip @ vt
    scale = float((s * np.diag(flip)).sum() / max((a**2).sum() / len(a), 1e-12))
    matrix = scale * rotation
    return np.c_[matrix, to_mean - matrix @ from_mean]


def transformed(points: Array, matrix: Array) -> Array:
    """Points [N, 2] through [2, 3]."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def warped(picture: Rgb, matrix: Array) -> Rgb:
    """The picture moved by [2, 3]; what comes from beyond its edge repeats the edge."""
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(
        cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def colour_matched(picture: Rgb, portrait: Rgb, mask: Array) -> Rgb:
    """The picture with gain and offset per channel such that it agrees with the portrait outside the mask."""
    rows, columns = np.nonzero(mask <= OUTSIDE)
    if len(rows) < 100:
        return picture
    step = max(1, len(rows) // SAMPLES)
    seen = picture[rows[::step], columns[::step]].astype(np.float64)
    wanted = portrait[rows[::step], columns[::step]].astype(np.float64)
    spread = seen.var(0)
    covariance = ((seen - seen.mean(0)) * (wanted - wanted.mean(0))).mean(0)
    gain = np.clip(np.where(spread > 1, covariance / np.maximum(spread, 1e-9), 1.0), *GAIN)
    offset = wanted.mean(0) - gain * seen.mean(0)
    return np.clip(picture * gain + offset + 0.5, 0, 255).astype(np.uint8)


def paste(portrait: Rgb, picture: Rgb, mask: Array) -> Rgb:
    """The portrait with the picture inside the mask; where the mask is 0, the portrait's own bytes."""
    m = mask[..., None].astype(np.float64)
    mixed = portrait + (picture.astype(np.float64) - portrait) * m
    return np.where(m > 0, np.clip(mixed + 0.5, 0, 255), portrait).astype(np.uint8)
