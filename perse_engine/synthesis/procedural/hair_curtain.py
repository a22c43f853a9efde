"""A curtain of long hair: locks that leave the hair that is there, and fall over neck and shoulders."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from perse_engine.head.rig import BONES
from perse_engine.head.sampling import grid_faces, smoothstep
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.curls import curled_curtain
from perse_engine.synthesis.procedural.curtain_texture import TEXELS, curtain_texture, shown
from perse_engine.synthesis.procedural.hair_drape import draped
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

COLUMNS, ROWS = 161, 64
AROUND_DEG = 122.0
"""How far the curtain reaches to each side, from the back."""
AXIS_Z_M = -0.075
"""The vertical axis about which it hangs: through the ears."""
TOP_M = 0.062
"""Above the eyes: where it begins to lie on the hair."""
LIFT_M, RISE_M = 0.004, 0.075
"""How far it lies over the hair, and how far down from its upper edge it does: not before the edge of a hat."""
PRESSED_M = 0.008
"""How far the hair presses the ears' rims to the head."""
FORWARD_DEG = 62.0, 112.0
"""From where on hair falls in front of the shoulders, more and more."""
CLUMPS = (14, 2.6), (9, 1.3)
"""Rows and columns over which wide and narrow clumps of hair hold together."""
LOCK_DEPTH_M = 0.0026
NEIGHBOURS = 10


def curtain(outfit: Outfit, length: float, texture: str, weight: float) -> AddedPart:
    """The weight is where it is cut, so half way is half as long, and how far up it covers the hair that is there.

    Nothing moves with the weight: hair that stretched would hang from head and body by other shares at every length.
    """
    rig = outfit.subject.look.rig
    mouth_y = float(outfit.landmark(13)[1])
    ears = _vertices(outfit, "ears")
    shells = rig.vertices[ears].astype(np.float64)
    outfit.offset[ears, 0] -= weight * PRESSED_M * np.sign(shells[:, 0]) * smoothstep(np.abs(shells[:, 0]), 0.06, 0.09)
    turn = np.radians(np.linspace(-AROUND_DEG, AROUND_DEG, COLUMNS))[None]
    down = np.linspace(0, 1, ROWS)[:, None]
    tip = mouth_y - length
    y = np.broadcast_to(TOP_M + (tip - TOP_M) * down, (ROWS, COLUMNS))
    cap, cap_colour, covered = _cap(outfit, turn, y)
    cap = np.maximum.accumulate(cap, 0)
    radius, forward = _fall(outfit, cap, turn, y, mouth_y)
    lock = _locks()
    free = smoothstep(mouth_y + 0.05 - y, 0.0, 0.08)
    radius = radius + LOCK_DEPTH_M * (0.25 + 0.75 * free) * lock
    # Curls are drawn: a surface of so few vertices that waved as often would have teeth.
    wave = {"wavy": 0.0045, "curly": 0.004}.get(texture, 0.001)
    pitch = {"curly": 0.058}.get(texture, 0.066)
    curled = curled_curtain(TEXELS[1], AROUND_DEG) if texture == "curly" else None
    phase = 2 * np.pi * y / pitch + _phases()
    swing = wave * smoothstep(mouth_y + 0.10 - y, 0.0, 0.10)
    radius = radius + swing * np.sin(phase)
    # Its border hangs straighter, or it flutters like a ribbon.
    edge = 1 - 0.7 * smoothstep(np.abs(turn), np.radians(AROUND_DEG - 25), np.radians(AROUND_DEG))
    angle = turn + edge * swing * np.cos(phase) / np.maximum(radius, 0.05)
    grid = np.stack([radius * np.sin(angle), y, AXIS_Z_M - radius * np.cos(angle) + forward], -1)
    grid = draped(outfit.subject, grid, turn, mouth_y)
    v, u = np.meshgrid(
        np.linspace(0.5, TEXELS[0] - 0.5, ROWS), np.linspace(0.5, TEXELS[1] - 0.5, COLUMNS), indexing="ij"
    )
    rgba, appears = curtain_texture(hair_tone(outfit), cap_colour, covered, grid, lock, y, mouth_y, curled)
    return AddedPart(
        grid.reshape(-1, 3), grid_faces(ROWS, COLUMNS), np.stack([u, v], -1).reshape(-1, 2),
        shown(rgba, appears, weight), REGION_LABELS["hair"], hangs_from(y.ravel(), mouth_y), appears,
    )  # fmt: skip


def _vertices(outfit: Outfit, part: str) -> Array:
    look = outfit.subject.look
    return np.unique(look.faces[look.face_part == PARTS.index(part)])


def _cap(outfit: Outfit, turn: Array, y: Array) -> tuple[Array, Array, Array]:
    """How far the hair and the ears reach at every turn and height [R, C], metres, the hair's colour there [R, C, 3],
    and where there is hair [R, C]."""
    look = outfit.subject.look
    scalp = _vertices(outfit, "scalp")
    chosen = np.r_[scalp, _vertices(outfit, "ears")]
    points = (look.rig.vertices + outfit.offset)[chosen].astype(np.float64)
    x, z = points[:, 0], points[:, 2] - AXIS_Z_M
    reach = np.hypot(x, z)
    # An angle counts as an arc at a typical radius, so that neighbours are near in space.
    places = np.c_[np.arctan2(x, -z) * 0.09, points[:, 1]]
    wanted = np.stack([np.broadcast_to(turn * 0.09, y.shape), y], -1).reshape(-1, 2)
    near = np.asarray(cKDTree(places).query(wanted, k=NEIGHBOURS)[1])
    outer = near[np.arange(len(near)), np.argmax(reach[near], 1)]
    reach = gaussian_filter(reach[outer].reshape(y.shape), (1.5, 2.0), mode="nearest")
    # Ears and bare temples are no hair: there the colour is the hair's typical one.
    texel = np.clip(look.uv[chosen[outer]].astype(int), 0, np.array(outfit.head.shape[1::-1]) - 1)
    is_hair = (outfit.subject.texel_maps["hair"][texel[:, 1], texel[:, 0]] > 0.9) & (outer < len(scalp))
    colour = np.where(is_hair[:, None], outfit.head[texel[:, 1], texel[:, 0]], hair_tone(outfit))
    covered = gaussian_filter(is_hair.astype(np.float64).reshape(y.shape), (1.5, 2.0), mode="nearest")
    return reach, gaussian_filter(colour.reshape(*y.shape, 3), (2.0, 3.0, 0), mode="nearest"), covered


def _fall(outfit: Outfit, cap: Array, turn: Array, y: Array, mouth_y: float) -> tuple[Array, Array]:
    """Radius [R, C] and how far forward it is carried, metres: on the hair, then straight down, then on the body."""
    drop = np.clip((mouth_y - y) / 0.20, 0, 1)
    side = smoothstep(np.abs(turn), *np.radians(FORWARD_DEG))
    # Its upper edge lies inside the hair that is there, the rest on it.
    rise = smoothstep(y.max() - y, 0.0, RISE_M)
    on_cap = cap + LIFT_M * (2.5 * rise - 1.5)
    # A little narrower at the neck, wider over the shoulders.
    hangs = on_cap * (1 - 0.10 * smoothstep(drop, 0.0, 0.4) + 0.20 * smoothstep(drop, 0.4, 1.0))
    # In front of the ears it stays at the side of the face instead of closing over it.
    radius = np.where(np.abs(turn) > np.pi / 2, hangs * (1 - 0.06 * side), hangs)
    forward = side * (0.006 + 0.024 * smoothstep(drop, 0.12, 0.8)) - 0.012 * smoothstep(drop, 0.4, 1.0) * (1 - side)
    return radius, forward


@cache
def _locks() -> Array:
    """Bulges of the locks, -1..1 [ROWS, COLUMNS]: soft clumps that part and join on the way down."""
    noise = np.random.default_rng(31).standard_normal((3 * ROWS, COLUMNS))
    wide, narrow = (gaussian_filter(noise, (rows, columns), mode="wrap")[ROWS : 2 * ROWS] for rows, columns in CLUMPS)
    return np.asarray(np.tanh(0.8 * wide / wide.std() + 0.4 * narrow / narrow.std()))


@cache
def _phases() -> Array:
    """Where waves are on their way, radians [ROWS, COLUMNS]: neighbours swing together for a while."""
    noise = gaussian_filter(np.random.default_rng(32).standard_normal((3 * ROWS, COLUMNS)), (16, 3.5), mode="wrap")
    return np.asarray(2.2 * noise[ROWS : 2 * ROWS] / noise.std())


def hair_tone(outfit: Outfit) -> Array:
    """The colour that the hair has now, sRGB [3]."""
    maps = outfit.subject.texel_maps
    seen = outfit.head[maps["hair"] * maps["seen"] > 0.6]
    return np.asarray(np.median(seen, 0) if len(seen) > 100 else outfit.head[maps["hair"] > 0.9].mean(0))


def hangs_from(y: Array, mouth_y: float) -> Array:
    """Bone weights [N, 4] of hair at heights y [N]: with the head above, resting on the body below."""
    share = smoothstep(y, mouth_y - 0.09, mouth_y + 0.02)
    weights = np.zeros((len(y), len(BONES)), np.float32)
    weights[:, BONES.index("head")] = share
    weights[:, BONES.index("torso")] = 1 - share
    return weights
