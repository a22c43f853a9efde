"""Mouths: fullness, width and corners by shapes, lip colour by paint that keeps the highlights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.synthesis.procedural.colours import LIPS, colour
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class MouthParameters(Parameters):
    """Amounts of identity shapes and of expression shapes that become part of the person; 0 is the person's own."""

    fullness: float = 0.0
    width: float = 0.0
    smile: float = 0.0
    frown: float = 0.0
    pucker: float = 0.0
    bow: float = 0.0


TABLE: Table = {
    "fullness": {"full": {"fullness": 0.95}, "thin": {"fullness": -0.8}},
    "width": {"wide": {"width": 0.9}, "narrow": {"width": -0.8}},
    "smile": {"smiling": {"smile": 0.55}, "frowning": {"frown": 0.6}, "none": {}},
    "shape": {
        "heart": {"bow": 0.5, "pucker": 0.18, "fullness": 0.6},
        "round": {"pucker": 0.35, "fullness": 0.4},
        "flat": {"bow": -0.3, "width": 0.4, "fullness": -0.2},
    },
}
SHAPES = {"fullness": "lipFullness", "width": "mouthWidth"}
EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight"),
    "pucker": ("mouthPucker",),
    "bow": ("mouthUpperUpLeft", "mouthUpperUpRight"),
}
OWN_CONTRAST, COVER = np.array([1.1, 0.7, 0.7]), 0.80
"""How much of the lips' own relief and tint shows through their colour, or they look like wax."""


def mouth_parameters(spec: VariantSpec) -> MouthParameters:
    """The numbers of a variant's words; shapes that two words move add up."""
    found = MouthParameters()
    for slot in TABLE:
        own = changes(TABLE, spec, slot, MouthParameters())
        found = replace(found, **{n: getattr(found, n) + value for n, value in own.items()})
    return found


def mouth(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Move, then paint."""
    p = mouth_parameters(spec)
    for name, shape in SHAPES.items():
        outfit.move(shape, getattr(p, name) * weight)
    for name, shapes in EXPRESSIONS.items():
        move_like(outfit, shapes, getattr(p, name) * weight)
    if "colour" in spec.slots:
        paint_lips(outfit, lab_of(colour(LIPS, spec.slots["colour"], "mouth")), weight)


def move_like(outfit: Outfit, expressions: tuple[str, ...], amount: float) -> None:
    """Make an amount of expressions part of the identity."""
    rig = outfit.subject.look.rig
    for name in expressions if amount else ():
        outfit.offset += amount * rig.shapes[rig.shape_names.index(name)]


def paint_lips(outfit: Outfit, target: Array, weight: float) -> None:
    """Shift the lips towards a CIE Lab colour."""
    lips = outfit.subject.texel_maps["lips"]
    own = to_lab(outfit.head)[lips > 0.6]
    reference = np.median(own, 0) if len(own) else np.array([55.0, 20, 12])

    def paint(lab: Array) -> Array:
        return target + (lab - reference) * OWN_CONTRAST

    outfit.recolour(np.clip(lips * 1.15, 0, 1) * COVER * weight, paint)
