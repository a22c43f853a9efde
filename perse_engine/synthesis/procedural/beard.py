"""Beards: hairs rooted in zones of the face, over a shaded ground; length moves the surface outwards and down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.colours import HAIR, colour
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.synthesis.procedural.strokes import draw_hairs, hair_paths, polygon_map, roots
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

RIGHT_TO_LEFT = {
    127: 356, 234: 454, 93: 323, 132: 361, 58: 288, 172: 397, 136: 365, 150: 379, 149: 378, 176: 400, 148: 377,
    177: 401, 137: 366, 227: 447, 215: 435, 213: 433, 192: 416, 214: 434, 212: 432, 216: 436, 207: 427, 186: 410,
    92: 322, 165: 391, 167: 393, 61: 291, 57: 287, 43: 273, 106: 335, 182: 406, 83: 313, 202: 422, 210: 430, 211: 431,
    204: 424, 194: 418, 201: 421, 208: 428, 171: 396, 140: 369, 170: 395, 169: 394, 135: 364, 138: 367, 185: 409,
    40: 270, 39: 269, 37: 267, 84: 314, 181: 405, 97: 326, 98: 327, 206: 426, 91: 321, 146: 375, 32: 262, 147: 376,
}  # fmt: skip
"""Landmarks that the outlines below need on the other side."""

ZONES: dict[str, tuple[tuple[int, ...], float]] = {
    # Outlines on the subject's right and the softness of their borders, texels; the left is the mirror image.
    "sideburns": ((127, 227, 137, 177, 215, 58, 132), 5.0),
    "cheeks": ((132, 58, 172, 136, 150, 169, 211, 202, 43, 57, 61, 186, 216, 207, 192, 213), 8.0),
    "jaw": ((132, 58, 172, 136, 150, 149, 176, 148, 152, 175, 171, 140, 170, 169, 135, 138, 215), 5.0),
    "chin": ((152, 148, 176, 140, 211, 204, 182, 83, 18), 4.5),
    "strips": ((61, 57, 212, 202, 211, 32, 204, 182, 106, 43), 3.5),
    "under_lip": ((61, 146, 91, 181, 84, 17, 18, 83, 182, 106, 43, 57), 2.0),
    "soul": ((17, 84, 181, 182, 83, 18), 2.5),
    "moustache": ((164, 167, 165, 92, 186, 57, 61, 185, 40, 39, 37, 0), 3.0),
}


@dataclass(frozen=True)
class BeardParameters(Parameters):
    """Coverage of each zone 0..1, hair length mm, density 0..1.5, curl, droop of the moustache's tips."""

    sideburns: float = 0.0
    cheeks: float = 0.0
    jaw: float = 0.0
    chin: float = 0.0
    strips: float = 0.0
    under_lip: float = 0.0
    soul: float = 0.0
    moustache: float = 0.0
    length_mm: float = 7.0
    density: float = 1.0
    curl: float = 0.05


_ALL = {"cheeks": 0.9, "jaw": 1.0, "chin": 1.0, "strips": 1.0, "under_lip": 0.8, "soul": 0.9, "moustache": 1.0}
TABLE: Table = {
    "style": {
        "full": {**_ALL, "sideburns": 0.55},
        "stubble": {**_ALL, "sideburns": 0.4, "length_mm": 1.3, "density": 0.75},
        "goatee": {"chin": 1.0, "soul": 0.9, "moustache": 0.9},
        "circle": {"chin": 1.0, "strips": 1.0, "under_lip": 0.5, "soul": 0.8, "moustache": 1.0, "length_mm": 5.0},
        "moustache": {"moustache": 1.0, "length_mm": 8.0, "density": 1.25},
        "handlebar": {"moustache": 1.0, "strips": 0.9, "length_mm": 8.0, "density": 1.2},
        "van-dyke": {"chin": 0.9, "soul": 1.0, "moustache": 1.0, "length_mm": 14.0},
        "balbo": {"chin": 1.0, "jaw": 0.55, "soul": 1.0, "moustache": 1.0},
        "mutton-chops": {"sideburns": 1.0, "cheeks": 1.0, "jaw": 0.75, "length_mm": 9.0, "density": 1.15},
        "chin-strap": {"sideburns": 0.9, "jaw": 1.0, "length_mm": 4.0},
        "soul-patch": {"soul": 1.0, "length_mm": 5.0},
    },
    "length": {
        "short": {"length_mm": 3.5},
        "medium": {"length_mm": 16.0},
        "long": {"length_mm": 55.0},
    },
    "density": {"dense": {"density": 1.35}, "sparse": {"density": 0.6}},
    "texture": {"straight": {"curl": 0.0}, "wavy": {"curl": 0.14}, "curly": {"curl": 0.32}},
}
PER_MM2 = 1.8
PAINTED_MM = 9.0
"""Longer hair is the same paint on a surface that hangs down."""


def beard_parameters(spec: VariantSpec) -> BeardParameters:
    """The numbers of a variant's words."""
    found = BeardParameters()
    for slot in TABLE:
        found = replace(found, **changes(TABLE, spec, slot, found))
    return found


def beard(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """With the weight all hairs grow together, longer and thicker; one after the other, half way would be patchy."""
    if spec.slots.get("presence") == "none":
        _shave(outfit, weight)
        return
    p = beard_parameters(spec)
    zones = {name: _zone(outfit, name) * getattr(p, name) for name in ZONES}
    lips = 1 - smoothstep(outfit.subject.texel_maps["lips"], 0.15, 0.6)
    grows = np.maximum.reduce(list(zones.values())) * lips
    tone = _tone(outfit, spec)
    grown = roots(outfit, grows, PER_MM2, _growth(outfit), 11)
    length = np.full(len(grown.uv), min(p.length_mm, PAINTED_MM) * (0.30 + 0.70 * weight))
    length *= 0.55 + 0.45 * smoothstep(grown.zone, 0.2, 0.9)
    paths = hair_paths(grown, length, 0.0, p.curl, 12)
    is_long = float(smoothstep(p.length_mm, 0.5, 5.0))
    # Stubble is finer than a texel.
    there = smoothstep(p.density * grown.zone - 0.85 * grown.order, 0.0, 0.22)
    opacity = (0.42 + 0.48 * is_long) * weight * there
    random = np.random.default_rng(13)
    shade = np.exp(0.36 * random.standard_normal(len(opacity))) * (0.92 + 0.25 * grown.normal[:, 1])
    hairs, light = draw_hairs(paths, opacity, shade)
    ground = grows * weight * min(p.density, 1.2) * (0.20 + 0.42 * is_long)
    bright = cv2.GaussianBlur(outfit.head.mean(-1), (0, 0), 4)
    typical = max(float(np.median(bright[grows > 0.5])), 0.05) if (grows > 0.5).any() else 0.5
    lit = np.clip(bright / typical, 0.6, 1.15)[..., None]
    outfit.paint(tone * 0.72 * lit, ground)
    # A sheen of its own, or black hair shows no hairs.
    sheen = 0.30 * np.clip(light - 1.0, 0, 1)[..., None]
    outfit.paint((tone * light[..., None] + sheen) * lit, hairs)
    shown_map = cv2.GaussianBlur(np.maximum(hairs, ground), (0, 0), 1.5)
    outfit.head_labels[(shown_map > 0.4 * max(weight, 0.3)) & (grows > 0.3)] = REGION_LABELS["beard"]
    _stand_off(outfit, p, grows, weight)


def _shave(outfit: Outfit, weight: float) -> None:
    """Hairs are darker than the skin around them; where there are none, nothing changes."""
    face = outfit.subject.texel_maps["beard"]
    clean = cv2.dilate(cv2.GaussianBlur(outfit.head, (0, 0), 4.0), np.ones((9, 9)))
    outfit.paint(np.maximum(clean - 0.03, outfit.head), 0.8 * weight * face)


def _zone(outfit: Outfit, name: str) -> Array:
    outline, soft = ZONES[name]
    other = tuple(RIGHT_TO_LEFT.get(i, i) for i in outline)
    zone = polygon_map(outfit, [outline, other], soft)
    if name in ("jaw", "chin"):
        # On below the jaw: the face's rim is not where the beard ends.
        zone = np.maximum(zone, polygon_map(outfit, [outline, other], soft + 2, grow=1.07))
    return zone


def _tone(outfit: Outfit, spec: VariantSpec) -> Array:
    word = spec.slots.get("colour")
    own = outfit.subject.extras["hair_colour"]
    if word is None and own.min() >= 0:
        return np.asarray(own * 0.75, np.float32)
    return np.array(colour(HAIR, word or "brown", "beard"), np.float32)


def _growth(outfit: Outfit) -> Any:
    """Down; beside the philtrum outwards, on the cheeks a little towards the chin."""
    lip, chin = outfit.landmark(0), outfit.landmark(152)
    corner = abs(float(outfit.landmark(61)[0] - outfit.landmark(291)[0])) / 2

    def growth(points: Array, normals: Array) -> Array:
        side = (points[:, 0] - lip[0]) / corner
        above = smoothstep(points[:, 1] - lip[1], -0.012, 0.004) * (1 - smoothstep(np.abs(side), 1.0, 1.4))
        low = smoothstep(lip[1] - points[:, 1], 0.0, lip[1] - chin[1])
        x = above * 1.6 * np.tanh(4 * side) - (1 - above) * 0.25 * low * np.tanh(side)
        return np.stack([x, -np.ones(len(points)), 0.2 * np.ones(len(points))], -1)

    return growth


def _stand_off(outfit: Outfit, p: BeardParameters, grows: Array, weight: float) -> None:
    """Lift the surface by the hair's thickness and let long hair hang: the paint stretches into long hairs."""
    look = outfit.subject.look
    faces = look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])]
    used = np.unique(faces)
    vertices = look.rig.vertices.astype(np.float64)
    cover = sample(cv2.GaussianBlur(grows, (0, 0), 5.0), look.uv[used] - 0.5)
    lip, chin = outfit.landmark(17), outfit.landmark(152)
    below = smoothstep(lip[1] - vertices[used, 1], 0.002, 0.8 * (lip[1] - chin[1]))
    thick = 0.30 * min(p.length_mm, 14.0) * smoothstep(p.length_mm, 1.5, 5.0) / 1000
    hang = max(p.length_mm - PAINTED_MM, 0.0) / 1000
    middle = np.exp(-(((vertices[used, 0] - chin[0]) / 0.045) ** 2))
    out = cover * float(thick) * (0.35 + 0.65 * below)
    down = cover * below * hang * (0.35 + 0.65 * middle)
    motion = out[:, None] * vertex_normals(vertices, faces)[used]
    motion += down[:, None] * np.array([0.0, -1.0, 0.12])
    outfit.offset[used] += weight * motion
