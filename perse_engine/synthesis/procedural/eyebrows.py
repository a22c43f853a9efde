"""Eyebrows: single hairs that follow the brow, skin grown over what is too much, and the shape of the brow itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.brow_growth import BROWS, INNER, OUTER, brow_growth
from perse_engine.synthesis.procedural.colours import HAIR, colour
from perse_engine.synthesis.procedural.mouth import move_like
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.synthesis.procedural.strokes import draw_hairs, hair_paths, landmark_uv, polygon_map, roots
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

TAILS = ((70, 46, 124, 156), (300, 276, 353, 383))
PER_MM2 = 5.0
LENGTH_MM = 4.4
LEAN = 0.10
"""Hairs of a brow lie closer together than a beard's."""
BODY, SKIN_SHARE, SOFT_MM = 0.45, 0.14, 0.8
"""How much of a brow is hair too fine to see, how much skin shines through hair, and how soft its border is."""
OWN_HAIR = 0.35
GAPS_MM = 4.5


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
        return np.array(colour(HAIR, spec.slots["colour"], "eyebrows"), np.float32)
    own = outfit.head[region > 0.7]
    if not len(own):
        return np.array(HAIR["brown"], np.float32)
    dark = own[own.mean(-1) <= np.quantile(own.mean(-1), 0.15)].mean(0)
    # What the photo shows is hair mixed with skin.
    return np.asarray(dark * 0.62, np.float32)


def _tint(outfit: Outfit, region: Array, tone: Array, weight: float) -> None:
    target = lab_of((float(tone[0]), float(tone[1]), float(tone[2])))

    def tint(lab: Array) -> Array:
        return np.stack([0.45 * lab[..., 0] + 0.5 * target[0], *(target[c] + 0 * lab[..., 0] for c in (1, 2))], -1)

    brow = np.clip(2 * polygon_map(outfit.subject, list(BROWS), 4.0), 0, 1)
    outfit.recolour(brow * smoothstep(region, 0.25, 0.8) * _darker_than_skin(outfit.head, region) * weight * 0.9, tint)


def _grow(outfit: Outfit, p: EyebrowParameters, region: Array, tone: Array, weight: float) -> None:
    """Hairs around the person's own brow: upright at the inner end, then along it and towards its middle.

    With the weight they grow together, each in its place.
    """
    zone = _grown_zone(outfit, p, region)
    grown = roots(outfit, zone, PER_MM2, brow_growth(outfit), 21)
    # Short at the borders and at the inner end, where new hairs come up.
    length = LENGTH_MM * (0.35 + 0.65 * grown.zone) * (0.6 + 0.4 * weight)
    paths = hair_paths(grown, length, 0.12, 0.0, 22, lean=LEAN)
    dense = min(p.hairs, 1.5) * grown.zone - 0.8 * grown.order
    random = np.random.default_rng(23)
    opacity = (
        (0.20 + 0.35 * random.random(len(dense))) * smoothstep(dense, 0.0, 0.4) * (0.25 + 0.75 * grown.zone) * weight
    )
    hairs, light = draw_hairs(paths, opacity, np.exp(0.22 * random.standard_normal(len(dense))))
    # Fine hair lets skin through, however dark it is.
    bare = (region < 0.05) & (outfit.subject.texel_maps["face"] > 0.9)
    skin = np.median(outfit.head[::4, ::4][bare[::4, ::4]], 0)
    body = tone + SKIN_SHARE * (skin - tone)
    outfit.paint(body, BODY * zone**1.5 * weight * min(p.hairs, 1.0))
    outfit.paint(body * light[..., None], 0.9 * hairs)
    outfit.head_labels[(cv2.GaussianBlur(hairs, (0, 0), 1.2) > 0.3) & (zone > 0.3)] = REGION_LABELS["eyebrows"]


def _grown_zone(outfit: Outfit, p: EyebrowParameters, region: Array) -> Array:
    """Where hairs grow, [A, A] in 0..1: the own brow and what is added around it."""
    texels = _texels_per_mm(outfit.subject)
    own = _own_hair(outfit.subject)
    if p.tail > 0:
        own = own | (polygon_map(outfit.subject, list(TAILS), 2.0) * min(p.tail, 1.0) > 0.4)
    away = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 5)
    added = max(p.thickness_mm, 0.0)
    # Hairs reach about a millimetre beyond where they are rooted.
    zone = smoothstep(away / texels, added + 0.4, added - 0.9)
    zone = cv2.GaussianBlur(zone.astype(np.float32), (0, 0), SOFT_MM * texels)
    return np.asarray(zone * (1 - smoothstep(outfit.subject.texel_maps["eyes"], 0.3, 0.8)))


@remembered
def _own_hair(subject: Subject) -> Array:
    """Where the photo shows the person's brows, [A, A] bool."""
    region, texels = subject.texel_maps["eyebrows"], _texels_per_mm(subject)
    outline = polygon_map(subject, list(BROWS), 1.5)
    head = subject.look.texture[:ATLAS_PX, :ATLAS_PX, :3]
    soft = cv2.GaussianBlur(region * _darker_than_around(head, region, 4.0 * texels), (0, 0), 1.5)
    line = soft > OWN_HAIR
    # One side of a face may lie in shadow: what is merely dark counts near what stands out.
    dark = cv2.GaussianBlur(region * _darker_than_skin(head, region), (0, 0), 1.5) > OWN_HAIR
    own = line | (dark & (cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, 5) < 2.0 * texels))
    own &= cv2.dilate(outline, np.ones((9, 9))) > 0.2
    # Faint brows leave nothing to go by but the landmarks around them.
    if float(own.sum()) < 0.1 * float(outline.sum()):
        own = outline * region > OWN_HAIR
    size = round(GAPS_MM * texels)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    whole = cv2.morphologyEx(own.astype(np.float32), cv2.MORPH_CLOSE, kernel)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), 0.8 * texels) > 0.35)


def _texels_per_mm(subject: Subject) -> float:
    """Of the atlas, along the right brow."""
    uv = landmark_uv(subject)
    apart = np.linalg.norm(subject.landmark(INNER[0]) - subject.landmark(OUTER[0])) * 1000
    return float(np.linalg.norm(uv[INNER[0]] - uv[OUTER[0]]) / apart)


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


def _darker_than_around(head: Array, region: Array, reach: float) -> Array:
    """How much darker than the skin beside it, 0..1, within texels of reach."""
    lightness, skin = to_lab(head)[..., 0], smoothstep(region, 0.3, 0.05).astype(np.float32)
    around = cv2.GaussianBlur(lightness * skin, (0, 0), reach) / (cv2.GaussianBlur(skin, (0, 0), reach) + 1e-3)
    return smoothstep(around - lightness, 2, 11)


def _darker_than_skin(head: Array, region: Array) -> Array:
    lightness = to_lab(head)[..., 0]
    ring = cv2.dilate(region, np.ones((15, 15))) * (1 - region)
    typical = float(np.median(lightness[ring > 0.5])) if (ring > 0.5).any() else 60.0
    return smoothstep(typical - lightness, 3, 18)
