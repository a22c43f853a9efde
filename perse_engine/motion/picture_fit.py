"""How the face moves in the picture: where landmarks stay behind, brows above all, the skin's own texture tells.

Every frame's face is laid onto the driver's resting face, straightened by where its landmarks hold the head. What still
moves from the resting picture to it (optical flow: Kroeger et al. 2016, DIS) is expression, in mm, whoever's it is; the
driver's rig is fitted to that as it is to the landmarks. Brightness and contrast near a place do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import griddata
from scipy.linalg import solve_triangular
from scipy.optimize import lsq_linear

from perse_engine.head.shapes import shape_fields
from perse_engine.motion.read_out import FITTED
from perse_engine.motion.rig_fit import INTER_PUPIL_MM, MOST, Driver, similarity
from perse_engine.portrait.landmarks import square_crop
from perse_engine.portrait.points import LEFT_EYE, LEFT_EYEBROW, LIPS_INNER, LIPS_OUTER, OVAL, RIGHT_EYE, RIGHT_EYEBROW

Array = npt.NDArray[Any]
Grey = npt.NDArray[np.uint8]

MM_PER_PX = 0.75
CROP_PX = 272
"""A face with its forehead, however it is held."""
LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM = -66.0, 66.0, 64.0, -80.0
"""The straightened picture, about the middle of the eyes."""
RIDGE_MM = 6.0
PLACE_MM, IRIS_MM = 2.5, 1.2
"""Flow is averaged over so much (standard deviation) where it is read."""
CONTRAST_MM, EVEN = 10.0, 4.0
"""Contrast is that within some 10 mm, and never less than 4 of 255: noise is no texture."""
EYE_CORNERS = (33, 133, 362, 263)
IRISES = (468, 473)


@dataclass(frozen=True)
class FaceCrop:
    """A face cut out of its frame: grey [272, 272] uint8 at about 0.75 mm a pixel, landmarks [478, 3] in its pixels."""

    grey: Grey
    landmarks: Array


def crop_face(rgb: npt.NDArray[np.uint8], landmarks: Array) -> FaceCrop:
    """Cut out the face of these landmarks; 72 KiB."""
    unit = float(np.linalg.norm(landmarks[IRISES[0]] - landmarks[IRISES[1]])) / INTER_PUPIL_MM
    grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    crop, matrix = square_crop(grey, landmarks[:468, :2].mean(0), CROP_PX * MM_PER_PX * unit, CROP_PX)
    scale = matrix[0, 0]
    return FaceCrop(crop, np.c_[landmarks[:, :2] * scale + matrix[:, 2], landmarks[:, 2] * scale])


class PictureFit:
    """Fits the rig of one driver to pictures; `resting` are some of the driver at rest."""

    def __init__(self, driver: Driver, resting: Sequence[FaceCrop]) -> None:
        self._driver = driver
        self._grid = _grid(driver.landmarks)
        rest = np.median([self._straightened(crop) for crop in resting], 0).astype(np.uint8)
        self._rest = _even(rest)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._weights = _importance()[:, None]
        fields = shape_fields(driver.landmarks).expressions
        shapes = [np.sum([fields[n][:, :2] for n in names], 0) for names in FITTED.values()]
        columns = [*shapes, *_slips(driver.landmarks[:468])]
        self._columns = np.stack([(column * self._weights).ravel() for column in columns], 1)
        free = len(columns) - len(FITTED)
        ridge = np.r_[np.full(len(FITTED), RIDGE_MM**2), np.full(free, 1e-4)]
        self._lower = np.linalg.cholesky(self._columns.T @ self._columns + np.diag(ridge))
        self._bounds = (np.r_[np.zeros(len(FITTED)), np.full(free, -np.inf)],
                        np.r_[np.full(len(FITTED), MOST), np.full(free, np.inf)])  # fmt: skip

    def features(self, crop: FaceCrop) -> Array:
        """How far each of FITTED explains what moved, 0..1.5, and how far the irises moved against the corners of the
        eyes, mm to the left and up: [len(FITTED) + 2]."""
        flow = self._flow.calc(self._rest, _even(self._straightened(crop)), None)
        moved = self._read(flow, PLACE_MM)
        right = solve_triangular(self._lower, self._columns.T @ (moved[:468] * self._weights).ravel(), lower=True)
        fitted = lsq_linear(self._lower.T, right, self._bounds).x[: len(FITTED)]
        iris = self._read(flow, IRIS_MM)[list(IRISES)].mean(0) - moved[list(EYE_CORNERS)].mean(0)
        return np.r_[fitted, iris]

    def likeness(self, crop: FaceCrop) -> float:
        """How alike the driver's resting picture a face's is, -1..1: the correlation of what stands out in both."""
        seen = _even(self._straightened(crop))
        return float(np.corrcoef(seen.ravel(), self._rest.ravel())[0, 1])

    def _straightened(self, crop: FaceCrop) -> Grey:
        found = similarity(crop.landmarks, self._driver.landmarks)
        places = ((self._grid - found.centre_onto) @ found.rotation / found.scale + found.centre).astype(np.float32)
        seen: Grey = cv2.remap(
            crop.grey, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return seen

    def _read(self, flow: Array, spread_mm: float) -> Array:
        """The flow at every landmark, [478, 2] mm to the left and up."""
        smooth = cv2.GaussianBlur(flow, (0, 0), spread_mm / MM_PER_PX)
        x = ((self._driver.landmarks[:, :1] - LEFT_MM) / MM_PER_PX).astype(np.float32)
        y = ((TOP_MM - self._driver.landmarks[:, 1:2]) / MM_PER_PX).astype(np.float32)
        there: Array = cv2.remap(smooth, x, y, cv2.INTER_LINEAR)[:, 0]
        return there * [MM_PER_PX, -MM_PER_PX]


def _grid(landmarks: Array) -> Array:
    """Points of the resting face [h, w, 3] mm, a pixel each, seen from the front."""
    x, y = np.meshgrid(np.arange(LEFT_MM, RIGHT_MM, MM_PER_PX), np.arange(TOP_MM, BOTTOM_MM, -MM_PER_PX))
    places, depths = landmarks[:468, :2], landmarks[:468, 2]
    inside = griddata(places, depths, (x, y), "linear")
    depth = np.where(np.isnan(inside), griddata(places, depths, (x, y), "nearest"), inside)
    # Beside the face the nearest depth has steps, and the eyes and nostrils are holes.
    return np.stack([x, y, cv2.GaussianBlur(depth, (0, 0), 4.5 / MM_PER_PX)], -1)


def _even(grey: Grey) -> Grey:
    """Without the light: what stands out of its surroundings, by their contrast."""
    values = grey.astype(np.float32)
    away = values - cv2.GaussianBlur(values, (0, 0), 0.75 * CONTRAST_MM / MM_PER_PX)
    contrast = np.sqrt(cv2.GaussianBlur(away * away, (0, 0), CONTRAST_MM / MM_PER_PX) + EVEN**2)
    return np.clip(128 + 50 * away / contrast, 0, 255).astype(np.uint8)


def _slips(points: Array) -> list[Array]:
    """How the whole face moves, [468, 2] each, where its landmarks hold the head a little wrong: along x and y, about
    z, larger, and about x and y, where what is deep moves against the rest."""
    x, y, z = points.T / 50.0
    one, none = np.ones(468), np.zeros(468)
    return [np.stack(pair, 1) for pair in ((one, none), (none, one), (-y, x), (x, y), (none, z), (z, none))]


def _importance() -> Array:
    """[468]: brows count most; lips and lids, which uncover what was not there, little; the outline not."""
    weights = np.ones(468)
    weights[[*LIPS_OUTER, *LIPS_INNER, *RIGHT_EYE, *LEFT_EYE]] = 0.3
    weights[[*RIGHT_EYEBROW, *LEFT_EYEBROW]] = 2.0
    weights[list(OVAL)] = 0.0
    return weights
