"""Pictures tell what landmarks do not: a photo whose skin is moved while its landmarks stay where they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.interpolate import griddata

from perse_engine.head.shapes import shape_fields
from perse_engine.motion.picture_fit import PictureFit, crop_face
from perse_engine.motion.picture_table import PICTURE_FEATURES, PICTURE_TABLE
from perse_engine.motion.read_out import FITTED, mirrored, read_out
from perse_engine.motion.rig_fit import Driver, find_driver, similarity
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import ARKIT_NAMES

Array = npt.NDArray[Any]
NAMES = list(FITTED)


class Photo:
    """The sample photo, its landmarks, and the driver that they make."""

    def __init__(self, analysis: PortraitAnalysis) -> None:
        self.rgb = np.asarray(cv2.resize(analysis.work_rgb, (448, 448), interpolation=cv2.INTER_AREA), np.uint8)
        self.landmarks: Array = np.asarray(analysis.landmarks, np.float64) * (448 / analysis.work_rgb.shape[0])
        self.driver: Driver = find_driver(np.stack([self.landmarks] * 5))
        self.fit = PictureFit(self.driver, [crop_face(self.rgb, self.landmarks)])

    def moved(self, weights: Mapping[str, float]) -> npt.NDArray[np.uint8]:
        """The skin pushed along the shapes' own fields."""
        found = similarity(self.landmarks, self.driver.landmarks)
        fields = shape_fields(self.driver.landmarks).expressions
        push = sum(weight * fields[name] for name, weight in weights.items()) @ found.rotation / found.scale
        height, width = self.rgb.shape[:2]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        places = self.landmarks[:468, :2] + push[:, :2]
        away = np.stack([griddata(places, push[:, k], (x, y), "linear", 0.0) for k in range(2)], -1)
        away = cv2.GaussianBlur(away, (0, 0), 1.0).astype(np.float32)
        return np.asarray(cv2.remap(self.rgb, x - away[..., 0], y - away[..., 1], cv2.INTER_CUBIC), np.uint8)

    def features(self, rgb: npt.NDArray[np.uint8]) -> Array:
        return self.fit.features(crop_face(rgb, self.landmarks))


@pytest.fixture(scope="module")
def photo(astronaut_analysis: PortraitAnalysis) -> Photo:
    return Photo(astronaut_analysis)


@pytest.mark.parametrize(
    ("shape", "feature"),
    [
        (("browDownLeft", "browDownRight"), "browDown"),
        (("browInnerUp",), "browInnerUp"),
        (("browOuterUpLeft", "browOuterUpRight"), "browOuterUp"),
        (("mouthSmileLeft",), "mouthSmileLeft"),
    ],
)
def test_what_moves_the_skin_is_named(photo: Photo, shape: tuple[str, ...], feature: str) -> None:
    seen = dict(zip(NAMES, photo.features(photo.moved(dict.fromkeys(shape, 0.8))), strict=False))
    assert max(seen, key=lambda name: seen[name]) == feature and 0.3 < seen[feature] < 1.2


def test_a_face_at_rest_tells_nothing_whatever_the_light(photo: Photo) -> None:
    darker = (photo.rgb * 0.6).astype(np.uint8)
    for rgb in (photo.rgb, darker):
        assert np.abs(photo.features(rgb)).max() < 0.1
    frown = photo.moved({"browDownLeft": 0.8, "browDownRight": 0.8})
    dim = (frown * 0.6).astype(np.uint8)
    assert photo.features(dim) == pytest.approx(photo.features(frown), abs=0.1)


def test_a_mirrored_face_gives_the_mirrored_weights() -> None:
    row = np.random.default_rng(0).uniform(0, 1, (1, len(PICTURE_FEATURES)))
    flipped = row[:, [PICTURE_FEATURES.index(mirrored(name)) for name in PICTURE_FEATURES]]
    here, there = (read_out(rows, PICTURE_TABLE, PICTURE_FEATURES) for rows in (row, flipped))
    assert here.keys() <= set(ARKIT_NAMES) and "browDownRight" in here
    for name, told in here.items():
        assert told == pytest.approx(there[mirrored(name)], abs=1e-9)
    assert all(shares.keys() <= set(PICTURE_FEATURES) for shares in PICTURE_TABLE.values())
