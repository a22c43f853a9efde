"""Photo-like pictures of the subject dressed by our own editor: beards, eyeglasses and bald heads to start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.evaluation.subject.judge import Rgb, picture
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import PARTS, Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.outfit import Outfit

Array = npt.NDArray[Any]

SKULL_CENTRE_M = np.array([0.0, 0.012, -0.085])
SKULL_HALF_AXES_M = np.array([0.080, 0.100, 0.100])
"""Roughly an adult skull with skin, about the world's origin (between the eyes), for a face 0.145 m wide."""
MEAN_FACE_WIDTH_M = 0.145
FRINGE_PX = 31
SKIN_SIGMAS_PX = (120.0, 40.0, 14.0)
RIM_M = (0.002, 0.030)
"""From the face's edge to here the scalp goes over from the photographed hair to the skull."""


def dressed(subject: Subject, look: Look) -> Rgb:
    """The source view at a look."""
    return _source_view(subject, ProceduralEditor().dress(subject, look))


def bald(subject: Subject) -> Rgb:
    """The source view with skin instead of hair, on a scalp as narrow as a skull."""
    outfit = Outfit.of(subject)
    maps = subject.texel_maps
    # Wider than the hair's own map: its tips on the forehead would give the cap away.
    hair = cv2.GaussianBlur(cv2.dilate(maps["hair"], np.ones((FRINGE_PX, FRINGE_PX))), (0, 0), FRINGE_PX / 3)
    mask = np.clip(2 * hair, 0, 1) * (1 - maps["eyebrows"]) * (1 - maps["eyes"])
    skin = _skin_around(outfit.head, maps["face"] * maps["seen"] * maps["skin"] * (mask < 0.02))
    outfit.head[...] += (skin - outfit.head) * mask[..., None]
    outfit.offset += _hair_volume(subject)
    return _source_view(subject, outfit.finish())


def _skin_around(head: Array, known: Array) -> Array:
    """The known skin, carried on smoothly to where there is none, [A, A, 3]."""
    sure = (known > 0.5).astype(np.float32)
    typical = np.median(head[sure > 0] if sure.any() else head.reshape(-1, 3), 0)
    out = np.broadcast_to(typical, head.shape).astype(np.float32)
    # From far to near: the nearest skin decides where there is some.
    for sigma in SKIN_SIGMAS_PX:
        weight = cv2.GaussianBlur(sure, (0, 0), sigma)[..., None]
        mean = cv2.GaussianBlur(head * sure[..., None], (0, 0), sigma) / np.maximum(weight, 1e-6)
        out += (mean - out) * np.clip(10 * weight, 0, 1)
    return out


def _hair_volume(subject: Subject) -> Array:
    """Displacement of every vertex that takes the scalp onto the skull, [V, 3] metres."""
    look = subject.look
    vertices = look.rig.vertices
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    face = np.unique(look.faces[look.face_part == PARTS.index("face")])
    inward = (vertices[scalp] - SKULL_CENTRE_M) * (MEAN_FACE_WIDTH_M / subject.measures["face_width_m"])
    reach = np.linalg.norm(inward / SKULL_HALF_AXES_M, axis=1)
    distance, _ = cKDTree(vertices[face]).query(vertices[scalp])
    amount = smoothstep(distance, *RIM_M) * (1 - 1 / np.maximum(reach, 1))
    offset = np.zeros_like(vertices)
    offset[scalp] = amount[:, None] * (SKULL_CENTRE_M - vertices[scalp])
    return offset


def _source_view(subject: Subject, look: TexturedRig) -> Rgb:
    return picture(replace(subject, look=look), subject.source_pose, subject.source_expression, subject.source_camera)
