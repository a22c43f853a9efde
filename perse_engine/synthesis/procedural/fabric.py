"""What cloth looks like: patterns, folds and weave, and how light falls on it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import UnsupportedWish
from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.solids import FILL_LIGHT, KEY_LIGHT

Array = npt.NDArray[Any]

WHITE = np.array([0.86, 0.86, 0.84])


def patterned(pattern: str, tone: Array, across: Array, along: Array) -> Array:
    """Colours [..., 3] of a pattern at distances (metres) across and along the body."""
    plain = np.broadcast_to(tone, (*across.shape, 3)).copy()
    if pattern == "solid":
        return plain
    if pattern == "striped":
        return _over(plain, WHITE, _bands(along, 0.022, 0.36))
    if pattern == "pinstriped":
        return _over(plain, 0.55 * WHITE + 0.45 * tone, 0.45 * _bands(across, 0.013, 0.10))
    if pattern == "plaid":
        wide = 0.5 * _bands(across, 0.036, 0.42) + 0.5 * _bands(along, 0.036, 0.42)
        lines = np.maximum(_bands(across + 0.016, 0.036, 0.05), _bands(along + 0.016, 0.036, 0.05))
        return _over(_over(plain, 0.22 * tone, wide), WHITE, 0.75 * lines)
    if pattern == "dotted":
        apart = [np.abs(x / 0.020 % 1 - 0.5) for x in (across, along)]
        return _over(plain, WHITE, smoothstep(np.hypot(*apart), 0.25, 0.19))
    raise UnsupportedWish(
        f"The procedural editor has no {pattern} cloth.", hint="It has: dotted, solid, striped, pinstriped, plaid."
    )


def _bands(x: Array, period: float, share: float) -> Array:
    """1 inside bands, 0 between, with soft edges."""
    phase = np.abs((x / period) % 1 - 0.5)
    return smoothstep(phase, share / 2 + 0.02, share / 2 - 0.02)


def _over(below: Array, tone: Array, amount: Array) -> Array:
    return np.asarray(below + (tone - below) * amount[..., None])


@cache
def fold_height(shape: tuple[int, int], seed: int = 3) -> Array:
    """Drapery on the torso's chart: folds that run away from the neck, metres, mean about 0."""
    height, width = shape
    random = np.random.default_rng(seed)

    def noise(sigma_u: float, sigma_v: float) -> Array:
        field = cv2.GaussianBlur(random.standard_normal(shape).astype(np.float32), (0, 0), sigma_u, sigmaY=sigma_v)
        return np.asarray(field / field.std())

    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    # A fold wanders sideways as it falls.
    sway = 34 * noise(90, 60) + 0.22 * (v - height / 2) * np.sign(u - width / 2)
    run = cv2.remap(noise(13, 90), u + sway, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    ridges = 1 - np.abs(run)
    soft = cv2.GaussianBlur(ridges, (0, 0), 3)
    amount = smoothstep(noise(70, 60), -0.8, 1.2)
    return np.asarray(0.0022 * soft * (0.25 + amount) + 0.0016 * noise(34, 40))


def relief_light(relief: Array, metres_u: Array, metres_v: Array) -> Array:
    """How a height map [H, W] changes the light, 1 where it is flat; texel sizes in metres."""
    du, dv = np.gradient(relief, axis=1) / metres_u, np.gradient(relief, axis=0) / metres_v
    slope = np.clip(-KEY_LIGHT[0] * du + KEY_LIGHT[1] * dv, -0.6, 0.6)
    hollow = relief - cv2.GaussianBlur(relief.astype(np.float32), (0, 0), 9)
    return np.asarray(np.clip(1 + 1.15 * slope + 160 * np.minimum(hollow, 0.0004), 0.45, 1.45))


def light(normals: Array) -> Array:
    """Light on matt cloth for normals [..., 3]."""
    return np.asarray(0.42 + 0.52 * np.clip(normals @ KEY_LIGHT, 0, 1) + 0.16 * np.clip(normals @ FILL_LIGHT, 0, 1))


@cache
def weave(shape: tuple[int, int], strength: float = 0.022) -> Array:
    """Threads: fine noise around 1."""
    random = np.random.default_rng(11)
    fine = cv2.GaussianBlur(random.standard_normal(shape).astype(np.float32), (0, 0), 0.8)
    return np.asarray(1 + strength * fine / fine.std())


def ribs(count: int, shape: tuple[int, int], strength: float = 0.16) -> Array:
    """Knitted ribs that run along the rows' direction."""
    u = np.linspace(0, 2 * np.pi * count, shape[1])
    return np.broadcast_to(1 - strength * (0.5 - 0.5 * np.cos(u)) ** 2, shape)
