"""Hair that is cut off, or stands up: the scalp moves in to the skull or out, and its texture with it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.strands import flow_angles, strand_noise, texel_directions
from perse_engine.synthesis.procedural.coarse import large, small
from perse_engine.synthesis.procedural.curls import curled_head
from perse_engine.synthesis.procedural.fuzz import fuzz
from perse_engine.synthesis.procedural.hair_curtain import hair_tone
from perse_engine.synthesis.procedural.hair_region import hair_region
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.shaven import skin_around
from perse_engine.synthesis.procedural.skull import (
    SKULL_CENTRE_M,
    SKULL_HALF_AXES_M,
    cropped,
    onto_skull,
    scalp_vertices,
)

Array = npt.NDArray[Any]

KEPT = {"buzz": 0.12, "short": 0.55}
"""Share of the hair's volume that a cut leaves."""
AFRO_M = 0.048

COILS, COILED, SHEEN = (3, 6), 1.5, 0.17
"""How many times more curls an afro has than other hair, across and along, which growing stretches, their contrast, and
the light on them."""


def buzz(outfit: Outfit, weight: float) -> None:
    """Millimetres of hair over skin that shines through."""
    maps = outfit.subject.texel_maps
    skin = large(skin_around(outfit, cv2.dilate(small(maps["hair"]), np.ones((5, 5))) < 0.05))
    stubble = np.exp(0.10 * strand_noise(6, 0.7, 1.2) + 0.05 * strand_noise(7, 3.0, 4.0))[..., None]
    target = (0.62 * hair_tone(outfit) + 0.38 * skin * 0.8) * stubble
    outfit.paint(target, hair_region(outfit.subject) * weight)
    outfit.offset += weight * cropped(outfit.subject, KEPT["buzz"])


def short(outfit: Outfit, weight: float) -> None:
    """About half the volume."""
    outfit.offset += weight * (1 - KEPT["short"]) * onto_skull(outfit.subject)


def afro(outfit: Outfit, weight: float) -> None:
    """A round crown of tight curls."""
    look = outfit.subject.look
    scalp, away = scalp_vertices(outfit.subject)
    vertices = look.rig.vertices[scalp]
    outward = vertices - SKULL_CENTRE_M
    direction = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    # To a ball about the skull, from whatever hair there is; the nape and what hangs below the ears stay.
    ball = np.linalg.norm(SKULL_HALF_AXES_M) / np.sqrt(3) + AFRO_M
    grow = np.clip(ball * (1.06 + 0.06 * direction[:, 1]) - np.linalg.norm(outward, axis=1), 0, AFRO_M * 1.3)
    grow = grow * smoothstep(away, 0.0, 0.045) * smoothstep(direction[:, 1], -0.55, -0.15)
    # Ears are part of the scalp's surface, and stay as they are.
    covered = cv2.GaussianBlur(cv2.erode(outfit.subject.texel_maps["hair"], np.ones((9, 9))), (0, 0), 6)
    grow = grow * smoothstep(sample(covered, look.uv[scalp] - 0.5), 0.3, 0.9)
    outfit.offset[scalp] += (weight * grow[:, None] * direction).astype(np.float32)
    coils(outfit, weight)
    outfit.parts.append(fuzz(outfit, grow[:, None] * direction, weight))


def curls(outfit: Outfit, weight: float) -> None:
    """Ringlets in the hair's own tone."""
    local = cv2.GaussianBlur(outfit.head, (0, 0), 12)
    target = (0.5 * local + 0.5 * hair_tone(outfit)) * np.exp(curled_head())[..., None]
    outfit.paint(target, np.minimum(outfit.subject.texel_maps["hair"], hair_region(outfit.subject)) * weight)


def coils(outfit: Outfit, weight: float) -> None:
    """Small tight curls, whose lights are as bright on black hair as on fair."""
    detail = COILED * curled_head(*COILS)[..., None]
    local = cv2.GaussianBlur(outfit.head, (0, 0), 12)
    lit = SHEEN * smoothstep(detail, 0.0, 1.0) * smoothstep(texel_directions()[..., 1:2], -0.5, 0.6)
    target = (0.5 * local + 0.5 * hair_tone(outfit)) * np.exp(detail) + lit
    outfit.paint(target, np.minimum(outfit.subject.texel_maps["hair"], hair_region(outfit.subject)) * weight)


def _bent(picture: Array, swing: Array) -> Array:
    """Move every texel of [A, A] or [A, A, 3] by `swing` texels across the flow of the hair."""
    rows, columns, right, down = _across_flow()
    x, y = columns + swing * right, rows + swing * down
    return np.asarray(cv2.remap(picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR))


@cache
def _across_flow() -> Array:
    """Of every texel its row and column, and the unit vector (right, down) across the flow, [4, A, A] float32."""
    down, right = np.gradient(flow_angles()[0])
    length = np.hypot(down, right) + 1e-6
    return np.stack([*np.mgrid[0 : len(down), 0 : len(down)], -down / length, right / length]).astype(np.float32)


def waves(outfit: Outfit, weight: float) -> None:
    """The strands that are there, bent from side to side."""
    aside, forth = _waves()
    hair = outfit.subject.texel_maps["hair"]
    bent = _bent(outfit.head, 5.0 * weight * aside * hair)
    outfit.paint(bent * np.exp(0.07 * weight * forth)[..., None], hair)


@cache
def _waves() -> Array:
    """How far strands swing aside, -1..1, and a quarter of a wave later, [2, A, A] float32."""
    along, across = flow_angles()
    phase = 30 * along + 2.5 * np.sin(5 * across)
    return np.stack([np.sin(phase), np.cos(phase)]).astype(np.float32)
