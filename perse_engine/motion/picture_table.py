"""What landmarks and pictures together are explained by -> the weights that are told; used as `read_out` says.

`python -m benchmarks.calibrate_capture` reckons it again.
"""

from __future__ import annotations

from collections.abc import Mapping

from perse_engine.motion.read_out import FEATURES, FITTED

PICTURE_FEATURES = (*FEATURES, *(f"seen.{name}" for name in FITTED))
"""The landmarks' features, and how far the same shapes explain what moves in the picture."""
GAZE_DEG_PER_MM = (8.7, 10.4)
"""How far the eyes turn, to the side and up, while the irises seem to move by a millimetre."""
GAZE_PER_TURN = (0.0, -0.09)
"""Degrees of gaze for each degree of head yaw and pitch."""

PICTURE_TABLE: Mapping[str, Mapping[str, float]] = {
    "jawOpen": {
        "jawOpen": 0.34, "mouthPucker": 0.03, "browInnerUp": 0.09, "mouthFrown": -0.15, "mouthStretch": 0.06,
        "mouthUpperUp": 0.06, "mouthLowerDown": 0.15, "mouthRollUpper": -0.11, "mouthRollLower": -0.04,
        "jawLeft": -0.03, "jawRight": -0.03, "mouthClose": -0.07, "seen.jawOpen": 0.27, "seen.mouthSmileLeft": -0.04,
        "seen.mouthSmileRight": -0.04, "seen.mouthPucker": -0.08, "seen.browInnerUp": -0.06,
        "seen.browOuterUp": -0.06, "seen.browDown": -0.03, "seen.mouthFrown": 0.53, "seen.mouthStretch": 0.06,
        "seen.mouthLowerDown": 0.32, "seen.cheekSquint": 0.15, "seen.jawLeft": -0.06, "seen.jawRight": -0.06,
        "seen.eyeLookDown": -0.1, "seen.eyeLookUp": -0.05, "seen.mouthClose": -0.12,
    },
    "mouthSmileLeft": {
        "jawOpen": 0.08, "mouthSmileLeft": 0.38, "mouthSmileRight": 0.27, "browInnerUp": -0.03, "eyeBlinkLeft": 0.09,
        "eyeBlinkRight": -0.11, "mouthFrown": -0.03, "mouthUpperUp": -0.05, "mouthLowerDown": -0.08,
        "mouthRight": -0.04, "jawLeft": -0.39, "jawRight": 0.17, "mouthClose": -0.21, "lidLeft": -0.06,
        "seen.jawOpen": -0.17, "seen.mouthSmileLeft": 1.14, "seen.mouthSmileRight": -0.12, "seen.mouthPucker": -0.05,
        "seen.browOuterUp": -0.04, "seen.browDown": -0.06, "seen.eyeBlinkLeft": -0.08, "seen.eyeBlinkRight": 0.08,
        "seen.mouthFrown": -0.24, "seen.mouthStretch": 0.18, "seen.mouthUpperUp": 0.03, "seen.cheekSquint": -0.06,
        "seen.mouthRollUpper": 0.07, "seen.mouthRollLower": 0.03, "seen.mouthLeft": -0.14, "seen.mouthRight": -0.05,
        "seen.jawLeft": 0.13, "seen.jawRight": -0.05, "seen.eyeLookDown": 0.11, "seen.eyeLookUp": -0.07,
        "seen.mouthClose": -0.22,
    },
    "mouthPucker": {
        "jawOpen": 0.11, "mouthSmileLeft": 0.14, "mouthSmileRight": 0.14, "mouthPucker": 0.28, "browInnerUp": -0.26,
        "browOuterUp": 0.09, "eyeBlinkLeft": -0.13, "eyeBlinkRight": -0.13, "mouthFrown": -0.06,
        "mouthStretch": -0.15, "mouthUpperUp": 0.17, "cheekSquint": 0.12, "mouthRollUpper": -0.17,
        "mouthRollLower": -0.06, "mouthLeft": -0.05, "mouthRight": -0.05, "jawLeft": -0.18, "jawRight": -0.18,
        "mouthClose": -0.11, "seen.jawOpen": -0.3, "seen.mouthSmileLeft": -0.11, "seen.mouthSmileRight": -0.11,
        "seen.mouthPucker": 1.15, "seen.browInnerUp": 0.06, "seen.browDown": -0.06, "seen.eyeBlinkLeft": -0.06,
        "seen.eyeBlinkRight": -0.06, "seen.mouthFrown": -0.2, "seen.mouthStretch": -0.2, "seen.mouthUpperUp": -0.15,
        "seen.mouthLowerDown": -0.43, "seen.mouthRollUpper": 0.21, "seen.mouthRollLower": 0.1, "seen.mouthLeft": 0.08,
        "seen.mouthRight": 0.08, "seen.eyeLookDown": 0.16, "seen.eyeLookUp": -0.06, "seen.mouthClose": -0.24,
    },
    "browInnerUp": {
        "jawOpen": -0.12, "mouthPucker": 0.03, "browInnerUp": 0.32, "browOuterUp": 0.06, "browDown": 0.07,
        "eyeBlinkLeft": -0.03, "eyeBlinkRight": -0.03, "mouthUpperUp": 0.04, "mouthLowerDown": -0.06,
        "cheekSquint": -0.04, "jawLeft": -0.11, "jawRight": -0.11, "eyeLookDown": 0.04, "mouthClose": 0.09,
        "seen.jawOpen": -0.04, "seen.mouthSmileLeft": -0.03, "seen.mouthSmileRight": -0.03, "seen.mouthPucker": -0.06,
        "seen.browInnerUp": 1.25, "seen.browOuterUp": -0.15, "seen.eyeBlinkLeft": -0.06, "seen.eyeBlinkRight": -0.06,
        "seen.mouthFrown": 0.18, "seen.mouthUpperUp": 0.04, "seen.cheekSquint": 0.12, "seen.mouthRollUpper": -0.2,
        "seen.mouthRollLower": 0.08, "seen.jawLeft": -0.07, "seen.jawRight": -0.07, "seen.eyeLookDown": 0.09,
        "seen.eyeLookUp": -0.08, "seen.mouthClose": -0.08,
    },
    "browOuterUpLeft": {
        "mouthSmileLeft": 0.1, "mouthSmileRight": -0.04, "browOuterUp": 0.33, "browDown": -0.09,
        "eyeBlinkRight": -0.14, "mouthFrown": 0.07, "mouthUpperUp": 0.06, "mouthLowerDown": -0.07, "mouthLeft": -0.08,
        "mouthRight": -0.06, "jawLeft": -0.11, "jawRight": -0.2, "lidRight": 0.04, "seen.mouthSmileLeft": -0.07,
        "seen.mouthSmileRight": 0.06, "seen.mouthPucker": -0.06, "seen.browInnerUp": -0.24, "seen.browOuterUp": 1.27,
        "seen.browDown": 0.08, "seen.eyeBlinkLeft": -0.17, "seen.eyeBlinkRight": -0.12, "seen.mouthFrown": 0.05,
        "seen.mouthUpperUp": -0.13, "seen.mouthLowerDown": -0.24, "seen.cheekSquint": -0.14, "seen.mouthLeft": 0.06,
        "seen.mouthRight": 0.12, "seen.jawLeft": -0.18, "seen.eyeLookDown": 0.14, "seen.eyeLookUp": -0.28,
        "seen.mouthClose": -0.13,
    },
    "browDownLeft": {
        "jawOpen": -0.07, "mouthSmileRight": 0.04, "mouthPucker": -0.08, "browOuterUp": 0.05, "browDown": 0.27,
        "eyeBlinkLeft": -0.05, "mouthFrown": 0.08, "mouthStretch": -0.05, "mouthUpperUp": -0.16,
        "mouthLowerDown": -0.06, "mouthRollUpper": 0.05, "jawLeft": 0.06, "eyeLookDown": -0.03, "eyeLookUp": 0.05,
        "mouthClose": -0.04, "seen.jawOpen": 0.06, "seen.mouthSmileRight": -0.06, "seen.mouthPucker": 0.03,
        "seen.browOuterUp": -0.03, "seen.browDown": 1.47, "seen.eyeBlinkRight": -0.04, "seen.mouthStretch": -0.19,
        "seen.mouthLowerDown": -0.04, "seen.cheekSquint": -0.15, "seen.mouthRollUpper": 0.16,
        "seen.mouthRight": -0.11, "seen.jawRight": -0.06, "seen.eyeLookUp": 0.09, "seen.mouthClose": 0.17,
    },
    "eyeBlinkLeft": {
        "mouthSmileLeft": 0.16, "mouthSmileRight": -0.23, "browInnerUp": 0.08, "browOuterUp": 0.05, "browDown": -0.07,
        "eyeBlinkLeft": 0.57, "eyeBlinkRight": -0.09, "mouthStretch": 0.04, "mouthUpperUp": -0.09,
        "mouthLowerDown": 0.14, "cheekSquint": 0.07, "mouthRollLower": -0.07, "mouthLeft": -0.03, "mouthRight": 0.05,
        "jawLeft": 0.06, "jawRight": 0.12, "eyeLookDown": 0.05, "mouthClose": -0.13, "lidLeft": 0.64,
        "lidRight": 0.09, "seen.mouthSmileLeft": -0.18, "seen.mouthSmileRight": 0.17, "seen.mouthPucker": -0.04,
        "seen.browInnerUp": -0.03, "seen.browOuterUp": 0.07, "seen.browDown": -0.15, "seen.eyeBlinkLeft": 0.78,
        "seen.eyeBlinkRight": 0.14, "seen.mouthStretch": -0.22, "seen.mouthUpperUp": 0.07,
        "seen.mouthLowerDown": 0.06, "seen.cheekSquint": 0.08, "seen.mouthRollUpper": 0.08,
        "seen.mouthRollLower": 0.06, "seen.mouthLeft": -0.13, "seen.mouthRight": 0.06, "seen.jawLeft": -0.13,
        "seen.jawRight": 0.16, "seen.eyeLookUp": -0.05, "seen.mouthClose": 0.08,
    },
}  # fmt: skip
"""Told weight -> its share of each of PICTURE_FEATURES; right sides are the mirror images of left ones."""
