"""The curved sheet before the eyes on which eyeglasses sit, in the face's own frame, and where it is on the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.portrait.frames import head_axes

Array = npt.NDArray[Any]

CURVE = 0.28
"""How the sheet wraps around the face: eye distances back per square one sideways, as the editor's eyeglasses."""
BEFORE_NOSE = 0.05
"""How far it lies before the nose's root."""
EYE_CORNERS = ((33, 133), (362, 263))
"""Of the right and of the left eye."""
NOSE_ROOT = (168, 6)


@dataclass(frozen=True)
class FaceSheet:
    """Lengths are eye distances (between the eyes' middles), x to the subject's left, y up, from between the eyes.

    Attributes:
        origin: [3] work px.
        axes: [3, 3], rows are the head's axes in image axes.
        unit_px: an eye distance.
        depth: of the sheet at x = 0.
    """

    origin: Array
    axes: Array
    unit_px: float
    depth: float

    @staticmethod
    def of(landmarks: Array) -> FaceSheet:
        """Of a face with landmarks [478, 3] in work px."""
        points = landmarks.astype(np.float64)
        axes = head_axes(points)
        right, left = (points[list(pair)].mean(0) for pair in EYE_CORNERS)
        unit = float((left - right) @ axes[0])
        origin = (right + left) / 2
        depth = float(((points[list(NOSE_ROOT)] - origin) @ axes[2]).max()) / unit + BEFORE_NOSE
        return FaceSheet(origin, axes, unit, depth)

    def px(self, xy: Array) -> Array:
        """Places [..., 2] on the sheet to work px [..., 2]."""
        x, y = xy[..., 0], xy[..., 1]
        points = np.stack([x, y, self.depth - CURVE * x**2], -1)
        return np.asarray((self.unit_px * points @ self.axes + self.origin)[..., :2])
