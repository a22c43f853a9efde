"""The photo without the frame of the eyeglasses on it: what lies beside the frame is continued below it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.portrait.eyewear import Eyewear, Stroke
from perse_engine.portrait.lens_film import without_film

Array = npt.NDArray[Any]

MARGIN_PX, MARGIN = 1.8, 0.25
"""Around the frame, and more of it by its half width: its soft edge and the darkest of its shadow."""
SUBPIXEL = 4
"""Bits of fractional pixels that lines are drawn with."""
PAD_SHARE = 0.9
"""Of a pixel's distance to the nose's colour, that to the frame's at most."""
GRAIN_PX, GRAIN = 1.2, 0.5
"""How fine the grain is, and its share of the fine detail of skin beside: the rest are pores and edges."""


def frame_mask(eyewear: Eyewear, size: int) -> Array:
    """Where the frame and its edges are on the work image, [S, S] 0 or 255."""
    mask = np.zeros((size, size), np.uint8)
    for stroke in eyewear.strokes():
        for polygon in _pieces(stroke):
            cv2.fillConvexPoly(mask, ((polygon - 0.5) * 2**SUBPIXEL).round().astype(np.int32), (255,), shift=SUBPIXEL)
    return mask


def without_frame(work: npt.NDArray[np.uint8], eyewear: Eyewear) -> npt.NDArray[np.uint8]:
    """The work image [S, S, 3] with skin, brows and hair where the frame was, and as it is without lenses."""
    mask = frame_mask(eyewear, len(work))
    mask |= _pads(work, eyewear, mask)
    x, y, width, height = cv2.boundingRect(mask)
    pad = 24
    window = (slice(max(y - pad, 0), y + height + pad), slice(max(x - pad, 0), x + width + pad))
    bare = work.copy() if eyewear.film is None else without_film(work, eyewear.rims, eyewear.film)
    bare[window] = _filled(bare[window], mask[window])
    return bare


def _pads(work: npt.NDArray[np.uint8], eyewear: Eyewear, frame: Array) -> Array:
    """What has the frame's colour between the lenses, below the bridge, and hangs on the frame: pads and their arms."""
    lab = cv2.cvtColor(work.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lenses, between = np.zeros_like(frame), np.zeros_like(frame)
    points = [rim.px.round().astype(np.int32) for rim in eyewear.rims]
    for rim in points:
        cv2.fillPoly(lenses, [rim], (255,))
    cv2.fillConvexPoly(between, cv2.convexHull(np.vstack(points)), (255,))
    between[: round(float(eyewear.bridges[0].px[:, 1].mean()))] = 0
    x, y = np.vstack(points).T
    colour = np.median(lab[y, x], 0)
    nose = (between > 0) & (lenses == 0) & (frame == 0)
    if not nose.any():
        return np.zeros_like(frame)
    skin = np.median(lab[nose], 0)
    # Nearer to the frame's colour than to the skin's.
    is_like = np.linalg.norm(lab - colour, axis=-1) < PAD_SHARE * np.linalg.norm(lab - skin, axis=-1)
    both = ((nose & is_like) | (frame > 0)).astype(np.uint8)
    _, parts = cv2.connectedComponents(both)
    hanging = np.isin(parts, np.unique(parts[frame > 0])) & nose & is_like
    return np.asarray(cv2.dilate(hanging.astype(np.uint8) * 255, np.ones((5, 5))))


def _filled(rgb: npt.NDArray[np.uint8], mask: Array) -> npt.NDArray[np.uint8]:
    smooth = cv2.inpaint(rgb, mask, 4, cv2.INPAINT_TELEA).astype(np.float32)
    # Skin that is smoother than the skin beside it shows as a band.
    detail = rgb.astype(np.float32) - cv2.GaussianBlur(rgb, (0, 0), 2 * GRAIN_PX)
    beside = (cv2.dilate(mask, np.ones((13, 13))) > 0) & (cv2.dilate(mask, np.ones((3, 3))) == 0)
    strength = GRAIN * float(np.median(np.abs(detail[beside]))) if beside.any() else 0.0
    noise = np.random.default_rng(0).standard_normal(rgb.shape[:2]).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), GRAIN_PX / 2)
    noise *= strength / float(np.median(np.abs(noise)))
    share = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 0.7)[..., None]
    out = rgb + (smooth + noise[..., None] - rgb) * share
    return np.asarray(np.clip(out.round(), 0, 255), np.uint8)


def _pieces(stroke: Stroke) -> list[Array]:
    """A quadrilateral [4, 2] for every step along a stroke, and its round joints."""
    px, half = stroke.px, (1 + MARGIN) * stroke.half_px + MARGIN_PX
    if stroke.is_closed:
        px, half = np.vstack([px, px[:1]]), np.append(half, half[0])
    along = np.diff(px, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], -1) / np.maximum(np.linalg.norm(along, axis=1), 1e-6)[:, None]
    sides = [
        np.stack([a + n * h, b + n * k, b - n * k, a - n * h])
        for a, b, n, h, k in zip(px[:-1], px[1:], across, half[:-1], half[1:], strict=True)
    ]
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    disc = np.stack([np.cos(angle), np.sin(angle)], -1)
    return [*sides, *(p + h * disc for p, h in zip(px, half, strict=True))]
