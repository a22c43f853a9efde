"""A face followed picture by picture: what it does is told, and a driver from outside is looked at first."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import InvalidValue, NoFace
from perse_engine.motion.live import driver_from_json, driver_to_json, look_at, meet
from perse_engine.motion.rig_fit import Driver
from perse_engine.portrait.decode import decode_portrait


def turned(rgb: np.ndarray, degrees: float) -> np.ndarray:
    """The picture turned about its middle, clockwise."""
    height, width = rgb.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return np.asarray(cv2.warpAffine(rgb, matrix, (width, height)))


@pytest.fixture(scope="module")
def picture(astronaut_png: bytes) -> np.ndarray:
    return np.ascontiguousarray(decode_portrait(astronaut_png).rgb[:320, 64:384])


@pytest.fixture(scope="module")
def driver(picture: np.ndarray) -> Driver:
    return meet([picture] * 6)


def test_at_rest_nothing_moves_and_a_tilted_head_is_tilted(driver: Driver, picture: np.ndarray) -> None:
    still, tilted = look_at(driver, picture), look_at(driver, turned(picture, 15))
    assert still is not None and tilted is not None
    assert max(still.expression.weights.values(), default=0.0) < 0.05
    assert tilted.pose.roll_deg - still.pose.roll_deg == pytest.approx(-15, abs=3)


def test_a_driver_goes_through_json_unchanged(driver: Driver, picture: np.ndarray) -> None:
    again = driver_from_json(json.loads(json.dumps(driver_to_json(driver))))
    assert np.abs(again.landmarks - driver.landmarks).max() < 1e-3
    first, second = look_at(driver, turned(picture, 10)), look_at(again, turned(picture, 10))
    assert first is not None and second is not None
    assert second.pose.yaw_deg == pytest.approx(first.pose.yaw_deg, abs=0.05)


def test_where_no_face_is_nobody_is_met_and_nothing_seen(driver: Driver) -> None:
    grass = np.full((300, 300, 3), (90, 120, 90), np.uint8)
    assert look_at(driver, grass) is None
    with pytest.raises(NoFace, match="0 of 3"):
        meet([grass] * 3)


@pytest.mark.parametrize(
    "change",
    [
        {"landmarks": [[0.0, 0.0]]},
        {"landmarks": [[float("nan")] * 3] * 478},
        {"landmarks": [[1e9] * 3] * 478},
        {"iris": "no"},
        {"lids": {"Left": 0.3}},
        {"lids": {"Left": 0.0, "Right": 0.3}},
        {"pitch_deg": float("inf")},
        {"rest": {"jawDropped": 0.5}},
        {"rest": {"jawOpen": -1}},
    ],
)
def test_what_is_no_driver_is_refused(driver: Driver, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        driver_from_json(driver_to_json(driver) | change)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["landmarks", "lids", "iris", "pitch_deg", "rest"]), JSON))
def test_any_json_is_a_driver_or_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        driver_from_json(value)
