"""Whether the person on the photo wears eyeglasses: something crosses the root of the nose."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

RIGHT_CORNER, LEFT_CORNER = 33, 263
"""Landmarks of the eyes' outer corners."""
EYES_AT = ((20, 60), (140, 60))
"""Where those corners come to lie, so that their distance is 120 px."""
NOSE_ROOT = (slice(34, 80), slice(74, 87))
"""Rows and columns in which a bridge runs from lens to lens."""
BLUR_PX = 1.0
CONTRAST = 3.5
"""Skin changes by less from one row to the next, bridges by more (docs/experiments.md, Eyeglasses on the photo)."""


def wears_eyeglasses(work: npt.NDArray[np.uint8], landmarks: Array) -> bool:
    """Judge a work image [S, S, 3] by its landmarks [478, 2 or 3] px."""
    return bridge_contrast(work, landmarks) > CONTRAST


def bridge_contrast(work: npt.NDArray[np.uint8], landmarks: Array) -> float:
    """The strongest step between two rows of the nose's root, in CIE Lab units summed over the channels.

    Rows are averaged across before: a bridge is an edge all along, wrinkles and hairs are not.
    """
    corners = landmarks[[RIGHT_CORNER, LEFT_CORNER], :2].astype(np.float32)
    turn, _ = cv2.estimateAffinePartial2D(corners, np.array(EYES_AT, np.float32))
    face = cv2.warpAffine(work, turn, (160, 120), borderMode=cv2.BORDER_REPLICATE)
    root = cv2.cvtColor(face.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[NOSE_ROOT]
    steps = np.diff(cv2.GaussianBlur(root, (0, 0), BLUR_PX), axis=0)
    return float(np.abs(steps.mean(1)).sum(1).max())
