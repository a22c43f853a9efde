"""Sampling and filling of pictures that the head's parts share."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

Array = npt.NDArray[Any]

MAX_REMAP_ROWS = 30_000


def smoothstep(x: Array | float, low: float | Array, high: float | Array) -> Array:
    """0 at `low`, 1 at `high`, cubic between; `low` may be the larger one. Of the type of `x`."""
    t = np.asarray((np.asarray(x) - low) / (high - low))
    np.clip(t, 0, 1, out=t)
    rest = 3 - 2 * t
    t *= t
    t *= rest
    return t


def sample(image: Array, xy: Array, *, is_sharp: bool = False) -> Array:
    """Bilinear values of image [H, W(, C)] at px coordinates [..., 2] (pixel centres at integers).

    `is_sharp` takes Lanczos' kernel instead: bilinear sampling between pixels costs a third of the finest detail.
    """
    where = xy.astype(np.float32)
    lead = where.shape[:-1]
    if where.ndim == 2:
        where = where.reshape(-1, 1, 2)
    image = np.asarray(image, np.float32)
    kernel = cv2.INTER_LANCZOS4 if is_sharp else cv2.INTER_LINEAR
    # cv2.remap refuses more than 32767 rows.
    rows = [
        cv2.remap(image, where[i : i + MAX_REMAP_ROWS], None, kernel, borderMode=cv2.BORDER_REPLICATE)
        for i in range(0, len(where), MAX_REMAP_ROWS)
    ]
    return np.concatenate(rows).reshape(lead + image.shape[2:])


def for_bilinear(image: Array) -> Array:
    """The texture [H, W, C] that looks like `image` when it is sampled bilinearly.

    The quasi-interpolant of Condat, Blu and Unser 2005 along both axes: it takes back what the sampling costs up to the
    second order, and at no frequency more than that, so that it draws no halos.
    """
    kernel = np.array([-1, 14, -1], np.float32) / 12
    return cv2.sepFilter2D(np.asarray(image, np.float32), -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)


def push_pull(image: Array, weight: Array) -> Array:
    """Fill an image [H, W, C] where `weight` [H, W] is small from a pyramid of what is known.

    The pyramid goes down to one pixel with the mean colour: stopping earlier leaves black holes.
    """
    known = [(image * weight[..., None]).astype(np.float32)]
    weights = [weight.astype(np.float32)]
    while min(weights[-1].shape) > 1:
        height, width = weights[-1].shape
        size = ((width + 1) // 2, (height + 1) // 2)
        known.append(cv2.resize(known[-1], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1))
        weights.append(cv2.resize(weights[-1], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0]))
    mean = known[0].sum((0, 1)) / max(float(weight.sum()), 1e-6)
    current = np.broadcast_to(mean.astype(np.float32), known[-1].shape).copy()
    for colour, w in zip(known[::-1], weights[::-1], strict=True):
        height, width = w.shape
        up = cv2.resize(current, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, -1)
        share = np.clip(w * 4, 0, 1)[..., None]
        current = up * (1 - share) + share * (colour / np.maximum(w, 1e-6)[..., None])
    return np.asarray(current)


def curve(points: Array, count: int) -> Array:
    """`count` points along the cubic spline through points [P, D]; linear in `points`."""
    places = np.linspace(0, len(points) - 1, count)
    return np.asarray(CubicSpline(np.arange(len(points)), points)(places))


def grid_faces(rows: int, columns: int) -> npt.NDArray[np.int32]:
    """Two triangles per cell of a row-major vertex grid, [2 (rows-1) (columns-1), 3]."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    p = (i * columns + j).ravel()
    q, r, s = p + 1, p + columns + 1, p + columns
    return np.stack([np.stack([p, q, r], 1), np.stack([p, r, s], 1)], 1).reshape(-1, 3).astype(np.int32)


def resample_grid(points: Array, height: int, width: int) -> Array:
    """A vertex grid [R, C, D] interpolated to [height, width, D]."""
    rows, columns = points.shape[:2]
    u, v = np.meshgrid(np.linspace(0, columns - 1, width), np.linspace(0, rows - 1, height))
    return sample(points, np.stack([u, v], -1))
