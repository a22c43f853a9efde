"""A shaven head: the forehead's skin goes on over the skull, with the shadow of stubble where hair grew."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.head.strands import texel_directions
from perse_engine.synthesis.procedural.hair_curtain import hair_tone
from perse_engine.synthesis.procedural.outfit import Outfit, to_lab
from perse_engine.synthesis.procedural.skull import cropped
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

FRINGE_PX = 31
SHADOW_PX = 45
"""How far beyond the hair its shadow and its glow lie on the skin."""
SOFT_PX = 20
SKIN_SIGMAS_PX = (120.0, 60.0, 30.0)
COARSER = 4
LIKE_SKIN = 16.0
"""CIE Lab: what differs more from the person's skin is no example of it."""
SKULL_LIGHT = np.array([0.10, 0.62, 0.78])
FROM_HAIRLINE_PX = 110.0
"""The skull gets its own shading so far behind the last skin that the photo shows."""
STUBBLE = 0.40


def bald(outfit: Outfit, weight: float) -> None:
    """Take the hair off: it thins to the skull while the hairline recedes, so every weight is a head of its own."""
    maps = outfit.subject.texel_maps
    own = _of_the_scalp(outfit)
    # Wider than the hair's own map: its tips on the forehead would give the cap away.
    hair = cv2.GaussianBlur(cv2.dilate(own, np.ones((FRINGE_PX, FRINGE_PX))), (0, 0), FRINGE_PX / 3)
    brows = maps["eyebrows"] * (1 - smoothstep(cv2.GaussianBlur(own, (0, 0), 4), 0.05, 0.3))
    bare = (1 - brows) * (1 - maps["eyes"])
    mask = np.clip(2 * hair, 0, 1) * bare
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    far = inside / max(float(np.percentile(inside[mask > 0.5], 98)), 1.0) if (mask > 0.5).any() else inside
    mask = mask * smoothstep(far, 1.15 * weight, 1.15 * weight - 0.15)
    near = cv2.GaussianBlur(cv2.dilate(hair, np.ones((SHADOW_PX, SHADOW_PX))), (0, 0), SHADOW_PX / 3)
    skin = skin_around(outfit, near < 0.05)
    beside = cv2.GaussianBlur(near, (0, 0), SOFT_PX) * bare * maps["seen"] * (1 - maps["lips"])
    _lift_shadow(outfit, skin, np.clip(1.3 * beside, 0, 1) * weight)
    outfit.paint(_scalp(outfit, skin, inside), mask)
    outfit.head_labels[mask > 0.5] = REGION_LABELS["skin"]
    outfit.offset += weight * cropped(outfit.subject, 0.0)


def _of_the_scalp(outfit: Outfit) -> Array:
    """The hair's map without islands in the face: those are brows and beards, [A, A]."""
    maps = outfit.subject.texel_maps
    _, island = cv2.connectedComponents((maps["hair"] > 0.3).astype(np.uint8))
    return maps["hair"] * np.isin(island, np.unique(island[maps["face"] < 0.05]))


def skin_around(outfit: Outfit, known: Array) -> Array:
    """The person's skin, carried on smoothly from where it is seen and `known` to where it is not, [A, A, 3]."""
    maps, head = outfit.subject.texel_maps, outfit.head
    sure = (maps["seen"] * maps["skin"] * (1 - maps["eyes"]) > 0.5) & known
    typical = np.median(to_lab(head)[sure & (maps["face"] > 0.9)], 0)
    sure &= np.linalg.norm(to_lab(cv2.GaussianBlur(head, (0, 0), 3)) - typical, axis=-1) < LIKE_SKIN
    size = (head.shape[1], head.shape[0])
    small_size = (size[0] // COARSER, size[1] // COARSER)
    weight_of = cv2.resize(sure.astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
    colour_of = cv2.resize(head * sure[..., None], small_size, interpolation=cv2.INTER_AREA)
    out = np.broadcast_to(np.median(head[sure], 0), colour_of.shape).astype(np.float32)
    # From far to near: the nearest skin decides where there is some.
    for sigma in SKIN_SIGMAS_PX:
        weight = cv2.GaussianBlur(weight_of, (0, 0), sigma / COARSER)[..., None]
        mean = cv2.GaussianBlur(colour_of, (0, 0), sigma / COARSER) / np.maximum(weight, 1e-6)
        out += (mean - out) * np.clip(10 * weight, 0, 1)
    return cv2.resize(out, size, interpolation=cv2.INTER_LINEAR)


def _lift_shadow(outfit: Outfit, skin: Array, mask: Array) -> None:
    """Give skin beside the hair the tone it has elsewhere; its grain stays."""
    own = np.clip(outfit.subject.texel_maps["skin"], 0.01, 1)[..., None]
    broad = cv2.GaussianBlur(outfit.head * own, (0, 0), 9.0) / cv2.GaussianBlur(own, (0, 0), 9.0)[..., None]
    outfit.paint(outfit.head + skin - broad, mask)


def _scalp(outfit: Outfit, skin: Array, inside: Array) -> Array:
    """Skin lit as a round skull is, uneven as skin is, and darker where stubble stands, [A, A, 3]."""
    light = np.clip(texel_directions() @ SKULL_LIGHT, 0, 1)
    beyond = smoothstep(inside, 0.0, FROM_HAIRLINE_PX)
    shade = 1 + beyond * (0.05 * smoothstep(light, 0.85, 1.0) - 0.13 * (1 - light))
    shade = shade + 0.010 * _noise(12, 1.5) + 0.012 * _noise(13, 22.0)
    grew = _grew(outfit) * (1 + 0.25 * _noise(14, 1.4) + 0.15 * _noise(15, 14.0))
    grey = hair_tone(outfit).mean()
    tone = 0.5 * hair_tone(outfit) + 0.5 * grey
    return np.asarray((skin + (tone - skin) * np.clip(STUBBLE * grew, 0, 1)[..., None]) * shade[..., None])


def _grew(outfit: Outfit) -> Array:
    """Where hair is rooted, [A, A] in 0..1: behind the face, not below it, and no lower than the ears."""
    maps = outfit.subject.texel_maps
    behind = 1 - smoothstep(cv2.GaussianBlur(maps["face"], (0, 0), 16), 0.08, 0.75)
    up = texel_directions()[..., 1]
    low = np.where(texel_directions()[..., 2] > -0.55, smoothstep(up, -0.32, -0.02), smoothstep(up, -0.75, -0.3))
    low = cv2.GaussianBlur(low.astype(np.float32), (0, 0), 12)
    return np.asarray(smoothstep(cv2.GaussianBlur(maps["hair"], (0, 0), 14), 0.25, 0.95) * behind * low)


def _noise(seed: int, sigma: float) -> Array:
    noise = np.random.default_rng(seed).standard_normal(texel_directions().shape[:2]).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.asarray(smooth / smooth.std())
