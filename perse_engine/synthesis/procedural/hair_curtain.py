"""A curtain of long hair: strands from inside the hair that is there, down over neck and shoulders."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.rig import BONES
from perse_engine.head.sampling import grid_faces, smoothstep
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

COLUMNS, ROWS = 121, 48
AROUND_DEG = 118.0
"""How far the curtain reaches to each side, from the back."""
TEXELS = (256, 768)
PRESSED_M = 0.008
"""How far the hair presses the ears' rims to the head."""


def curtain(outfit: Outfit, length: float, texture: str, weight: float) -> AddedPart:
    """Strands from inside the hair at the temples down; the weight is its length, so half way is half as long."""
    look = outfit.subject.look
    rig = look.rig
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    points = rig.vertices[scalp].astype(np.float64)
    mouth_y = float(outfit.landmark(13)[1])
    ear = (outfit.landmark(234) + outfit.landmark(454)) / 2
    band = points[(points[:, 1] > -0.01) & (points[:, 1] < 0.06)]
    ears = np.unique(look.faces[look.face_part == PARTS.index("ears")])
    shells = rig.vertices[ears].astype(np.float64)
    outfit.offset[ears, 0] -= weight * PRESSED_M * np.sign(shells[:, 0]) * smoothstep(np.abs(shells[:, 0]), 0.06, 0.09)
    # Over the ears, also where the hair is too short to cover them now.
    half_width = float(np.percentile(np.abs(np.r_[band[:, 0], shells[:, 0]] - ear[0]), 97)) + 0.003
    back = float(ear[2] - np.percentile(band[:, 2], 2)) + 0.004
    front_reach = 0.012
    top, start, end = float(shells[:, 1].max()) + 0.022, mouth_y + 0.035, mouth_y - length
    bottom = start + (end - start) * weight
    turn = np.radians(np.linspace(-AROUND_DEG, AROUND_DEG, COLUMNS))[None]
    down = np.linspace(0, 1, ROWS)[:, None]
    y = top + (bottom - top) * down
    drop = np.clip((mouth_y - y) / 0.20, 0, 1)
    # It hugs the neck below the jaw a little, lies outside the shoulders, and comes forward over the collarbones.
    widen = 1 - 0.10 * smoothstep(drop, 0.0, 0.35) + 0.22 * smoothstep(drop, 0.35, 1.0)
    # Its upper edge hides inside the hair that is there.
    inside = 1 - smoothstep(top - y, 0.006, 0.042)
    widen = widen - 0.22 * inside
    x = ear[0] + half_width * widen * np.sin(turn)
    z = ear[2] - back * np.where(np.cos(turn) > 0, np.cos(turn), 0.35 * np.cos(turn))
    side = smoothstep(np.abs(turn), np.radians(70), np.radians(AROUND_DEG))
    z = z + side * (front_reach - 0.030 * inside + 0.085 * smoothstep(drop, 0.15, 0.8))
    z = z + 0.012 * smoothstep(drop, 0.4, 1.0) * (1 - side)
    wave = {"wavy": 0.006, "curly": 0.009}.get(texture, 0.0015)
    phase = 9.0 * np.sin(3.7 * turn) + 4.0 * np.cos(8.1 * turn)
    swing = np.sin(2 * np.pi * y / 0.055 + phase) * smoothstep(down, 0.15, 0.6)
    x = x + wave * swing * np.sin(turn)
    z = z - wave * swing * np.cos(turn) + 0.5 * wave * np.cos(2 * np.pi * y / 0.04 + 2 * phase) * side
    grid = np.stack([x, np.broadcast_to(y, x.shape), z], -1)
    v, u = np.meshgrid(
        np.linspace(0.5, TEXELS[0] - 0.5, ROWS), np.linspace(0.5, TEXELS[1] - 0.5, COLUMNS), indexing="ij"
    )
    weights = hangs_from((y * np.ones((1, COLUMNS))).ravel(), mouth_y)
    return AddedPart(
        grid.reshape(-1, 3), grid_faces(ROWS, COLUMNS), np.stack([u, v], -1).reshape(-1, 2),
        _strands(outfit, weight, texture), REGION_LABELS["hair"], weights,
    )  # fmt: skip


def _strands(outfit: Outfit, weight: float, texture: str) -> Array:
    """Strands in the colour that the hair has now; soft, uneven tips."""
    height, width = TEXELS
    base = hair_tone(outfit)
    random = np.random.default_rng(17)
    fine = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 4, sigmaY=60)
    coarse = cv2.GaussianBlur(random.standard_normal((height, width)).astype(np.float32), (0, 0), 14, sigmaY=60)
    fine, coarse = fine / fine.std(), coarse / coarse.std()
    down = np.linspace(0, 1, height)[:, None]
    across = np.linspace(-1, 1, width)[None]
    light = 0.86 + 0.10 * np.sin(np.pi * down) - 0.16 * (1 - np.abs(across)) ** 0.5
    sheen = 0.5 + 0.5 * np.cos(2 * np.pi * down * (3.2 if texture == "wavy" else 1.2) + 2.0 * np.sin(9 * across))
    shade = light * np.exp(0.06 * fine + 0.08 * coarse) * (0.93 + 0.14 * sheen)
    rgb = np.clip(base * shade[..., None], 0, 1)
    tips = 0.97 - 0.02 * coarse
    alpha = 1 - smoothstep(down, 0.86 * tips, tips)
    edge = 1 - smoothstep(np.abs(across), 0.95, 0.99)
    return np.dstack([rgb, np.clip(alpha * edge, 0, 1) * min(1.0, 25 * weight)]).astype(np.float32)


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
