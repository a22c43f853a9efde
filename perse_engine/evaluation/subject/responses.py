"""How a measured curve answers to what was asked: slopes, monotony, sides and cross-talk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
NOISE_SHARE = 0.01
"""A step back of less than this share of the whole way is the detector's noise."""
OTHER_SIDE_SHARE = 0.5

IRISES = ("iris_height", "iris_spread")
LIDS = ("lids_left", "lids_right")
CORNERS = ("corner_left", "corner_right")


@dataclass(frozen=True)
class Probe:
    """One asked expression: ARKit names at once, the measure that should move, and in which direction.

    `other_side` is the same measure on the other half of the face, for expressions of one half. `goes_with` are
    measures that a real face moves too, or that the detector guesses meanwhile; they are no cross-talk.
    """

    expressions: tuple[str, ...]
    measure: str
    sign: int
    other_side: str | None = None
    goes_with: tuple[str, ...] = ()


def _both(name: str) -> tuple[str, str]:
    return f"{name}Left", f"{name}Right"


PROBES: Mapping[str, Probe] = {
    "jawOpen": Probe(("jawOpen",), "mouth_gap", 1, goes_with=(*CORNERS, "mouth_width")),
    "eyeBlinkLeft": Probe(("eyeBlinkLeft",), "lids_left", -1, "lids_right", IRISES),
    "eyeBlinkRight": Probe(("eyeBlinkRight",), "lids_right", -1, "lids_left", IRISES),
    "eyeLookUp": Probe(_both("eyeLookUp"), "iris_height", 1, goes_with=LIDS),
    "eyeLookDown": Probe(_both("eyeLookDown"), "iris_height", -1, goes_with=LIDS),
    "eyeLookIn": Probe(_both("eyeLookIn"), "iris_spread", -1),
    "eyeLookOut": Probe(_both("eyeLookOut"), "iris_spread", 1),
    "mouthSmileLeft": Probe(("mouthSmileLeft",), "corner_left", 1, "corner_right", ("mouth_width",)),
    "mouthSmileRight": Probe(("mouthSmileRight",), "corner_right", 1, "corner_left", ("mouth_width",)),
    "mouthPucker": Probe(("mouthPucker",), "mouth_width", -1, goes_with=CORNERS),
    "browInnerUp": Probe(("browInnerUp",), "brows", 1),
    "browDown": Probe(_both("browDown"), "brows", -1),
}


@dataclass(frozen=True)
class AngleResponse:
    """Asked against measured head angles, degrees; `measured` is None where no face was found.

    `shown` is what was asked as the camera sees it. `slope` is against that, `slope_of_asked` against what was asked.
    `asymmetry_deg` is how much further the head turns to one side than to the other, at worst.
    """

    asked: tuple[float, ...]
    shown: tuple[float, ...]
    measured: tuple[float | None, ...]
    slope: float
    slope_of_asked: float
    monotonic: bool
    asymmetry_deg: float


@dataclass(frozen=True)
class ExpressionResponse:
    """The measure at STEPS; right_side is None for an expression of both halves of the face.

    crosstalk: the largest change of another measure at weight 1, as a share of the intended one's.
    """

    measure: str
    curve: tuple[float, ...]
    monotonic: bool
    right_side: bool | None
    crosstalk: float
    crosstalk_with: str


def angle_response(asked: Sequence[float], shown: Sequence[float], measured: Sequence[float | None]) -> AngleResponse:
    """Least-squares slopes, monotony and symmetry about the angle 0, which must be in the middle."""
    y = np.array([np.nan if m is None else m for m in measured])
    found = np.isfinite(y)
    slope, slope_of_asked = (
        float(np.polyfit(np.array(x, float)[found], y[found], 1)[0]) if found.sum() > 1 else 0.0 for x in (shown, asked)
    )
    turned = y - y[len(y) // 2]
    uneven = np.abs(turned + turned[::-1])
    asymmetry = float(np.nanmax(uneven)) if np.isfinite(uneven).any() else 999.0
    monotonic = bool(found.all() and (np.diff(y) > 0).all())
    return AngleResponse(tuple(asked), tuple(shown), tuple(measured), slope, slope_of_asked, monotonic, asymmetry)


def expression_response(probe: Probe, steps: Sequence[Mapping[str, float] | None]) -> ExpressionResponse | None:
    """Judge one probe from the face's geometry at STEPS; None if a face was not found at every step."""
    faces = [f for f in steps if f is not None]
    if len(faces) < len(steps):
        return None
    curve = np.array([f[probe.measure] for f in faces])
    way = probe.sign * (curve[-1] - curve[0])
    monotonic = way > 0 and (probe.sign * np.diff(curve) > -NOISE_SHARE * way).all()
    change = {name: abs(faces[-1][name] - faces[0][name]) for name in faces[0]}
    own = max(change.pop(probe.measure), 1e-6)
    right_side = None
    if probe.other_side is not None:
        right_side = bool(way > 0 and change[probe.other_side] < OTHER_SIDE_SHARE * own)
    worst = max((n for n in change if n not in probe.goes_with), key=lambda n: change[n])
    return ExpressionResponse(
        probe.measure, tuple(map(float, curve)), bool(monotonic), right_side, float(change[worst] / own), worst
    )  # fmt: skip
