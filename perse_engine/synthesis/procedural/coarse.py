"""Maps over the head's atlas at a quarter of its size, where soft things cost a sixteenth."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.strands import texel_directions

Array = npt.NDArray[Any]

COARSER = 4
SMALL_PX = ATLAS_PX // COARSER


def small(picture: Array) -> Array:
    """[A, A(, C)] at a quarter of its size, [S, S(, C)]."""
    return cv2.resize(picture, (SMALL_PX, SMALL_PX), interpolation=cv2.INTER_AREA)


def large(picture: Array) -> Array:
    """[S, S(, C)] at the atlas's size, [A, A(, C)] float32."""
    return cv2.resize(picture.astype(np.float32), (ATLAS_PX, ATLAS_PX), interpolation=cv2.INTER_LINEAR)


@cache
def small_directions() -> Array:
    """Unit vector from the head's centre to every small texel, head frame, [S, S, 3] float32."""
    return small(texel_directions())
