"""A shaven head: the forehead's skin goes on over the skull, with the shadow of stubble where hair grew.

What is soft is made at a quarter of the atlas's size.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.coarse import large, small, small_directions
from perse_engine.synthesis.procedural.hair_curtain import hair_tone
from perse_engine.synthesis.procedural.hair_region import of_the_scalp
from perse_engine.synthesis.procedural.outfit import Outfit, to_lab
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.synthesis.procedural.skull import cropped
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

FRINGE = 4
SHADOW = 6
"""How far beyond the hair's map its tips lie on the skin, and its shadow and glow beyond those, small texels."""
SKIN_SIGMAS = (30.0, 15.0, 7.5)
LIKE_SKIN = 16.0
"""CIE Lab: what differs more from the person's skin is no example of it."""
SKULL_LIGHT, AS_USUAL = np.array([0.10, 0.62, 0.78], np.float32), 0.04
"""Where light comes from where a face tells nothing, and how much that counts beside what it tells."""
SHINES_AT = np.array([0.0, 0.8, 0.5])
"""What the light shines on turns from there: lamps hang from ceilings."""
FALLOFF, GLOSS, GLOSS_WIDTH, HOLLOW = 0.36, 0.17, 0.028, 0.08
"""How much darker a skull gets away from the light, how much it shines and how widely, and how dark temples are."""
FROM_HAIRLINE = 27.0
"""The skull gets its own shading so far behind the last skin that the photo shows, small texels."""
STUBBLE = 0.40


def bald(outfit: Outfit, weight: float) -> None:
    """Take the hair off: it thins to the skull while the hairline recedes, so every weight is a head of its own."""
    maps = outfit.subject.texel_maps
    own = of_the_scalp(small(maps["hair"]), small(maps["face"]))
    # Wider than the hair's own map: its tips on the forehead would give the cap away.
    hair = _wider(own, FRINGE)
    near = _wider(hair, SHADOW)
    kept = small(maps["eyebrows"]) * (1 - smoothstep(cv2.GaussianBlur(own, (0, 0), 1.0), 0.05, 0.3))
    bare = (1 - kept) * (1 - small(maps["eyes"]))
    mask = np.clip(2 * hair, 0, 1) * bare
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    far = inside / max(float(np.percentile(inside[mask > 0.5], 98)), 1.0) if (mask > 0.5).any() else inside
    mask = mask * smoothstep(far, 1.15 * weight, 1.15 * weight - 0.15)
    skin = skin_around(outfit, near < 0.05)
    beside = cv2.GaussianBlur(near, (0, 0), 5.0) * bare * small(maps["seen"] * (1 - maps["lips"]))
    # Skin beside the hair gets the tone that it has elsewhere and keeps its grain.
    lift = large(skin - cv2.GaussianBlur(small(outfit.head), (0, 0), 2.3))
    outfit.paint(outfit.head + lift, large(np.clip(1.3 * beside, 0, 1) * weight))
    covered = large(mask)
    outfit.paint(_scalp(outfit, own, skin, inside), covered)
    outfit.head_labels[covered > 0.5] = REGION_LABELS["skin"]
    outfit.offset += weight * cropped(outfit.subject, 0.0)


def skin_around(outfit: Outfit, known: Array) -> Array:
    """The person's skin, carried on smoothly from where it is seen and `known` to where it is not.

    Args:
        known: [S, S] bool at a quarter of the atlas's size, as the answer, [S, S, 3].
    """
    maps, head = outfit.subject.texel_maps, small(outfit.head)
    sure = small(maps["seen"] * maps["skin"] * (1 - maps["eyes"])) * known
    lab = to_lab(head)
    typical = np.median(lab[(sure > 0.9) & (small(maps["face"]) > 0.9)], 0)
    sure = sure * (np.linalg.norm(lab - typical, axis=-1) < LIKE_SKIN)
    out = np.broadcast_to(np.median(head[sure > 0.5], 0), head.shape).astype(np.float32)
    # From far to near: the nearest skin decides where there is some.
    for sigma in SKIN_SIGMAS:
        weight = cv2.GaussianBlur(sure, (0, 0), sigma)[..., None]
        mean = cv2.GaussianBlur(head * sure[..., None], (0, 0), sigma) / np.maximum(weight, 1e-6)
        out += (mean - out) * np.clip(10 * weight, 0, 1)
    return out


def _wider(area: Array, reach: int) -> Array:
    """An area [S, S] and what is near it, with soft borders."""
    size = 2 * reach + 1
    return cv2.GaussianBlur(cv2.dilate(area, np.ones((size, size))), (0, 0), size / 3)


def _scalp(outfit: Outfit, own: Array, skin: Array, inside: Array) -> Array:
    """Skin lit as a round skull is, uneven as skin is, and darker where stubble stands, [A, A, 3]."""
    behind = smoothstep(inside, 0.0, FROM_HAIRLINE)[..., None]
    shade, shine = (layer[..., None] for layer in _round(outfit.subject))
    shade = 1 + behind * (shade - 1)
    seen = hair_tone(outfit)
    stubble = 0.5 * seen + 0.5 * seen.mean()
    grew = (STUBBLE * _grew(outfit, own))[..., None]
    plain = skin * shade
    plain = plain + np.sqrt(behind) * shine * (1 - plain)
    uneven, standing = _grains()
    darker = large(grew * (stubble * shade - plain)) * standing[..., None]
    return np.asarray(large(plain) * uneven[..., None] + darker)


@remembered
def _round(subject: Subject) -> Array:
    """A skull's shade, about 1, and shine in the light that the photo's face is in, [2, S, S]."""
    directions, head = small_directions(), small(subject.look.texture[:ATLAS_PX, :ATLAS_PX, :3])
    maps = {name: small(subject.texel_maps[name]) for name in ("face", "skin", "seen", "beard")}
    sure = (maps["face"] > 0.9) & (maps["skin"] > 0.95) & (maps["seen"] > 0.8) & (maps["beard"] < 0.1)
    light = SKULL_LIGHT / np.linalg.norm(SKULL_LIGHT)
    if sure.sum() > 100:
        bright = head[sure].mean(-1) / np.median(head[sure].mean(-1)) - 1
        apart = directions[sure] - directions[sure].mean(0)
        # The gradient of brightness over the face, where that says something.
        normal = apart.T @ apart / len(apart) + AS_USUAL * np.eye(3)
        light = np.linalg.solve(normal, apart.T @ bright / len(apart) + AS_USUAL * light)
        light /= np.linalg.norm(light)
    halfway = light + SHINES_AT
    halfway /= np.linalg.norm(halfway)
    shade = 1 - FALLOFF * (1 - np.clip(0.5 + 0.5 * directions @ light, 0, 1)) ** 1.5
    aside, up, forward = (directions[..., i] for i in range(3))
    temples = np.exp(-(((np.abs(aside) - 0.78) / 0.16) ** 2) - ((up - 0.28) / 0.22) ** 2)
    shade = shade * (1 - HOLLOW * temples * smoothstep(forward, 0.1, 0.5)) * (1 - 0.12 * smoothstep(-up, 0.1, 0.7))
    return np.stack([shade, GLOSS * np.exp((directions @ halfway - 1) / GLOSS_WIDTH)])


def _grew(outfit: Outfit, own: Array) -> Array:
    """Where hair is rooted, [S, S] in 0..1: behind the face, and no lower than the ears or the nape."""
    face = cv2.GaussianBlur(small(outfit.subject.texel_maps["face"]), (0, 0), 4.0)
    up, front = small_directions()[..., 1], small_directions()[..., 2]
    low = np.where(front > -0.55, smoothstep(up, -0.32, -0.02), smoothstep(up, -0.75, -0.3)).astype(np.float32)
    hair = smoothstep(cv2.GaussianBlur(own, (0, 0), 3.5), 0.25, 0.95)
    return np.asarray(hair * (1 - smoothstep(face, 0.08, 0.75)) * cv2.GaussianBlur(low, (0, 0), 3.0))


@cache
def _grains() -> tuple[Array, Array]:
    """Factors about 1 of skin and of stubble over the atlas, [A, A] each."""
    uneven = 1 + 0.016 * _noise(12, 1.3) + 0.012 * _noise(16, 6.0) + 0.015 * _noise(13, 22.0)
    return uneven, np.clip(1 + 0.25 * _noise(14, 1.4) + 0.15 * _noise(15, 14.0), 0, 2)


def _noise(seed: int, sigma: float) -> Array:
    noise = np.random.default_rng(seed).standard_normal((ATLAS_PX, ATLAS_PX)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return np.asarray(smooth / smooth.std())
