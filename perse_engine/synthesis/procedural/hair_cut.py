"""Hair that is cut off, or stands up: the scalp moves in to the skull or out, and its texture with it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.strands import flow_angles, strand_noise, texel_directions
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.hair_curtain import hair_tone
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

SKULL_CENTRE_M = np.array([0.0, 0.012, -0.085])
SKULL_HALF_AXES_M = np.array([0.080, 0.100, 0.100])
"""Roughly an adult skull with skin, about the world's origin (between the eyes), for a face 0.145 m wide."""
MEAN_FACE_WIDTH_M = 0.145
FRINGE_PX = 31
SKIN_SIGMAS_PX = (120.0, 40.0, 14.0)
COARSER = 4
RIM_M = (0.002, 0.030)
"""From the face's edge to here the scalp goes over from the photographed hair to the skull."""
KEPT = {"bald": 0.0, "buzz": 0.12, "short": 0.55}
"""Share of the hair's volume that a cut leaves."""
SKULL_LIGHT = np.array([0.10, 0.62, 0.78])
AFRO_M = 0.048
CURL_RAD = 0.12
"""Length of one curl along the head, about the whorl."""


def bald(outfit: Outfit, weight: float) -> None:
    """Take the hair off: it thins to the skull while the hairline recedes, so every weight is a head of its own."""
    maps = outfit.subject.texel_maps
    # Wider than the hair's own map: its tips on the forehead would give the cap away.
    hair = cv2.GaussianBlur(cv2.dilate(maps["hair"], np.ones((FRINGE_PX, FRINGE_PX))), (0, 0), FRINGE_PX / 3)
    mask = np.clip(2 * hair, 0, 1) * (1 - maps["eyebrows"]) * (1 - maps["eyes"])
    inside = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    far = inside / max(float(np.percentile(inside[mask > 0.5], 98)), 1.0) if (mask > 0.5).any() else inside
    mask = mask * smoothstep(far, 1.15 * weight, 1.15 * weight - 0.15)
    skin = _skin_around(outfit.head, maps["face"] * maps["seen"] * maps["skin"] * (hair < 0.01))
    # Lit as a round skull is, with the grain of skin.
    light = np.clip(texel_directions() @ SKULL_LIGHT, 0, 1)
    grain = cv2.GaussianBlur(np.random.default_rng(12).standard_normal(light.shape).astype(np.float32), (0, 0), 1.2)
    shade = 0.90 + 0.10 * light + 0.07 * smoothstep(light, 0.90, 1.0) + 0.012 * grain / grain.std()
    outfit.paint(skin * shade[..., None], mask)
    outfit.head_labels[mask > 0.5] = REGION_LABELS["skin"]
    outfit.offset += weight * (1 - KEPT["bald"]) * _inward(outfit.subject)


def buzz(outfit: Outfit, weight: float) -> None:
    """Millimetres of hair over skin that shines through."""
    maps = outfit.subject.texel_maps
    known = maps["face"] * maps["seen"] * maps["skin"] * (cv2.dilate(maps["hair"], np.ones((15, 15))) < 0.05)
    skin = _skin_around(outfit.head, known)
    stubble = np.exp(0.10 * strand_noise(6, 0.7, 1.2) + 0.05 * strand_noise(7, 3.0, 4.0))[..., None]
    target = (0.62 * hair_tone(outfit) + 0.38 * skin * 0.8) * stubble
    outfit.paint(target, maps["hair"] * weight)
    outfit.offset += weight * (1 - KEPT["buzz"]) * _inward(outfit.subject)


def short(outfit: Outfit, weight: float) -> None:
    """About half the volume."""
    outfit.offset += weight * (1 - KEPT["short"]) * _inward(outfit.subject)


def afro(outfit: Outfit, weight: float) -> None:
    """A round crown of tight curls."""
    look = outfit.subject.look
    scalp, away = _scalp(outfit.subject)
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
    random = np.random.default_rng(5).normal(size=(len(scalp), 1))
    outfit.offset[scalp] += (weight * grow[:, None] * (1 + 0.05 * random) * direction).astype(np.float32)
    curls(outfit, weight)


def curls(outfit: Outfit, weight: float) -> None:
    """Locks that wind from side to side about every 11 mm, each in its own time, dark between them."""
    along, across = flow_angles()
    # Neighbouring locks differ; one lock keeps its rhythm all the way down.
    phase = 2 * np.pi * along / CURL_RAD + 2.4 * strand_noise(8, 3.5, 70.0) + 1.2 * np.sin(3 * across)
    strands = 0.09 * strand_noise(9, 0.7, 5.0) + 0.12 * strand_noise(10, 2.2, 8.0)
    bent = _bent(strands, 7.0 * np.sin(phase))
    between = smoothstep(-_bent(strand_noise(11, 3.5, 40.0), 7.0 * np.sin(phase)), 0.5, 2.0)
    detail = bent + 0.20 * np.cos(phase) - 0.55 * between
    local = cv2.GaussianBlur(outfit.head, (0, 0), 12)
    target = (0.5 * local + 0.5 * hair_tone(outfit)) * np.exp(detail)[..., None]
    outfit.paint(target, outfit.subject.texel_maps["hair"] * weight)


def _bent(picture: Array, swing: Array) -> Array:
    """Move every texel of [A, A] or [A, A, 3] by `swing` texels across the flow of the hair."""
    down, right = np.gradient(flow_angles()[0])
    length = np.hypot(down, right) + 1e-6
    rows, columns = np.mgrid[0 : swing.shape[0], 0 : swing.shape[1]].astype(np.float32)
    x, y = columns - swing * down / length, rows + swing * right / length
    return np.asarray(cv2.remap(picture, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR))


def waves(outfit: Outfit, weight: float) -> None:
    """The strands that are there, bent from side to side."""
    along, across = flow_angles()
    swing = 5.0 * weight * np.sin(30 * along + 2.5 * np.sin(5 * across)) * outfit.subject.texel_maps["hair"]
    bent = _bent(outfit.head, swing)
    shade = np.exp(0.07 * weight * np.cos(30 * along + 2.5 * np.sin(5 * across)))[..., None]
    outfit.paint(bent * shade, outfit.subject.texel_maps["hair"])


def _skin_around(head: Array, known: Array) -> Array:
    """The known skin, carried on smoothly to where there is none, [A, A, 3]."""
    size = (head.shape[1], head.shape[0])
    small_size = (size[0] // COARSER, size[1] // COARSER)
    sure = (known > 0.5).astype(np.float32)
    typical = np.median(head[sure > 0] if sure.any() else head.reshape(-1, 3), 0)
    weight_of = cv2.resize(sure, small_size, interpolation=cv2.INTER_AREA)
    colour_of = cv2.resize(head * sure[..., None], small_size, interpolation=cv2.INTER_AREA)
    out = np.broadcast_to(typical, colour_of.shape).astype(np.float32)
    # From far to near: the nearest skin decides where there is some.
    for sigma in SKIN_SIGMAS_PX:
        weight = cv2.GaussianBlur(weight_of, (0, 0), sigma / COARSER)[..., None]
        mean = cv2.GaussianBlur(colour_of, (0, 0), sigma / COARSER) / np.maximum(weight, 1e-6)
        out += (mean - out) * np.clip(10 * weight, 0, 1)
    return cv2.resize(out, size, interpolation=cv2.INTER_LINEAR)


def _scalp(subject: Subject) -> tuple[Array, Array]:
    """Scalp vertices, and how far each is from the face, metres."""
    look = subject.look
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    face = np.unique(look.faces[look.face_part == PARTS.index("face")])
    distance, _ = cKDTree(look.rig.vertices[face]).query(look.rig.vertices[scalp])
    return scalp, np.asarray(distance)


def _inward(subject: Subject) -> Array:
    """Displacement of every vertex that takes the scalp onto the skull, [V, 3] metres."""
    vertices = subject.look.rig.vertices
    scalp, distance = _scalp(subject)
    inward = (vertices[scalp] - SKULL_CENTRE_M) * (MEAN_FACE_WIDTH_M / subject.measures["face_width_m"])
    reach = np.linalg.norm(inward / SKULL_HALF_AXES_M, axis=1)
    amount = smoothstep(distance, *RIM_M) * (1 - 1 / np.maximum(reach, 1))
    offset = np.zeros_like(vertices)
    offset[scalp] = amount[:, None] * (SKULL_CENTRE_M - vertices[scalp])
    return offset
