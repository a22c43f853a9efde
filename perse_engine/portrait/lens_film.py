"""What lenses do to the skin behind them: a thin film of one colour, told by the step from one side of the rim to the
other."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.portrait.bars import sampled
from perse_engine.portrait.eyewear import Film, Stroke

Array = npt.NDArray[Any]

BESIDE_PX, BLUR_PX = 4.0, 1.5
"""How far from the frame's edge colours are compared, beyond its shade, and over how much they are means."""
SAME = 0.25
"""Difference of sRGB colours above which the two sides are not both skin."""
LEAST, MOST = 0.02, 0.15
"""Steps of sRGB values that are seen, and that are a film's: stronger ones are shadows or dark glass."""
EXPOSED, THICKEST = (0.05, 0.95), 0.45
"""Skin that is black or white tells nothing of a film; one of half opacity would hide the eyes from depth."""
FEWEST = 24
"""Places with skin on both sides."""


def film_of(work: npt.NDArray[np.uint8], rims: tuple[Stroke, Stroke]) -> Film | None:
    """The thinnest film that explains the step; None where there is no clear one."""
    soft = cv2.GaussianBlur(work.astype(np.float32) / 255, (0, 0), BLUR_PX)
    inside, outside = (np.vstack([_colours(soft, rim, side) for rim in rims]) for side in (-1, 1))
    step = inside - outside
    is_skin = np.linalg.norm(step, axis=1) < SAME
    if is_skin.sum() < FEWEST:
        return None
    step, skin = np.median(step[is_skin], 0), np.clip(np.median(outside[is_skin], 0), *EXPOSED)
    if not LEAST < np.abs(step).max() < MOST:
        return None
    # A film of black or white needs the least opacity.
    opacity = float(np.max(np.where(step > 0, step / (1 - skin), -step / skin)))
    return Film(np.clip(skin + step / opacity, 0, 1), opacity) if opacity < THICKEST else None


def without_film(work: npt.NDArray[np.uint8], rims: tuple[Stroke, Stroke], film: Film) -> npt.NDArray[np.uint8]:
    """The work image [S, S, 3] as it is without the film within the rims."""
    return _changed(work, rims, (work / 255 - film.opacity * film.colour) / (1 - film.opacity))


def with_film(bare: npt.NDArray[np.uint8], rims: tuple[Stroke, Stroke], film: Film) -> npt.NDArray[np.uint8]:
    """The opposite."""
    return _changed(bare, rims, bare / 255 * (1 - film.opacity) + film.opacity * film.colour)


def _changed(rgb: npt.NDArray[np.uint8], rims: tuple[Stroke, Stroke], within: Array) -> npt.NDArray[np.uint8]:
    """A picture [S, S, 3] that is `within`, 0..1, inside the rims."""
    inside = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(inside, [(rim.px - 0.5).round().astype(np.int32) for rim in rims], (1,))
    return np.where(inside[..., None] > 0, np.clip(within * 255 + 0.5, 0, 255).astype(np.uint8), rgb)


def _colours(rgb: Array, rim: Stroke, side: int) -> Array:
    """What lies within (-1) or without (1) the lower half of a rim, [N, 3]: above are brows and lids."""
    px = _beside(rim, side)
    return sampled(rgb, px[rim.px[:, 1] > rim.px[:, 1].mean()][None])[0]


def _beside(rim: Stroke, side: int) -> Array:
    """Work px [N, 2]."""
    away = rim.px - rim.px.mean(0)
    along = np.roll(rim.px, -1, 0) - np.roll(rim.px, 1, 0)
    across = np.stack([-along[:, 1], along[:, 0]], -1) / np.linalg.norm(along, axis=1)[:, None]
    across *= np.sign((across * away).sum(1))[:, None]
    return np.asarray(rim.px + side * (rim.half_px + BESIDE_PX)[:, None] * across)
