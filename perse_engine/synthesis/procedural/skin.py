"""Skin: tone, freckles, age lines and make-up; head, lids and neck change together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.colours import BLUSH, LIPS, SHADOW, colour
from perse_engine.synthesis.procedural.creases import creases
from perse_engine.synthesis.procedural.freckles import freckles
from perse_engine.synthesis.procedural.hair_region import hair_region
from perse_engine.synthesis.procedural.mouth import paint_lips
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.synthesis.procedural.skin_tone import darken_eyes, paint_neck, toned
from perse_engine.synthesis.procedural.strokes import landmark_uv, polygon_map
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]

UPPER_LIDS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 190, 56, 28, 27, 29, 30, 247, 130),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 414, 286, 258, 257, 259, 260, 467, 359),
)
SOCKETS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 189, 221, 222, 223, 224, 225, 113, 226, 130),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 413, 441, 442, 443, 444, 445, 342, 446, 359),
)
LASHES = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362))
CHEEKS = (50, 280, 205, 425)
HAIR_EDGE_PX = (13, 13)


@dataclass(frozen=True)
class SkinParameters(Parameters):
    """Factor of lightness, shifts of a* and b*, and strengths 0..1 of what is painted."""

    lightness: float = 1.0
    red: float = 0.0
    yellow: float = 0.0
    flush: float = 0.0
    freckles: float = 0.0
    creases: float = 0.0
    smooth: float = 0.0
    blush: float = 0.0
    shadow: float = 0.0
    liner: float = 0.0
    lipstick: float = 0.0


TABLE: Table = {
    "tone": {
        "tanned": {"lightness": 0.86, "red": 3.0, "yellow": 9.0},
        "deep": {"lightness": 0.55, "red": 4.0, "yellow": 7.0},
        "brown": {"lightness": 0.68, "red": 4.0, "yellow": 9.0},
        "olive": {"lightness": 0.90, "red": -2.0, "yellow": 6.0},
        "pale": {"lightness": 1.10, "red": -3.0, "yellow": -5.0},
        "rosy": {"flush": 1.0},
    },
    "marks": {"freckled": {"freckles": 1.0}, "none": {"smooth": 0.6}},
    "lines": {"aged": {"creases": 1.0}, "none": {"smooth": 1.0}},
    "makeup": {
        "natural": {"blush": 0.4, "shadow": 0.35, "liner": 0.25, "lipstick": 0.5, "smooth": 0.4},
        "evening": {"blush": 0.8, "shadow": 0.8, "liner": 0.9, "lipstick": 1.0, "smooth": 0.5},
        "smoky": {"blush": 0.3, "shadow": 1.0, "liner": 1.0, "lipstick": 0.7, "smooth": 0.4},
    },
    "blush": {"pink": {"blush": 1.0}, "peach": {"blush": 1.0}},
    "shadow": {word: {"shadow": 1.0, "liner": 0.3} for word in ("brown", "blue", "green", "plum", "black")},
}
MAKEUP = {
    # Eye shadow, lips and blush of each look.
    "natural": ("brown", "rose", "peach"),
    "evening": ("plum", "red", "pink"),
    "smoky": ("black", "pale", "peach"),
}


def skin_parameters(spec: VariantSpec) -> SkinParameters:
    """The numbers of a variant's words; make-up comes first, single wishes after it."""
    found = SkinParameters()
    for slot in ("makeup", *(s for s in TABLE if s != "makeup")):
        found = replace(found, **changes(TABLE, spec, slot, SkinParameters()))
    return found


def skin(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Tone below, marks and make-up over it."""
    p = skin_parameters(spec)
    maps = outfit.subject.texel_maps
    region = maps["skin"] * (1 - 0.15 * maps["eyes"])
    lab = to_lab(outfit.head)
    typical = np.median(lab[region * maps["face"] > 0.8], 0)
    if p.smooth:
        even = cv2.bilateralFilter(outfit.head, 0, 0.09, 5.0)
        outfit.paint(even, region * maps["face"] * min(p.smooth, 1.0) * weight)
    if p.lightness != 1 or p.red or p.yellow:
        change = toned(p.lightness, p.red, p.yellow, typical)
        # Lips and the skin under the brows have their share.
        outfit.recolour(beside_hair(outfit.subject) * (1 - 0.45 * maps["lips"]) * weight, change)
        paint_neck(outfit, weight, change)
        darken_eyes(outfit, p.lightness, typical, weight)
    if p.flush:
        outfit.recolour(_cheeks(outfit.subject) * p.flush * weight, lambda lab: lab + np.array([-3.0, 17.0, 5.0]))
    if p.freckles:
        spots = freckles(outfit.subject) * min(p.freckles * weight, 1.2)
        outfit.recolour(np.clip(spots, 0, 0.95), lambda lab: lab * [0.76, 1, 1] + [0.0, 6.0, 8.0])
    if p.creases:
        creases(outfit, region * maps["face"], p.creases * weight)
    _make_up(outfit, spec, p, weight)


@remembered
def beside_hair(subject: Subject) -> Array:
    """Where the tone of skin shows: all but hair, which its outermost hairs let through, [A, A] in 0..1."""
    hair = cv2.GaussianBlur(cv2.erode(hair_region(subject), np.ones(HAIR_EDGE_PX)), (0, 0), 2.5)
    return np.clip(1 - hair, 0, 1)


def _make_up(outfit: Outfit, spec: VariantSpec, p: SkinParameters, weight: float) -> None:
    shadow, lips, blush = MAKEUP.get(spec.slots.get("makeup", ""), ("brown", "rose", "pink"))
    if p.shadow:
        upper, around = (polygon_map(outfit.subject, list(o), px) for o, px in ((UPPER_LIDS, 2.5), (SOCKETS, 4.5)))
        lids = np.maximum(upper, 0.7 * around)
        target = lab_of(colour(SHADOW, spec.slots.get("shadow", shadow), "skin"))
        outfit.recolour(lids * 0.72 * min(p.shadow, 1.2) * weight, lambda lab: 0.3 * lab + 0.7 * target)
    if p.liner:
        lines = np.zeros((ATLAS_PX, ATLAS_PX), np.uint8)
        for lash in LASHES:
            points = np.round(landmark_uv(outfit.subject)[list(lash)] * 16).astype(np.int32)
            cv2.polylines(lines, [points], False, (255.0,), 2, cv2.LINE_AA, 4)
        line = cv2.GaussianBlur(lines.astype(np.float32) / 255, (0, 0), 1.0)
        outfit.recolour(np.clip(line * p.liner * weight, 0, 0.85), lambda lab: lab * np.array([0.25, 0.5, 0.5]))
    if p.blush:
        target = lab_of(colour(BLUSH, spec.slots.get("blush", blush), "skin"))
        outfit.recolour(
            _cheeks(outfit.subject) * 0.55 * p.blush * weight,
            lambda lab: np.dstack([0.8 * lab[..., :1] + 0.2 * target[0], 0.35 * lab[..., 1:] + 0.65 * target[1:]]),
        )
    if p.lipstick:
        paint_lips(outfit, lab_of(colour(LIPS, lips, "skin")), p.lipstick * weight)


@remembered
def _cheeks(subject: Subject) -> Array:
    out = np.zeros((ATLAS_PX, ATLAS_PX), np.float32)
    uv = landmark_uv(subject)
    for index in CHEEKS:
        cv2.circle(out, (int(uv[index, 0]), int(uv[index, 1])), int(0.022 * ATLAS_PX), (0.8,), -1)
    return cv2.GaussianBlur(out, (0, 0), 0.013 * ATLAS_PX)
