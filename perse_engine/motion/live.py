"""A face that is followed while it moves: pictures of it at rest -> Driver; Driver, one more picture -> Frame.

Nothing but the Driver is remembered from one picture to the next, and whoever asks keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue, NoFace
from perse_engine.motion.capture import find_landmarks, sureness
from perse_engine.motion.motion import Frame, motion_of
from perse_engine.motion.read_out import TABLE, mirrored
from perse_engine.motion.rig_fit import LIDS, Driver, find_driver, follow

Rgb = npt.NDArray[np.uint8]

LANDMARKS = (478, 3)
FARTHEST_MM = 500.0
WEIGHTS = frozenset(name for told in TABLE for name in (told, mirrored(told)))
DECIMALS = 4
FEWEST_SEEN = 0.5


def meet(pictures: Sequence[Rgb]) -> Driver:
    """Learn a face of pictures [H, W, 3] in which it is mostly at rest, a second or so of them.

    Raises:
        NoFace: fewer than half of the pictures show one.
    """
    seen = [points for points in map(find_landmarks, pictures) if points is not None]
    if len(seen) < max(FEWEST_SEEN * len(pictures), 1):
        raise NoFace(
            f"A face was found in {len(seen)} of {len(pictures)} pictures.", hint="Look into the camera, in good light."
        )
    return find_driver(np.stack(seen))


def look_at(driver: Driver, picture: Rgb) -> Frame | None:
    """How the face holds and what it does; None when none is seen (5 ms, and 0.2 s the first time with a driver)."""
    points = find_landmarks(picture)
    if points is None:
        return None
    row = follow(driver, points[None])
    return motion_of(1.0, row, sureness(row[:, 0])).frames[0]


def driver_to_json(driver: Driver) -> dict[str, Any]:
    """Plain JSON, to 0.1 micrometres."""
    return {
        "landmarks": np.round(driver.landmarks, DECIMALS).tolist(),
        "lids": dict(driver.lids),
        "iris": [float(v) for v in driver.iris],
        "pitch_deg": driver.pitch_deg,
        "rest": dict(driver.rest),
    }


def driver_from_json(value: Mapping[str, Any]) -> Driver:
    """The inverse, of JSON from outside.

    Raises:
        InvalidValue: something else than `driver_to_json` gives.
    """
    try:
        landmarks = np.array(value["landmarks"], np.float64)
        iris = np.array(value["iris"], np.float64)
        pitch_deg = float(value["pitch_deg"])
        lids = {side: float(value["lids"][side]) for side in LIDS}
        rest = {str(name): float(weight) for name, weight in value["rest"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_driver() from error
    # Written so that NaN fails too.
    sound = (
        landmarks.shape == LANDMARKS and bool((np.abs(landmarks) <= FARTHEST_MM).all())
        and iris.shape == (2,) and bool((np.abs(iris) <= 1).all()) and abs(pitch_deg) <= 90
        and all(0.01 <= gap <= 2 for gap in lids.values())
        and rest.keys() <= WEIGHTS and all(0 <= weight <= 10 for weight in rest.values())
    )  # fmt: skip
    if not sound:
        raise _no_driver()
    return Driver(landmarks, lids, iris, pitch_deg, rest)


def _no_driver() -> InvalidValue:
    return InvalidValue("This is no driver.", hint="Send what POST /v1/drivers answered, as it was.")
