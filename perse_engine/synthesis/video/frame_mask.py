"""Where a look may change a frame: there the rig's picture of it differs from that of the source look."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage
from perse_engine.synthesis.learned.masks import CHANGED_LEVELS, soften

Array = npt.NDArray[Any]


def frame_mask(source: MeshImage, dressed: MeshImage) -> Array:
    """[H, W] float32: 1 inside, falling to exactly 0 within a feather."""
    change = np.abs(source.rgba.astype(np.int16) - dressed.rgba.astype(np.int16)).max(-1)
    return soften(change > CHANGED_LEVELS)
