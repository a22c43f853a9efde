"""Cloth: another garment on the torso. Its cloth is painted on the torso's own chart, collars are added pieces.

With the weight colours go through CIE Lab and folds, thickness and collars rise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import resample_grid, sample, smoothstep
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.collars import placket, ribbed_collar, roll_neck, shirt_collar
from perse_engine.synthesis.procedural.colours import CLOTH, colour
from perse_engine.synthesis.procedural.cut import Cut
from perse_engine.synthesis.procedural.fabric import WHITE, fold_height, light, patterned, relief_light, weave
from perse_engine.synthesis.procedural.hood import hood
from perse_engine.synthesis.procedural.jacket import jacket, opening
from perse_engine.synthesis.procedural.neckline import Neckline
from perse_engine.synthesis.procedural.outfit import AddedPart, Chart, Outfit
from perse_engine.synthesis.procedural.sheets import Tailor
from perse_engine.synthesis.procedural.torso_chart import HEIGHT, WIDTH, Torso, chart_of, neck_skin
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

THICK_M = 0.002


@dataclass(frozen=True)
class _Garment:
    """Height of the neckline in front, in heights of the face below the chin; how round it runs (0: a V) and its half
    width in half widths of the neck; its parts; how much it folds; how far it stands up the neck, metres."""

    front: float
    power: float
    wide: float
    parts: tuple[Callable[[Cut], list[AddedPart]], ...]
    folds: float = 1.0
    rise: float = 0.0


GARMENTS = {
    "t-shirt": _Garment(0.27, 0.55, 1.12, (ribbed_collar,)),
    "v-neck": _Garment(0.62, 0.0, 1.12, (ribbed_collar,)),
    "turtleneck": _Garment(0.11, 1.5, 1.7, (roll_neck,), 0.8, 0.030),
    "hoodie": _Garment(0.30, 0.7, 1.25, (hood,), 1.5),
    "shirt": _Garment(0.23, 0.7, 1.12, (placket, shirt_collar), 0.9),
    "sweater": _Garment(0.24, 0.6, 1.12, (ribbed_collar,), 1.4),
    "suit": _Garment(0.23, 0.7, 1.12, (jacket,), 0.55),
}


def cloth(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Dress the torso."""
    garment = chosen(GARMENTS, spec, "type")
    tone = np.array(colour(CLOTH, spec.slots["colour"], "cloth"))
    torso, chart = Torso.of(outfit), chart_of(outfit)
    places, normals = resample_grid(torso.points, HEIGHT, WIDTH), resample_grid(torso.normals, HEIGHT, WIDTH)
    depth = _neckline(torso, garment, places) - places[..., 1]
    cover = smoothstep(depth, -0.0004, 0.0008)
    relief = garment.folds * fold_height((HEIGHT, WIDTH)) * smoothstep(depth, 0.0, 0.05)
    thick = (THICK_M * cover + relief).astype(np.float32)
    tailor = Tailor(torso, chart.texture[..., :3].copy(), thick, weight)
    rgb = _colours(spec, tone, torso, places, relief) * _lit(torso, places, normals, relief, depth)[..., None]
    bare = _bare(_skin(outfit, chart, depth), chart.texture[..., :3], chart.labels, depth)
    goal = np.clip(bare + (rgb - bare) * cover[..., None], 0, 1)
    chart.texture[..., :3] = tailor.dyed(chart.texture[..., :3], goal)
    chart.texture[..., 3] += (1 - chart.texture[..., 3]) * cover * weight
    if weight >= 0.5:
        chart.labels[depth > 0] = REGION_LABELS["cloth"]
        chart.labels[depth <= 0] = REGION_LABELS["skin"]
    at = chart.uv.astype(np.float32) - 0.5
    outfit.offset[chart.indices] += (weight * sample(thick, at)[:, None] * torso.normals.reshape(-1, 3)).astype(
        np.float32
    )
    cut = Cut(tailor, tone, spec.slots.get("pattern", "solid"), Neckline.of(depth, places, torso))
    for make in garment.parts:
        outfit.parts += make(cut)


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


def _colours(spec: VariantSpec, tone: Array, torso: Torso, places: Array, relief: Array) -> Array:
    step = np.linalg.norm(np.diff(places, axis=1, prepend=places[:, :1]), axis=-1)
    across = np.cumsum(step, 1)
    across = across - across[:, WIDTH // 2 : WIDTH // 2 + 1] + 3 * relief
    rgb = patterned(spec.slots.get("pattern", "solid"), tone, across, -places[..., 1] + 3 * relief)
    if jacket not in chosen(GARMENTS, spec, "type").parts:
        return rgb
    x, y = np.abs(places[..., 0] - torso.axis_x), places[..., 1]
    turn = np.linspace(torso.turn[0], torso.turn[-1], WIDTH)[None]
    inside = smoothstep(x - opening(torso, y), 0.001, -0.001) * (np.cos(turn) > 0)
    return np.asarray(rgb + (WHITE - rgb) * inside[..., None])


def _lit(torso: Torso, places: Array, normals: Array, relief: Array, depth: Array) -> Array:
    """Light on the cloth: its slope, folds, threads, and the head's shade below the chin."""
    du = np.linalg.norm(np.gradient(places, axis=1), axis=-1) + 1e-5
    dv = np.linalg.norm(np.gradient(places, axis=0), axis=-1) + 1e-5
    unit = normals / np.linalg.norm(normals, axis=-1, keepdims=True)
    turn = np.linspace(torso.turn[0], torso.turn[-1], WIDTH)[None]
    shade = 0.30 * smoothstep(depth, 0.06, 0.0) * np.clip(np.cos(turn), 0, 1)
    return np.asarray(light(unit) * relief_light(relief, du, dv) * weave(relief.shape) * (1 - shade))


def _skin(outfit: Outfit, chart: Chart, depth: Array) -> Array:
    """The neck's skin; a neck is mostly in the photo's shade, so the face's own colour takes part."""
    maps = outfit.subject.texel_maps
    face = np.median(outfit.head[(maps["face"] > 0.9) & (maps["skin"] > 0.9) & (maps["beard"] < 0.1)], 0)
    return np.asarray(0.5 * neck_skin(chart, depth < -0.03) + 0.5 * 0.88 * face)


def _bare(skin: Array, now: Array, labels: Array, depth: Array) -> Array:
    """The neck without the photo's collar, and the new collar's shade on it."""
    worn = cv2.dilate((labels == REGION_LABELS["cloth"]).astype(np.float32), np.ones((15, 15)))
    worn = np.maximum(cv2.GaussianBlur(worn, (0, 0), 6), smoothstep(depth, -0.11, -0.05))[..., None]
    shade = 1 - 0.28 * smoothstep(depth, -0.016, 0.0)
    return np.asarray((now + (skin - now) * worn) * shade[..., None])
