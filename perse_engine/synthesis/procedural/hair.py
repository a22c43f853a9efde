"""Hair: colour by paint that keeps strands and light, length by a curtain of strands below the hair that is there."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import UnsupportedWish
from perse_engine.head.rig import BONES
from perse_engine.head.sampling import grid_faces, smoothstep
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.colours import HAIR, colour
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit, lab_of, to_lab
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

COLUMNS, ROWS = 121, 48
AROUND_DEG = 118.0
"""How far the curtain reaches to each side, from the back."""
LENGTH_M = {"long": 0.20, "shoulder": 0.13}
"""Below the height of the mouth."""
TEXELS = (256, 768)


def hair(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Recolour, then lengthen."""
    if outfit.subject.measures["is_bald"]:
        raise UnsupportedWish("The procedural editor cannot grow hair on a head without any.")
    tone = colour(HAIR, spec.slots["colour"], "hair")
    _recolour(outfit, tone, weight)
    length = spec.slots["length"]
    if length in LENGTH_M:
        outfit.parts.append(_curtain(outfit, LENGTH_M[length], spec.slots["texture"], weight))
    elif length != "source-length":
        raise UnsupportedWish(
            f"The procedural editor cannot make {length} hair.", hint="It can make long, shoulder and source-length."
        )


def _recolour(outfit: Outfit, tone: tuple[float, float, float], weight: float) -> None:
    maps = outfit.subject.texel_maps
    region = maps["hair"]
    lab = to_lab(outfit.head)
    sure = region > 0.9
    reference = np.median(lab[sure], 0) if sure.any() else np.median(lab.reshape(-1, 3), 0)
    target = lab_of(tone)
    contrast = float(np.clip(np.clip(target[0] / max(reference[0], 8), 0.35, 1.6), 0.5, 1.1))

    def change(own: Array) -> Array:
        lightness = np.clip(target[0] + (own[..., 0] - reference[0]) * contrast, 0, 98)
        # Strong colours fade in highlights and shadows as dyed hair does.
        strength = np.clip(lightness / max(float(target[0]), 5), 0.3, 1.3)
        chroma = [target[c] * strength + 0.25 * (own[..., c] - reference[c]) for c in (1, 2)]
        return np.stack([lightness, *chroma], -1)

    dark = smoothstep(float(np.median(lab[region < 0.1][:, 0])) - lab[..., 0], 6, 22)
    outfit.recolour(np.maximum(region, 0.6 * maps["eyebrows"] * dark) * weight, change)


def _curtain(outfit: Outfit, length: float, texture: str, weight: float) -> AddedPart:
    """Strands from inside the hair at the temples down; the weight is its length, so half way is half as long."""
    look = outfit.subject.look
    rig = look.rig
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    points = rig.vertices[scalp].astype(np.float64)
    mouth_y = float(outfit.landmark(13)[1])
    ear = (outfit.landmark(234) + outfit.landmark(454)) / 2
    band = points[(points[:, 1] > -0.01) & (points[:, 1] < 0.06)]
    half_width = float(np.percentile(np.abs(band[:, 0] - ear[0]), 96)) + 0.003
    back = float(ear[2] - np.percentile(band[:, 2], 2)) + 0.004
    front_reach = 0.012
    top, start, end = 0.035, mouth_y + 0.035, mouth_y - length
    bottom = start + (end - start) * weight
    turn = np.radians(np.linspace(-AROUND_DEG, AROUND_DEG, COLUMNS))[None]
    down = np.linspace(0, 1, ROWS)[:, None]
    y = top + (bottom - top) * down
    drop = np.clip((mouth_y - y) / 0.20, 0, 1)
    # It hugs the neck below the jaw a little, lies outside the shoulders, and comes forward over the collarbones.
    widen = 1 - 0.10 * smoothstep(drop, 0.0, 0.35) + 0.22 * smoothstep(drop, 0.35, 1.0)
    # Its upper edge hides inside the hair that is there.
    inside = 1 - smoothstep(top - y, 0.010, 0.050)
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
    share = smoothstep(y, mouth_y - 0.09, mouth_y + 0.02) * np.ones((1, COLUMNS))
    weights = np.zeros((ROWS * COLUMNS, len(BONES)), np.float32)
    weights[:, BONES.index("head")] = share.ravel()
    weights[:, BONES.index("torso")] = 1 - share.ravel()
    return AddedPart(
        grid.reshape(-1, 3), grid_faces(ROWS, COLUMNS), np.stack([u, v], -1).reshape(-1, 2),
        _strands(outfit, weight, texture), REGION_LABELS["hair"], weights,
    )  # fmt: skip


def _strands(outfit: Outfit, weight: float, texture: str) -> Array:
    """Strands in the colour that the hair has now; soft, uneven tips."""
    height, width = TEXELS
    region = outfit.subject.texel_maps["hair"] * outfit.subject.texel_maps["seen"]
    seen = outfit.head[region > 0.6]
    base = np.median(seen, 0) if len(seen) > 100 else outfit.head[outfit.subject.texel_maps["hair"] > 0.9].mean(0)
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
