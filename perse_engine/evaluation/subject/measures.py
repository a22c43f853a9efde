"""Geometry of a face from its landmarks, and likeness of a picture to the photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.distance import Distance
from perse_engine.evaluation.pictures import psnr_db, ssim
from perse_engine.evaluation.subject.judge import source_picture
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import Regions

Array = npt.NDArray[Any]

ERODE_SHARE = 0.012
"""Of the work image's side: the oval's ear-side landmarks overshoot the silhouette by about as much."""
DETAIL_SIGMA_PX = 2.0
EYE_CORNERS = (33, 133, 362, 263)
RIGHT_LID_PAIRS = ((160, 144), (159, 145), (158, 153))
LEFT_LID_PAIRS = ((387, 373), (386, 374), (385, 380))
INNER_BROWS = (55, 107, 285, 336)


@dataclass(frozen=True)
class Likeness:
    """The source view against the photo inside the face.

    `detail` is the variance of what a Gaussian blur removes from luma, over the photo's: below 1 is too soft. `lpips`
    is None without a network.
    """

    psnr_db: float
    ssim: float
    detail: float
    lpips: float | None = None


def source_likeness(subject: Subject, regions: Regions, lpips: Distance | None = None) -> Likeness:
    """Render the source view and compare it with the work image."""
    drawn = source_picture(subject)
    view, photo = drawn.astype(np.float32) / 255, subject.work_rgb.astype(np.float32) / 255
    region = face_region(regions)
    found = likeness(view, photo, region)
    if lpips is None or not region.any():
        return found
    return replace(found, lpips=lpips(*around(np.where(region[..., None], view, photo), photo, region)))


def around(view: Array, photo: Array, region: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """Both pictures cut to the rectangle around a region: the rest of a photo would thin out a mean over it."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return view[box], photo[box]


def likeness(view: Array, photo: Array, region: Array) -> Likeness:
    """Compare [H, W, 3] pictures 0..1 over a boolean region."""
    own, true = detail_variance(view, region), detail_variance(photo, region)
    return Likeness(float(psnr_db(view, photo, region)), ssim(view, photo, region), own / max(true, 1e-12))


def face_region(regions: Regions) -> npt.NDArray[np.bool_]:
    """Where face, person and uploaded picture are sure, eroded off the silhouette, [S, S]."""
    sure = (regions.face_oval > 0.9) & (regions.person > 0.9) & (regions.valid > 0.9)
    reach = round(ERODE_SHARE * len(sure))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.erode(sure.astype(np.uint8), kernel) > 0


def detail_variance(rgb: Array, region: Array) -> float:
    """Variance of luma minus its blur, inside a region of a picture 0..1."""
    luma = cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2GRAY)
    detail = luma - cv2.GaussianBlur(luma, (0, 0), DETAIL_SIGMA_PX)
    return float(detail[region].var()) if region.any() else 0.0


def face_geometry(points: Array) -> Mapping[str, float]:
    """Lengths in distances between the outer eye corners, along the eyes' own line, so that roll does not count.

    mouth_gap: between the inner lips. mouth_width: between the corners. corner_left, corner_right: height of a
    corner of the mouth over the eyes' line (negative). lids_left, lids_right: mean gap of three pairs of lid points.
    brows: height of the inner brows. iris_height: of both irises. iris_spread: distance between the irises.
    """
    xy = points[:, :2]
    eyes = xy[263] - xy[33]
    unit = float(np.linalg.norm(eyes))
    across = eyes / unit
    up = np.array([across[1], -across[0]])
    local = (xy - xy[list(EYE_CORNERS)].mean(0)) @ np.stack([across, up], 1) / unit

    def gap(pairs: tuple[tuple[int, int], ...]) -> float:
        return float(np.mean([np.linalg.norm(local[a] - local[b]) for a, b in pairs]))

    return {
        "mouth_gap": gap(((13, 14),)),
        "mouth_width": float(local[291, 0] - local[61, 0]),
        "corner_left": float(local[291, 1]),
        "corner_right": float(local[61, 1]),
        "lids_left": gap(LEFT_LID_PAIRS),
        "lids_right": gap(RIGHT_LID_PAIRS),
        "brows": float(local[list(INNER_BROWS), 1].mean()),
        "iris_height": float(local[[468, 473], 1].mean()),
        "iris_spread": float(local[473, 0] - local[468, 0]),
    }
