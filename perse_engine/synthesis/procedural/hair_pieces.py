"""Bun, ponytail and braids: tubes of hair along a path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import curve, grid_faces, smoothstep
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.curtain_texture import SOFT, shown
from perse_engine.synthesis.procedural.hair_curtain import hair_tone, hangs_from
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

RINGS, AROUND = 64, 25
PLAITS = 13
"""Crossings of a braid."""
TEXELS = (384, 128)
RAGGED = 0.015
COILS, BUN_TWIST, COIL_DEPTH = 3, 0.6, 0.035
"""Thick strands of which a bun is wound, how often they turn about it, and how far they bulge."""
FINE, COARSE, GROOVE = 0.045, 0.055, 0.22
"""Contrast of strands and of tufts, and how dark it is between a bun's strands."""
HEAD_CENTRE_M = np.array([0.0, 0.012, -0.085])


def bun(outfit: Outfit, weight: float) -> None:
    """A knot of wound hair at the upper back of the head, as large as the weight says."""
    direction = np.array([0.0, 0.80, -0.60])
    foot = _on_scalp(outfit, direction)
    size = 0.036 * weight**0.5
    t = np.linspace(-1, 1, RINGS)
    path = foot + direction * (0.45 * size) + np.outer(t * 0.85 * size, direction)
    wound = 2 * np.pi * COILS * (np.linspace(0, 1, AROUND)[None] + BUN_TWIST * np.linspace(0, 1, RINGS)[:, None])
    radius = size * (1 - np.abs(t) ** 2)[:, None] ** 0.5 * (1 + COIL_DEPTH * np.sin(wound))
    outfit.parts.append(_tube(outfit, path, radius, twist=BUN_TWIST, seed=21, grooves=-np.sin(wound)))


def ponytail(outfit: Outfit, weight: float) -> None:
    """Gathered at the back of the head; the weight is where it is cut."""
    direction = np.array([0.0, 0.42, -0.91])
    foot = _on_scalp(outfit, direction)
    down = 0.25
    knots = np.array([
        foot - direction * 0.012, foot + direction * 0.030, foot + direction * 0.046 + [0, -0.35 * down, 0],
        foot + direction * 0.040 + [0.004, -0.7 * down, 0], foot + direction * 0.034 + [0.010, -down, 0],
    ])  # fmt: skip
    t = np.linspace(0, 1, RINGS)
    radius = 0.012 + 0.016 * np.sin(np.pi * np.clip(t / 0.9, 0, 1)) ** 0.8
    radius = radius * (1 - smoothstep(t, 0.72, 1.0)) + 0.001
    outfit.parts.append(_cut(_tube(outfit, curve(knots, RINGS), radius, twist=0.3, seed=22), weight))


def braids(outfit: Outfit, weight: float) -> None:
    """One from behind each ear, forward over the shoulder; the weight is where they are cut."""
    mouth_y = float(outfit.landmark(13)[1])
    for side, ear_index in ((-1.0, 234), (1.0, 454)):
        ear = outfit.landmark(ear_index)
        start = ear + np.array([side * 0.002, -0.012, -0.022])
        full = np.array([
            start, [start[0] + side * 0.008, mouth_y - 0.020, start[2] + 0.002],
            [start[0] + side * 0.010, mouth_y - 0.075, start[2] + 0.035],
            [start[0] + side * 0.004, mouth_y - 0.130, start[2] + 0.070],
            [start[0] - side * 0.004, mouth_y - 0.190, start[2] + 0.085],
        ])  # fmt: skip
        t = np.linspace(0, 1, RINGS)
        radius = 0.0125 * (1 + 0.16 * np.abs(np.sin(np.pi * PLAITS * t))) * (1 - smoothstep(t, 0.93, 1.0)) + 0.001
        braid = _tube(outfit, curve(full, RINGS), radius, twist=0.0, seed=23, plaits=PLAITS)
        outfit.parts.append(_cut(braid, weight))


def _cut(tube: AddedPart, weight: float) -> AddedPart:
    """Its first part, as long as the weight says; strands end at different lengths."""
    height, width = TEXELS
    ragged = cv2.GaussianBlur(np.random.default_rng(24).standard_normal((1, width)).astype(np.float32), (0, 0), 3)
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None] + RAGGED * ragged / ragged.std()
    appears = np.clip(down, 0, 1 - SOFT).astype(np.float32)
    return replace(tube, texture=shown(tube.texture, appears, weight), appears=appears)


def _on_scalp(outfit: Outfit, direction: Array) -> Array:
    """Where a ray from the head's centre leaves the hair as it is cut now, metres."""
    look = outfit.subject.look
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    points = (look.rig.vertices + outfit.offset)[scalp].astype(np.float64)
    away = points - HEAD_CENTRE_M
    unit = direction / np.linalg.norm(direction)
    nearest = np.argsort(-(away @ unit) / np.linalg.norm(away, axis=1))[:8]
    return np.asarray(HEAD_CENTRE_M + unit * float(np.median(np.linalg.norm(away[nearest], axis=1))))


def _tube(
    outfit: Outfit, path: Array, radius: Array, *, twist: float, seed: int, plaits: float = 0.0,
    grooves: Array | None = None,
) -> AddedPart:  # fmt: skip
    """Rings of `radius` [P] or [P, AROUND] about `path` [P, 3]; strands turn about it `twist` times, or are plaited.

    grooves: [P, AROUND] where it is darker, 0..1, and a little lighter below 0.
    """
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    side = np.cross(tangent, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    other = np.cross(tangent, side)
    turn = np.linspace(0, 2 * np.pi, AROUND)
    ring = np.cos(turn)[None, :, None] * side[:, None] + np.sin(turn)[None, :, None] * other[:, None]
    grid = path[:, None] + radius.reshape(len(path), -1, 1) * ring
    rows = len(path)
    v, u = np.meshgrid(
        np.linspace(0.5, TEXELS[0] - 0.5, rows), np.linspace(0.5, TEXELS[1] - 0.5, AROUND), indexing="ij"
    )
    mouth_y = float(outfit.landmark(13)[1])
    texture = _texture(hair_tone(outfit), ring, twist, seed, plaits)
    if grooves is not None:
        dark = cv2.resize(np.float32(grooves), TEXELS[::-1], interpolation=cv2.INTER_LINEAR)
        texture[..., :3] *= (1 - GROOVE * np.maximum(dark, -0.3))[..., None]
    return AddedPart(
        grid.reshape(-1, 3), grid_faces(rows, AROUND), np.stack([u, v], -1).reshape(-1, 2),
        np.clip(texture, 0, 1), REGION_LABELS["hair"],
        hangs_from(grid[..., 1].ravel(), mouth_y),
    )  # fmt: skip


def _texture(tone: Array, ring: Array, twist: float, seed: int, plaits: float) -> Array:
    height, width = TEXELS
    noise = np.random.default_rng(seed).standard_normal((height, width)).astype(np.float32)
    tiled = np.hstack([noise, noise, noise])
    fine = cv2.GaussianBlur(tiled, (0, 0), 1.4, sigmaY=26)[:, width : 2 * width]
    coarse = cv2.GaussianBlur(tiled, (0, 0), 5, sigmaY=40)[:, width : 2 * width]
    down, across = np.mgrid[0:height, 0:width].astype(np.float32) / np.array([height, width])[:, None, None]
    shift = twist * down
    if plaits:
        # Three strands that cross: seen from anywhere, arrows that point down.
        shift = 0.5 * np.abs((across * 4) % 2 - 1) / max(plaits, 1)
    x = ((across + (shift if not plaits else 0)) % 1) * (width - 1)
    y = np.clip((down + (shift if plaits else 0)) * (height - 1), 0, height - 1)
    strands = FINE * fine / fine.std() + COARSE * coarse / coarse.std()
    detail = cv2.remap(strands, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    if plaits:
        arrows = (down * plaits + 0.5 * np.abs((across * 4) % 2 - 1)) % 1
        detail = detail - 0.5 * np.exp(-((np.minimum(arrows, 1 - arrows) / 0.13) ** 2)) + 0.12 * np.sin(np.pi * arrows)
    # Lit from above and in front.
    normal = cv2.resize(ring.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    light = 0.80 + 0.16 * normal[..., 1] + 0.10 * normal[..., 2]
    rgb = np.clip(tone * (light * np.exp(detail))[..., None], 0, 1)
    return np.dstack([rgb, np.ones((height, width))]).astype(np.float32)
