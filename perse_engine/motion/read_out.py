"""What the fit explains a face by -> the weights that are told.

The detector sees a smile where a jaw drops and a raised brow where an eye shuts, and hardly more on one face than on
another. TABLE undoes that: a linear map, the same for both sides of the face, from renders of three avatars in known
motion. `python -m benchmarks.calibrate_capture` reckons it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FITTED: Mapping[str, tuple[str, ...]] = {
    "jawOpen": ("jawOpen",),
    "mouthSmileLeft": ("mouthSmileLeft",),
    "mouthSmileRight": ("mouthSmileRight",),
    "mouthPucker": ("mouthPucker",),
    "browInnerUp": ("browInnerUp",),
    "browOuterUp": ("browOuterUpLeft", "browOuterUpRight"),
    "browDown": ("browDownLeft", "browDownRight"),
    "eyeBlinkLeft": ("eyeBlinkLeft",),
    "eyeBlinkRight": ("eyeBlinkRight",),
    "mouthFrown": ("mouthFrownLeft", "mouthFrownRight"),
    "mouthStretch": ("mouthStretchLeft", "mouthStretchRight"),
    "mouthUpperUp": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "mouthLowerDown": ("mouthLowerDownLeft", "mouthLowerDownRight"),
    "cheekSquint": ("cheekSquintLeft", "cheekSquintRight"),
    "mouthRollUpper": ("mouthRollUpper",),
    "mouthRollLower": ("mouthRollLower",),
    "mouthLeft": ("mouthLeft",),
    "mouthRight": ("mouthRight",),
    "jawLeft": ("jawLeft",),
    "jawRight": ("jawRight",),
    "eyeLookDown": ("eyeLookDownLeft", "eyeLookDownRight"),
    "eyeLookUp": ("eyeLookUpLeft", "eyeLookUpRight"),
    "mouthClose": ("mouthClose",),
}
"""Fitted together: a name, and the rig's shapes that move as one under it."""
LIDS = ("lidLeft", "lidRight")
"""Measured beside: how far each lid is shut."""
FEATURES = (*FITTED, *LIDS)

TABLE: Mapping[str, Mapping[str, float]] = {
    "jawOpen": {
        "jawOpen": 1.06, "mouthSmileLeft": -0.13, "mouthSmileRight": -0.13, "browInnerUp": 0.05,
        "browOuterUp": -0.05, "eyeBlinkLeft": -0.04, "eyeBlinkRight": -0.04, "mouthFrown": -0.24,
        "mouthUpperUp": 0.06, "mouthLowerDown": 0.45, "cheekSquint": -0.2, "mouthRollUpper": -0.34,
        "mouthRollLower": -0.25, "mouthLeft": -0.05, "mouthRight": -0.05, "jawLeft": -0.12, "jawRight": -0.12,
        "eyeLookDown": -0.06, "mouthClose": 0.06, "lidLeft": 0.03, "lidRight": 0.03,
    },
    "mouthSmileLeft": {
        "jawOpen": -0.37, "mouthSmileLeft": 1.81, "mouthSmileRight": 0.09, "mouthPucker": -0.07, "browInnerUp": 0.06,
        "browOuterUp": -0.03, "browDown": 0.08, "eyeBlinkLeft": 0.15, "eyeBlinkRight": -0.25, "mouthFrown": -0.08,
        "mouthStretch": -0.12, "mouthUpperUp": -0.2, "mouthLowerDown": -0.41, "cheekSquint": -0.06,
        "mouthRollUpper": 0.36, "mouthRollLower": -0.61, "mouthLeft": 0.2, "mouthRight": -0.2, "jawLeft": -0.69,
        "jawRight": 0.63, "eyeLookDown": 0.2, "mouthClose": -0.07, "lidLeft": -0.14,
    },
    "mouthPucker": {
        "jawOpen": 0.29, "mouthSmileLeft": 0.16, "mouthSmileRight": 0.16, "mouthPucker": 1.72, "browInnerUp": -0.47,
        "browOuterUp": 0.25, "browDown": -0.52, "eyeBlinkLeft": -0.22, "eyeBlinkRight": -0.22, "mouthFrown": 0.33,
        "mouthStretch": -0.21, "mouthUpperUp": -0.08, "mouthLowerDown": -0.29, "cheekSquint": 0.72,
        "mouthRollUpper": -0.44, "mouthRollLower": 0.04, "mouthLeft": -0.06, "mouthRight": -0.06, "jawLeft": -0.74,
        "jawRight": -0.74, "eyeLookDown": -0.33, "eyeLookUp": 0.18, "mouthClose": -0.74, "lidLeft": 0.05,
        "lidRight": 0.05,
    },
    "browInnerUp": {
        "jawOpen": -0.2, "mouthSmileLeft": 0.12, "mouthSmileRight": 0.12, "mouthPucker": -0.14, "browInnerUp": 3.51,
        "browOuterUp": -0.88, "browDown": 0.12, "eyeBlinkLeft": -0.06, "eyeBlinkRight": -0.06, "mouthFrown": 0.63,
        "mouthUpperUp": -0.14, "mouthLowerDown": 0.05, "cheekSquint": -0.08, "mouthRollUpper": 0.82,
        "mouthRollLower": -0.54, "mouthLeft": -0.2, "mouthRight": -0.2, "jawLeft": -0.19, "jawRight": -0.19,
        "eyeLookDown": 0.24, "eyeLookUp": -0.07, "mouthClose": 0.16, "lidLeft": -0.06, "lidRight": -0.06,
    },
    "browOuterUpLeft": {
        "jawOpen": 0.06, "mouthSmileLeft": -0.15, "mouthSmileRight": -0.15, "browInnerUp": -1.9, "browOuterUp": 2.98,
        "browDown": -0.25, "eyeBlinkLeft": 0.25, "eyeBlinkRight": 0.15, "mouthFrown": 0.41, "mouthStretch": -0.04,
        "mouthUpperUp": 0.22, "mouthLowerDown": -0.22, "cheekSquint": -0.12, "mouthRollLower": 0.21,
        "mouthLeft": 0.1, "mouthRight": 0.1, "jawLeft": -0.04, "jawRight": -0.11, "eyeLookDown": 0.6,
        "eyeLookUp": -0.49, "mouthClose": 0.22, "lidLeft": -0.18, "lidRight": -0.12,
    },
    "eyeBlinkLeft": {
        "mouthSmileLeft": -0.07, "mouthSmileRight": -0.08, "mouthPucker": 0.06, "browInnerUp": -0.03,
        "browOuterUp": 0.21, "browDown": -0.05, "eyeBlinkLeft": 0.65, "eyeBlinkRight": -0.33, "mouthFrown": 0.15,
        "mouthUpperUp": -0.08, "mouthLowerDown": 0.09, "cheekSquint": -0.25, "mouthRollUpper": -0.11,
        "mouthRollLower": -0.27, "mouthRight": 0.08, "jawLeft": 0.39, "jawRight": 0.26, "eyeLookDown": 0.22,
        "eyeLookUp": 0.17, "mouthClose": -0.13, "lidLeft": 0.8, "lidRight": 0.23,
    },
}  # fmt: skip
"""Told weight -> its share of each of FEATURES; right sides are the mirror images of left ones."""


def read_out(
    features: Array, table: Mapping[str, Mapping[str, float]] = TABLE, names: Sequence[str] = FEATURES
) -> dict[str, Array]:
    """Weights [frames] by ARKit name, not yet clamped, of features [frames, len(names)]."""
    told = {}
    for name, shares in table.items():
        told[name] = features @ _column(shares, names)
        if name.endswith("Left"):
            told[mirrored(name)] = features @ _column({mirrored(n): share for n, share in shares.items()}, names)
    return told


def mirrored(name: str) -> str:
    """The other side's name; that of a middle shape is its own."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


def _column(shares: Mapping[str, float], names: Sequence[str]) -> Array:
    return np.array([shares.get(name, 0.0) for name in names])
