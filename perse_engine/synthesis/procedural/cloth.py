"""Cloth: another garment on the torso. Its cloth is painted on the torso's own chart, collars are added pieces.

The weight moves the neckline from the photo's to the garment's, and the colours through CIE Lab; folds, thickness and
collars rise. Between two variants it is one garment of a neckline, collar and colour between theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.collars import (
    Half,
    collar,
    hooded,
    placket,
    ribbed,
    rolled,
    turned_down,
    under_jacket,
)
from perse_engine.synthesis.procedural.colours import CLOTH, colour
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import WHITE, fold_height, light, patterned, relief_light, weave
from perse_engine.synthesis.procedural.hood import hood
from perse_engine.synthesis.procedural.jacket import jacket
from perse_engine.synthesis.procedural.lapels import opening
from perse_engine.synthesis.procedural.neckline import Neckline
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit, from_lab, to_lab
from perse_engine.synthesis.procedural.photo_cloth import followed, photo_cloth, upper_edge
from perse_engine.synthesis.procedural.sheets import Tailor
from perse_engine.synthesis.procedural.torso_chart import (
    HEIGHT,
    WIDTH,
    ChartSurface,
    Torso,
    chart_of,
    chart_surface,
    neck_skin,
    torso_of,
)
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

THICK_M = 0.002
BEGUN = 0.25
"""Below this weight the photo's own edge, which no line follows exactly, goes over into the garment's."""


@dataclass(frozen=True)
class _Garment:
    """Height of the neckline in front, in heights of the face below the chin; how round it runs (0: a V) and its half
    width in half widths of the neck; its collar, and how far off the cloth that stands, metres; how much it folds; how
    far it goes up the neck, metres; what else it has."""

    front: float
    power: float
    wide: float
    collar: Half
    stand: float
    folds: float = 1.0
    rise: float = 0.0
    pieces: Callable[[Cut], list[AddedPart]] = lambda cut: []


GARMENTS = {
    "t-shirt": _Garment(0.27, 0.55, 1.12, ribbed, 0.006),
    "v-neck": _Garment(0.62, 0.0, 1.12, ribbed, 0.006),
    "turtleneck": _Garment(0.11, 1.5, 1.7, rolled, 0.0115, 0.8, 0.030),
    "hoodie": _Garment(0.30, 0.7, 1.25, hooded, 0.026, 1.5, pieces=hood),
    "shirt": _Garment(0.23, 0.7, 1.12, turned_down, 0.009, 0.9, pieces=placket),
    "sweater": _Garment(0.24, 0.6, 1.12, ribbed, 0.006, 1.4),
    "suit": _Garment(0.23, 0.7, 1.12, under_jacket, 0.005, 0.55, pieces=jacket),
}


def cloth(outfit: Outfit, worn: Worn) -> None:
    """Dress the torso."""
    weight = worn.weight
    torso, chart, surface = torso_of(outfit.subject), chart_of(outfit), chart_surface(outfit.subject)
    places = surface.places
    now, heights = chart.texture[..., :3].copy(), places[..., 1]
    goal = worn.mean(lambda spec: _neckline(torso, _garment(spec), places))
    skin = _face_skin(outfit)
    photo = photo_cloth(chart.labels, now, skin)
    edge = upper_edge(photo, heights, np.asarray(_at_edge(goal, heights)))
    depth = edge + (goal - edge) * weight - heights
    cover = smoothstep(depth, -0.0004, 0.0008)
    folds = worn.mean(lambda spec: _garment(spec).folds)
    relief = folds * fold_height((HEIGHT, WIDTH)) * smoothstep(depth, 0.0, 0.05)
    thick = (THICK_M * cover + relief).astype(np.float32)
    lit = _lit(torso, surface, relief, depth)[..., None]
    own = {spec.id: np.clip(_colours(spec, torso, places, relief) * lit, 0, 1) for spec in worn.specs}
    lab = (1 - weight) * to_lab(followed(now, heights, edge, depth + heights, weight))
    shown = from_lab(lab + sum(w * to_lab(own[spec.id]) for spec, w in worn.variants))
    bare = _bare(0.5 * neck_skin(chart, depth < -0.03) + 0.5 * 0.88 * skin, now, photo, depth, weight)
    begun = min(weight / BEGUN, 1.0)
    chart.texture[..., :3] += begun * (bare + (shown - bare) * cover[..., None] - now)
    chart.texture[..., 3] += (1 - chart.texture[..., 3]) * cover * weight
    if weight >= BEGUN:
        chart.labels[depth > 0] = REGION_LABELS["cloth"]
        chart.labels[depth <= 0] = REGION_LABELS["skin"]
    at = chart.uv.astype(np.float32) - 0.5
    outfit.offset[chart.indices] += (weight * sample(thick, at)[:, None] * torso.normals.reshape(-1, 3)).astype(
        np.float32
    )
    tailor, line = Tailor(torso, shown, thick, weight), Neckline.of(depth, surface, torso)
    stand = weight * worn.mean(lambda spec: _garment(spec).stand)
    cuts = []
    for spec, w in worn.variants:
        garment, pattern = _garment(spec), spec.slots.get("pattern", "solid")
        others = stand - w * garment.stand
        cuts.append((Cut(tailor, _tone(spec), pattern, line, w, own[spec.id], others), garment))
    outfit.parts += collar([(cut, garment.collar) for cut, garment in cuts])
    for cut, garment in cuts:
        outfit.parts += garment.pieces(cut)


def _garment(spec: VariantSpec) -> _Garment:
    return chosen(GARMENTS, spec, "type")


def _tone(spec: VariantSpec) -> Array:
    return np.array(colour(CLOTH, spec.slots["colour"], "cloth"))


def _at_edge(line: Array, heights: Array) -> Array:
    """A line [H, W] where it crosses the chart, [W]."""
    return np.asarray(line[np.argmax(heights < line, 0), np.arange(WIDTH)])


def _neckline(torso: Torso, garment: _Garment, places: Array) -> Array:
    """Height of the neckline, [H, W] metres: the feet of the neck at the sides, lower in front."""
    turn = np.linspace(torso.turn[0], torso.turn[-1], WIDTH)[None]
    share = 0.5 + 0.5 * np.sin(turn)
    sides = torso.sides[0] * (1 - share) + torso.sides[1] * share - 0.002 + garment.rise
    front = min(torso.chin - garment.front * torso.face, min(torso.sides) + garment.rise - 0.02)
    # By x and not by direction: columns fan out over the shoulders.
    aside = np.clip(np.abs(places[..., 0] - torso.axis_x) / (garment.wide * torso.neck), 0, 1)
    deep = (1 - aside**2) ** garment.power if garment.power else 1 - aside
    deep = deep * smoothstep(np.cos(turn), 0.0, 0.4)
    return np.asarray(sides + (front - sides) * deep + 0.006 * np.clip(-np.cos(turn), 0, 1))


def _colours(spec: VariantSpec, torso: Torso, places: Array, relief: Array) -> Array:
    step = np.linalg.norm(np.diff(places, axis=1, prepend=places[:, :1]), axis=-1)
    across = np.cumsum(step, 1)
    across = across - across[:, WIDTH // 2 : WIDTH // 2 + 1] + 3 * relief
    rgb = patterned(spec.slots.get("pattern", "solid"), _tone(spec), across, -places[..., 1] + 3 * relief)
    if _garment(spec).pieces is not jacket:
        return rgb
    x, y = np.abs(places[..., 0] - torso.axis_x), places[..., 1]
    turn = np.linspace(torso.turn[0], torso.turn[-1], WIDTH)[None]
    inside = smoothstep(x - opening(torso, y), 0.001, -0.001) * (np.cos(turn) > 0)
    return np.asarray(rgb + (WHITE - rgb) * inside[..., None])


def _lit(torso: Torso, surface: ChartSurface, relief: Array, depth: Array) -> Array:
    """Light on the cloth: its slope, folds, threads, and the head's shade below the chin."""
    unit = surface.normals / np.linalg.norm(surface.normals, axis=-1, keepdims=True)
    turn = np.linspace(torso.turn[0], torso.turn[-1], WIDTH)[None]
    shade = 0.30 * smoothstep(depth, 0.06, 0.0) * np.clip(np.cos(turn), 0, 1)
    return np.asarray(
        light(unit) * relief_light(relief, surface.across, surface.down) * weave(relief.shape) * (1 - shade)
    )


def _face_skin(outfit: Outfit) -> Array:
    """The face's own colour, [3]: necks are mostly in the photo's shade."""
    maps = outfit.subject.texel_maps
    return np.asarray(np.median(outfit.head[(maps["face"] > 0.9) & (maps["skin"] > 0.9) & (maps["beard"] < 0.1)], 0))


def _bare(skin: Array, now: Array, photo: npt.NDArray[np.bool_], depth: Array, weight: float) -> Array:
    """The neck without the photo's collar, and the new collar's shade on it."""
    worn = cv2.dilate(photo.astype(np.float32), np.ones((15, 15)))
    worn = cv2.GaussianBlur(worn, (0, 0), 6)
    hidden = np.maximum(worn, weight * smoothstep(depth, -0.11, -0.05))[..., None]
    shade = 1 - 0.28 * weight * smoothstep(depth, -0.016, 0.0)
    return np.asarray((now + (skin - now) * hidden) * shade[..., None])
