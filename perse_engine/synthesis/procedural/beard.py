"""Beards: hairs rooted in zones of the face, over a shaded ground; length moves the surface outwards and down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.synthesis.procedural.beard_shape import PAINTED_MM, cast_shadow, stand_off
from perse_engine.synthesis.procedural.beard_zones import ZONES, beard_area, tufts
from perse_engine.synthesis.procedural.coarse import large, small, small_directions
from perse_engine.synthesis.procedural.colours import HAIR, colour, in_light
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.parameters import Parameters, Table, changes
from perse_engine.synthesis.procedural.strokes import Roots, draw_hairs, hair_paths, roots
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BeardParameters(Parameters):
    """Coverage of each zone 0..1, hair length mm, density 0..1.5, curl, droop of the moustache's tips."""

    sideburns: float = 0.0
    chops: float = 0.0
    cheeks: float = 0.0
    jaw: float = 0.0
    chin: float = 0.0
    goatee: float = 0.0
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
        "goatee": {"goatee": 1.0, "moustache": 0.9},
        "circle": {"chin": 1.0, "strips": 1.0, "under_lip": 0.5, "soul": 0.8, "moustache": 1.0, "length_mm": 5.0},
        "moustache": {"moustache": 1.0, "length_mm": 8.0, "density": 1.25},
        "handlebar": {"moustache": 1.0, "strips": 0.9, "length_mm": 8.0, "density": 1.2},
        "van-dyke": {"goatee": 1.0, "moustache": 1.0, "length_mm": 14.0},
        "balbo": {"chin": 1.0, "jaw": 0.8, "soul": 1.0, "moustache": 1.0},
        "mutton-chops": {"chops": 1.0, "length_mm": 9.0, "density": 1.15},
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
PER_MM2 = 1.55
SKIN_SHARE = 0.2
"""Of the colour of beards: light that skin gives back, or black hair is a hole and ginger hair a carrot."""
RAGGED, WHOLE, STRAY, LEAN, FRAYED = 0.10, 0.90, 0.26, 0.25, 0.45
"""How unevenly dense hair ends, where it is whole (zones that meet are not quite), how many single hairs stand beyond,
and how far hairs lean aside, mm per mm: more at a border."""
SHEEN, CONTRAST = 0.17, 0.28
LIP_MM = 2.5
"""So far may hairs of a moustache reach over the edge of the lip."""
BELOW_LIP = 3
"""Small texels."""
SHADOW = 0.6


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
    grows = beard_area(outfit, {name: getattr(p, name) for name in ZONES})
    tone = _tone(outfit, spec)
    grown = roots(outfit, grows, PER_MM2, _growth(outfit), 11)
    length = np.full(len(grown.uv), min(p.length_mm, PAINTED_MM) * (0.30 + 0.70 * weight))
    length *= 0.25 + 0.75 * smoothstep(grown.zone, 0.15, 1.0)
    length = np.minimum(length, _to_lips_mm(outfit, grown))
    is_long = float(smoothstep(p.length_mm, 0.5, 5.0))
    # Locks side by side would draw a line along the border.
    lean = LEAN + FRAYED * is_long * (1 - grown.zone)
    paths = hair_paths(grown, length, 0.0, p.curl, 12, lean=lean[:, None, None])
    # Long hairs cover each other long before all are there.
    ragged = grown.zone + RAGGED * np.random.default_rng(15).standard_normal(len(grown.zone)) * (1 - grown.zone)
    dense = np.clip(ragged / WHOLE, 0, 1) ** (1 + 5.5 * is_long)
    dense = np.maximum(dense, STRAY * is_long * grown.zone)
    there = smoothstep(p.density * dense - 0.85 * grown.order, 0.0, 0.22)
    # Stubble is finer than a texel.
    opacity = (0.42 + 0.43 * is_long) * weight * there * (0.5 + 0.5 * smoothstep(grown.zone, 0.1, 0.8))
    opacity *= 1 - 0.45 * is_long * smoothstep(grown.zone, 0.9, 0.4)
    # Long hairs that end where none grow would stand out like whiskers.
    opacity *= 1 - 0.97 * is_long * smoothstep(sample(grows, paths[:, -1] - 0.5), 0.35, 0.0)
    random = np.random.default_rng(13)
    tuft = 0.7 * sample(tufts(), grown.uv - 0.5)
    contrast = CONTRAST * (1 - 0.75 * tone.mean())
    shade = np.exp(contrast * (random.standard_normal(len(opacity)) + tuft)) * (0.92 + 0.25 * grown.normal[:, 1])
    hairs, light = draw_hairs(paths, opacity, shade)
    hairs = hairs * (1 - smoothstep(outfit.subject.texel_maps["lips"], 0.35, 0.85))
    ground = grows ** (1 + 2 * is_long) * weight * min(p.density, 1.2) * (0.20 + 0.40 * is_long)
    form = _form(outfit, grows, is_long)
    outfit.paint(tone * 0.78 * form, ground)
    outfit.paint(_shaded(tone, light, is_long) * form, hairs)
    shown_map = cv2.GaussianBlur(np.maximum(hairs, ground), (0, 0), 1.5)
    outfit.head_labels[(shown_map > 0.4 * max(weight, 0.3)) & (grows > 0.3)] = REGION_LABELS["beard"]
    stand_off(outfit, p.length_mm, grows, weight)
    cast_shadow(outfit, grows, SHADOW * is_long * weight)


def _shaded(tone: Array, light: Array, is_long: float) -> Array:
    """Hairs of a tone [3] by their shade [A, A]: dark ones are greyer, light ones shine, black ones too, [A, A, 3]."""
    shade = light[..., None]
    grey = 0.4 * np.clip(1.05 - shade, 0, 1)
    sheen = SHEEN * is_long * (1 - tone.mean()) ** 2
    return np.asarray((tone + (tone.mean() - tone) * grey) * shade + sheen * np.clip(shade - 0.85, 0, 1))


def _to_lips_mm(outfit: Outfit, grown: Roots) -> Array:
    """How long hairs may be so that none hangs over the lips, [N]."""
    free = (outfit.subject.texel_maps["lips"] < 0.3).astype(np.uint8)
    away = sample(cv2.distanceTransform(free, cv2.DIST_L2, 5), grown.uv - 0.5)
    texels_per_mm = np.linalg.norm(grown.along, axis=1)
    # Only above the mouth do hairs grow towards it.
    lips = np.flatnonzero(free.min(1) == 0)
    is_above = grown.uv[:, 1] < (lips.mean() if len(lips) else 0)
    return np.where(is_above, LIP_MM + away / np.maximum(texels_per_mm, 0.5), np.inf)


def _form(outfit: Outfit, grows: Array, is_long: float) -> Array:
    """How bright hair is by where it grows: as the face there, darker below the lip and below the jaw, [A, A, 1]."""
    bright = cv2.GaussianBlur(small(outfit.head).mean(-1), (0, 0), 1.0)
    typical = max(float(np.median(bright[small(grows) > 0.5])), 0.05) if (grows > 0.5).any() else 0.5
    lips = cv2.GaussianBlur(small(outfit.subject.texel_maps["lips"]), (0, 0), 2.0)
    below_lip = np.clip(1.4 * np.roll(lips, BELOW_LIP, axis=0), 0, 1)
    below_jaw = smoothstep(-small_directions()[..., 1], 0.66, 0.95)
    shade = (1 - 0.40 * is_long * below_lip) * (1 - 0.35 * is_long * below_jaw)
    return large(np.clip(bright / typical, 0.6, 1.15) * shade)[..., None]


def _shave(outfit: Outfit, weight: float) -> None:
    """Hairs are darker than the skin around them; where there are none, nothing changes."""
    face = outfit.subject.texel_maps["beard"]
    clean = cv2.dilate(cv2.GaussianBlur(outfit.head, (0, 0), 4.0), np.ones((9, 9)))
    outfit.paint(np.maximum(clean - 0.03, outfit.head), 0.8 * weight * face)


def _tone(outfit: Outfit, spec: VariantSpec) -> Array:
    word = spec.slots.get("colour")
    own = outfit.subject.extras["hair_colour"]
    if word is None and own.min() >= 0:
        return np.asarray(own * 0.75, np.float32)
    maps = outfit.subject.texel_maps
    skin = np.median(outfit.head[(maps["beard"] > 0.5) & (maps["skin"] > 0.8)], 0)
    tone = in_light(np.array(colour(HAIR, word or "brown", "beard")), skin)
    return np.asarray(tone + SKIN_SHARE * (0.6 * skin - tone), np.float32)


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
