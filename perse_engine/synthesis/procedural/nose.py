"""Noses: identity shapes and small swellings; whatever is bound to the nose follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]

TIP, WINGS, BRIDGE = 4, (64, 294), 195


@dataclass(frozen=True)
class NoseParameters(Parameters):
    """Amounts of the identity shapes, the ball of the tip and the width of the nostrils; 0 is the person's own."""

    width: float = 0.0
    length: float = 0.0
    tip: float = 0.0
    bridge: float = 0.0
    ball: float = 0.0
    nostrils: float = 0.0


TABLE: Table = {
    "width": {"wide": {"width": 1.2}, "slim": {"width": -1.0}},
    "length": {"long": {"length": 1.2}, "short": {"length": -0.9}},
    "tip": {
        "upturned": {"tip": 1.1},
        "bulbous": {"ball": 1.0},
        "pointed": {"ball": -0.8, "length": 0.3},
        "drooping": {"tip": -1.0, "length": 0.4},
    },
    "bridge": {
        "aquiline": {"bridge": 1.2, "length": 0.4},
        "concave": {"bridge": -1.0, "tip": 0.4},
        "straight": {"bridge": 0.35},
    },
    "nostrils": {"flared": {"nostrils": 1.0}, "narrow": {"nostrils": -0.8}},
}


def nose_parameters(spec: VariantSpec) -> NoseParameters:
    """The numbers of a variant's words; shapes that two words move add up."""
    found = NoseParameters()
    for slot in TABLE:
        own = changes(TABLE, spec, slot, NoseParameters())
        found = replace(found, **{n: getattr(found, n) + value for n, value in own.items()})
    return found


def nose(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Move the head's vertices."""
    p = nose_parameters(spec)
    for shape, amount in (
        ("noseWidth", p.width), ("noseLength", p.length), ("noseTip", p.tip), ("noseBridge", p.bridge),
    ):  # fmt: skip
        outfit.move(shape, amount * weight)
    if p.ball:
        _swell(outfit, TIP, 0.011, np.array([0.34, 0.16, 0.10]) * p.ball * weight)
    if p.nostrils:
        for wing in WINGS:
            side = np.sign(outfit.landmark(wing)[0] - outfit.landmark(TIP)[0])
            _push(outfit, wing, 0.009, np.array([side * 0.0030, 0.0006, 0.0006]) * p.nostrils * weight)


def _swell(outfit: Outfit, landmark: int, reach: float, factor: Array) -> None:
    """Scale around a landmark, most at the landmark."""
    near, offset = _near(outfit, landmark, reach)
    # From behind the tip, so that the ball also comes forward.
    outfit.offset += near[:, None] * (offset + np.array([0.0, 0.0, 0.008])) * factor


def _push(outfit: Outfit, landmark: int, reach: float, motion: Array) -> None:
    near, _ = _near(outfit, landmark, reach)
    outfit.offset += near[:, None] * motion


def _near(outfit: Outfit, landmark: int, reach: float) -> tuple[Array, Array]:
    """1 at the landmark, falling off with the distance, for all vertices; and their places from it."""
    offset = outfit.subject.look.rig.vertices - outfit.landmark(landmark)
    return np.exp(-(offset**2).sum(1) / (2 * reach**2)), offset
