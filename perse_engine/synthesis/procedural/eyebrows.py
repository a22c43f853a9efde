"""Eyebrows: single hairs that follow the brow, skin grown over what is too much, and the shape of the brow itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.colours import HAIR, colour
from perse_engine.synthesis.procedural.mouth import move_like
from perse_engine.synthesis.procedural.outfit import Outfit, lab_of, to_lab
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.synthesis.procedural.strokes import draw_hairs, hair_paths, polygon_map, roots
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
TAILS = ((70, 46, 124, 156), (300, 276, 353, 383))
INNER, OUTER = (55, 285), (46, 276)
PER_MM2 = 4.0


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
        _grow(outfit, p, tone, weight)
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

    outfit.recolour(region * _darker_than_skin(outfit, region) * weight * 0.9, tint)


def _grow(outfit: Outfit, p: EyebrowParameters, tone: Array, weight: float) -> None:
    """Hairs stand up at the inner end and lie down along the brow towards the tail."""
    zone = polygon_map(outfit, list(BROWS), 1.5)
    if p.tail > 0:
        zone = np.maximum(zone, polygon_map(outfit, list(TAILS), 2.0) * min(p.tail * weight, 1.0))
    spread = 2.6 * max(p.thickness_mm, 0.05) * weight
    zone = smoothstep(cv2.GaussianBlur(zone, (0, 0), 0.8 + spread), 0.18, 0.75)
    zone = zone * (1 - smoothstep(outfit.subject.texel_maps["eyes"], 0.3, 0.8))
    middle = (outfit.landmark(INNER[0])[0] + outfit.landmark(INNER[1])[0]) / 2
    inner = abs(outfit.landmark(INNER[0])[0] - middle)
    outer = abs(outfit.landmark(OUTER[0])[0] - middle)

    def growth(points: Array, normals: Array) -> Array:
        side = np.sign(points[:, 0] - middle)
        along = np.clip((np.abs(points[:, 0] - middle) - inner) / (outer - inner), -0.2, 1.2)
        return np.stack([side, 1.5 - 2.6 * smoothstep(along, -0.15, 0.8), np.zeros(len(points))], -1)

    grown = roots(outfit, zone, PER_MM2, growth, 21)
    length = np.full(len(grown.uv), 4.5) * (0.6 + 0.4 * weight)
    paths = hair_paths(grown, length, 0.12, 0.0, 22)
    opacity = 0.62 * smoothstep(weight * min(p.hairs, 1.5) * grown.zone - 0.8 * grown.order, 0.0, 0.25)
    shade = np.exp(0.22 * np.random.default_rng(23).standard_normal(len(opacity)))
    hairs, light = draw_hairs(paths, opacity, shade)
    outfit.paint(tone, 0.34 * zone * weight * min(p.hairs, 1.0))
    outfit.paint(tone * light[..., None], hairs)
    outfit.head_labels[(cv2.GaussianBlur(hairs, (0, 0), 1.2) > 0.3) & (zone > 0.3)] = REGION_LABELS["eyebrows"]


def _thin(outfit: Outfit, region: Array, p: EyebrowParameters, weight: float) -> None:
    """Grow forehead skin over the edges, and over the tail of a short brow."""
    soft = cv2.GaussianBlur(region, (0, 0), 3.0)
    inside = max(0.62 - 0.3 * (-p.thickness_mm - 1.2), 0.0) if p.thickness_mm > -5 else 2.0
    edge = np.clip(region - smoothstep(soft, inside, inside + 0.23), 0, 1) * float(p.thickness_mm < 0)
    edge *= smoothstep(-p.thickness_mm, 0.0, 0.9)
    if p.tail < 0:
        edge = np.maximum(edge, region * polygon_map(outfit, [(70, 63, 53, 46), (300, 293, 283, 276)], 5.0))
    around = 1 - smoothstep(cv2.GaussianBlur(region, (0, 0), 1.5), 0.02, 0.2)
    weights = cv2.GaussianBlur(around.astype(np.float32), (0, 0), 9)
    clean = cv2.GaussianBlur(outfit.head * around[..., None], (0, 0), 9) / np.maximum(weights, 1e-3)[..., None]
    outfit.paint(clean, np.clip(edge, 0, 1) * 0.9 * weight)


def _darker_than_skin(outfit: Outfit, region: Array) -> Array:
    lightness = to_lab(outfit.head)[..., 0]
    ring = cv2.dilate(region, np.ones((15, 15))) * (1 - region)
    typical = float(np.median(lightness[ring > 0.5])) if (ring > 0.5).any() else 60.0
    return smoothstep(typical - lightness, 3, 18)
