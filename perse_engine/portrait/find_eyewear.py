"""From a work image to the frame of the eyeglasses on it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.portrait.bars import STANDS_OUT
from perse_engine.portrait.eyewear import Eyewear
from perse_engine.portrait.face_sheet import FaceSheet
from perse_engine.portrait.frame_arms import find_bridges, find_temple
from perse_engine.portrait.frame_rims import find_rims, is_tinted, rim_stroke, ring
from perse_engine.portrait.lens_film import film_of

Array = npt.NDArray[Any]

WHOLE = 0.75
"""Share of a rim that has to stand out (docs/experiments.md, Eyeglasses on the photo)."""
BESIDE_RIM = 2
"""Samples from a rim's edge at which temples are followed: on the rim itself nothing stands out."""


def find_eyewear(work: npt.NDArray[np.uint8], landmarks: Array) -> Eyewear | None:
    """The frame on a work image [S, S, 3] by its landmarks [478, 3] px; None where it is not clear all around."""
    sheet = FaceSheet.of(landmarks)
    lab = cv2.cvtColor(work.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    rims = find_rims(lab, sheet)
    if any((rim.contrast > STANDS_OUT).mean() < WHOLE or is_tinted(rim) for rim in rims):
        return None
    places = [ring(sign, rim.middle) for sign, rim in zip((-1, 1), rims, strict=True)]
    bridges = find_bridges(lab, sheet, places, rims)
    if not bridges:
        return None
    outlines = [rim_stroke(sheet, sign, rim) for sign, rim in zip((-1, 1), rims, strict=True)]
    temples = [
        find_temple(lab, sheet, sign, ring(sign, rim.middle + rim.half + BESIDE_RIM), landmarks)
        for sign, rim in zip((-1, 1), rims, strict=True)
    ]
    both = outlines[0], outlines[1]
    return Eyewear(both, bridges, (temples[0], temples[1]), film_of(work, both))
