"""Eyebrows: single hairs that follow the brow, skin grown over what is too much, and the shape of the brow itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.brow_growth import BROWS, brow_growth
from perse_engine.synthesis.procedural.brow_zone import darker_than_skin, grown_zone, own_hair
from perse_engine.synthesis.procedural.colours import HAIR, colour, in_light
from perse_engine.synthesis.procedural.mouth import move_like
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.synthesis.procedural.strokes import draw_hairs, hair_paths, polygon_map, roots
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

PER_MM2 = 1.4
LENGTH_MM = 5.0
LEAN = 0.10
"""Hairs of a brow lie closer together than a beard's."""
BODY, SKIN_SHARE, CONTRAST = 0.36, 0.18, 0.30
"""How much of a brow is hair too fine to see, how much skin shines through hair, and how much hairs differ."""
OWN_HUE = 0.2
"""Of what is tinted: neutral grey beside skin looks blue."""


@dataclass(frozen=True)
class EyebrowParameters(Parameters):
    """Thickness mm added to each edge (negative: taken away), hairs 0..1.5, how far the tail goes on (negative: ends
    earlier), and amounts of the brow's shapes; 0 is the person's own."""

    thickness_mm: float = 0.0
    hairs: float = 0.0
    tail: float = 0.0
    arch: float = 0.0
    lowered: float = 0.0
    angle: float = 0.0


TABLE: Table = {
    "thickness": {"thick": {"thickness_mm": 1.5, "hairs": 0.9}, "thin": {"thickness_mm": -1.2}},
    "density": {"dense": {"thickness_mm": 0.7, "hairs": 1.2}, "sparse": {"thickness_mm": -0.5}},
    "shape": {
        "arched": {"arch": 1.0},
        "straight": {"arch": -0.8},
        "angled": {"arch": 0.4, "angle": 0.6},
        "rounded": {"arch": 0.55, "lowered": -0.25},
    },
    "length": {"long": {"tail": 1.0, "hairs": 0.6}, "short": {"tail": -1.0}},
}


def eyebrow_parameters(spec: VariantSpec) -> EyebrowParameters:
    """The numbers of a variant's words; what two words move adds up."""
    found = EyebrowParameters()
    for slot in TABLE:
        own = changes(TABLE, spec, slot, EyebrowParameters())
        found = replace(found, **{n: getattr(found, n) + value for n, value in own.items()})
    return found


def eyebrows(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Take away, tint, add hairs, move."""
    p = eyebrow_parameters(spec)
    if spec.slots.get("presence") == "none":
        p = replace(p, thickness_mm=-9.0)
    region = outfit.subject.texel_maps["eyebrows"]
    tone = _tone(outfit, spec, region)
    if p.thickness_mm < 0 or p.tail < 0:
        _thin(outfit, region, p, weight)
    if "colour" in spec.slots:
        _tint(outfit, region, tone, weight)
    if p.hairs > 0:
        _grow(outfit, p, region, tone, weight)
    outfit.move("browArch", p.arch * weight)
    move_like(outfit, ("browDownLeft", "browDownRight"), (p.lowered + p.angle) * weight)
    move_like(outfit, ("browOuterUpLeft", "browOuterUpRight"), p.angle * weight)


def _tone(outfit: Outfit, spec: VariantSpec, region: Array) -> Array:
    if "colour" in spec.slots:
        skin = _skin(outfit)
        lit = in_light(np.array(colour(HAIR, spec.slots["colour"], "eyebrows")), skin)
        return np.asarray(lit + SKIN_SHARE * (skin - lit), np.float32)
    own = outfit.head[region > 0.7]
    if not len(own):
        return np.array(HAIR["brown"], np.float32)
    dark = own[own.mean(-1) <= np.quantile(own.mean(-1), 0.15)].mean(0)
    # What the photo shows is hair mixed with skin.
    return np.asarray(dark * 0.62, np.float32)


def _tint(outfit: Outfit, region: Array, tone: Array, weight: float) -> None:
    target = lab_of((float(tone[0]), float(tone[1]), float(tone[2])))

    def tint(lab: Array) -> Array:
        hue = (target[c] + OWN_HUE * (lab[..., c] - target[c]) for c in (1, 2))
        return np.stack([0.45 * lab[..., 0] + 0.5 * target[0], *hue], -1)

    brow = np.clip(2 * polygon_map(outfit.subject, list(BROWS), 4.0), 0, 1) * smoothstep(region, 0.25, 0.8)
    own = cv2.dilate(own_hair(outfit.subject).astype(np.float32), np.ones((5, 5)))
    brow = np.maximum(brow, cv2.GaussianBlur(own, (0, 0), 2.0))
    outfit.recolour(brow * darker_than_skin(outfit.head, region) * weight * 0.9, tint)


def _grow(outfit: Outfit, p: EyebrowParameters, region: Array, tone: Array, weight: float) -> None:
    """Hairs around the person's own brow: upright at the inner end, then along it and towards its middle.

    With the weight they grow together, each in its place.
    """
    zone = grown_zone(outfit.subject, p.thickness_mm, p.tail)
    grown = roots(outfit, zone, PER_MM2, brow_growth(outfit), 21)
    # Short at the borders and at the inner end, where new hairs come up.
    length = LENGTH_MM * (0.40 + 0.60 * grown.zone) * (0.6 + 0.4 * weight)
    paths = hair_paths(grown, length, 0.12, 0.0, 22, lean=LEAN)
    dense = min(p.hairs, 1.5) * (0.15 + 0.85 * grown.zone) - 0.9 * grown.order
    random = np.random.default_rng(23)
    opacity = (0.30 + 0.45 * random.random(len(dense))) * smoothstep(dense, 0.0, 0.4) * (0.45 + 0.55 * grown.zone)
    hairs, light = draw_hairs(paths, opacity * weight, np.exp(CONTRAST * random.standard_normal(len(dense))))
    _shade(outfit, tone, BODY * zone**1.5 * weight * min(p.hairs, 1.0))
    outfit.paint(tone * light[..., None], hairs)
    outfit.head_labels[(cv2.GaussianBlur(hairs, (0, 0), 1.2) > 0.3) & (zone > 0.3)] = REGION_LABELS["eyebrows"]


def _shade(outfit: Outfit, tone: Array, mask: Array) -> None:
    """Hair too fine to see: the skin below keeps its own pattern, hair as dark as the tone its darkness."""
    target = lab_of((float(tone[0]), float(tone[1]), float(tone[2])))
    ratio = target[0] / max(float(to_lab(_skin(outfit)[None, None])[0, 0, 0]), 1.0)

    def shade(lab: Array) -> Array:
        lightness = np.maximum(lab[..., 0] * ratio, np.minimum(lab[..., 0], target[0]))
        return np.stack([lightness, *(0.5 * (lab[..., c] + target[c]) for c in (1, 2))], -1)

    outfit.recolour(mask, shade)


def _skin(outfit: Outfit) -> Array:
    """The bare skin's typical colour in the photo's light, [3]."""
    region, face = (outfit.subject.texel_maps[name][::4, ::4] for name in ("eyebrows", "face"))
    return np.asarray(np.median(outfit.head[::4, ::4][(region < 0.05) & (face > 0.9)], 0))


def _thin(outfit: Outfit, region: Array, p: EyebrowParameters, weight: float) -> None:
    """Grow forehead skin over the edges, and over the tail of a short brow."""
    soft = cv2.GaussianBlur(region, (0, 0), 3.0)
    inside = max(0.62 - 0.3 * (-p.thickness_mm - 1.2), 0.0) if p.thickness_mm > -5 else 2.0
    edge = np.clip(region - smoothstep(soft, inside, inside + 0.23), 0, 1) * float(p.thickness_mm < 0)
    edge *= smoothstep(-p.thickness_mm, 0.0, 0.9)
    if p.tail < 0:
        edge = np.maximum(edge, region * polygon_map(outfit.subject, [(70, 63, 53, 46), (300, 293, 283, 276)], 5.0))
    around = 1 - smoothstep(cv2.GaussianBlur(region, (0, 0), 1.5), 0.02, 0.2)
    weights = cv2.GaussianBlur(around.astype(np.float32), (0, 0), 9)
    clean = cv2.GaussianBlur(outfit.head * around[..., None], (0, 0), 9) / np.maximum(weights, 1e-3)[..., None]
    outfit.paint(clean, np.clip(edge, 0, 1) * 0.9 * weight)
