"""The shade that a hat's brim keeps on forehead and eyes: soft, since it falls from far above the skin."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.hat_ring import AXIS_Z, BRIM_ROWS, COLUMNS, TILT, Crown
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

LIGHTS = np.array([[0.0, 0.92, 0.40], [0.0, 0.80, 0.60], [0.0, 0.62, 0.78], [0.0, 0.42, 0.91]])
"""A light above and in front is as large as a window: directions to its parts, upper ones first."""
SOFT_M, SPREAD = 0.004, 0.30
"""How soft the shade's border is at the brim, and how much softer with every metre from it."""
FADES_M = 0.085
"""On the way from the brim light from all around comes below it."""
ROUNDS = 2
BESIDE = {"eyes": 0.3, "ears": 0.5}
"""Parts with a texture of their own, and how dark they become: eyes are moist and keep their lights."""
TEXELS_OF = {"eyes": ("sclera", "iris"), "ears": ("skin", "ears")}


def brim_shade(crown: Crown, brim: Array, edge: float, points: Array) -> Array:
    """How much of the light a brim's grid of points [n * m, 3] keeps off `points` [N, 3], 0..1."""
    grid = brim.reshape(-1, COLUMNS, 3)[:BRIM_ROWS]
    turn, radius, rise = _cylinder(crown, grid, edge)
    order = np.argsort(turn[-1])
    rim = [np.stack([turn[-1], radius[row], rise[row]])[:, order] for row in (0, -1)]
    shade = np.zeros(len(points))
    for light in LIGHTS:
        shade += _kept_off(crown, rim, edge, points, light)
    # The light is in front; the head itself lies between it and what is behind.
    return np.asarray(shade / len(LIGHTS) * smoothstep(np.cos(_cylinder(crown, points, edge)[0]), 0.0, 0.5))


def part_points(subject: Subject, part: str) -> Array:
    """Vertices of a part of the head, [N, 3] metres."""
    look = subject.look
    return look.rig.vertices[np.unique(look.faces[look.face_part == PARTS.index(part)])].astype(np.float64)


def shade_part(outfit: Outfit, part: str, amount: float) -> None:
    """Darken it evenly: eyes turn, and where they look must not matter."""
    look = outfit.subject.look
    uv = look.uv[np.unique(look.faces[look.face_part == PARTS.index(part)])]
    (x0, y0), (x1, y1) = np.floor(uv.min(0)).astype(int), np.ceil(uv.max(0)).astype(int)
    own = np.isin(outfit.labels[y0:y1, x0:x1], [REGION_LABELS[name] for name in TEXELS_OF[part]])
    outfit.texture[y0:y1, x0:x1, :3] *= 1 - np.float32(amount) * own[..., None]


def _kept_off(crown: Crown, rim: list[Array], edge: float, points: Array, light: Array) -> Array:
    """By one direction: where the ray to the light passes the brim's height, and whether there is brim."""
    climb = light[1] - TILT * light[2]
    _, _, height = _cylinder(crown, points, edge)
    (turns, inner, low), (_, outer, high) = rim
    level = np.zeros(len(points))
    for _ in range(ROUNDS):
        way = np.maximum(level - height, 0) / climb
        turn, radius, _ = _cylinder(crown, points + way[:, None] * light, edge)
        ring, reach = np.interp(turn, turns, inner), np.interp(turn, turns, outer - inner)
        share = np.clip((radius - ring) / np.maximum(reach, 1e-4), 0, 1)
        level = np.interp(turn, turns, low) + share * np.interp(turn, turns, high - low)
    soft = SOFT_M + SPREAD * way
    return np.asarray(smoothstep(ring + reach - radius, -soft, soft) * np.exp(-way / FADES_M))


def _cylinder(crown: Crown, points: Array, edge: float) -> tuple[Array, Array, Array]:
    """Direction, distance from the axis and height above the edge of points [..., 3]."""
    x, z = points[..., 0], points[..., 2] - AXIS_Z
    return np.arctan2(x, z), np.hypot(x, z), points[..., 1] - crown.base - TILT * points[..., 2] - edge
