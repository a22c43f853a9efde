"""Photo-like pictures of the subject dressed by our own editor: beards, eyeglasses and bald heads to start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.evaluation.subject.judge import Rgb, picture
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import PARTS, Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.outfit import Outfit, to_lab

Array = npt.NDArray[Any]

SKULL_CENTRE_M = np.array([0.0, 0.012, -0.085])
SKULL_HALF_AXES_M = np.array([0.076, 0.105, 0.100])
"""A mean adult skull with skin about the world's origin (between the eyes), for a face 0.145 m wide."""
MEAN_FACE_WIDTH_M = 0.145
RIM_M = (0.002, 0.030)
"""From the face's edge to here the scalp goes over from the photographed hair to the skull."""


def dressed(subject: Subject, look: Look) -> Rgb:
    """The source view at a look."""
    return _source_view(subject, ProceduralEditor().dress(subject, look))


def bald(subject: Subject) -> Rgb:
    """The source view with skin instead of hair, on a scalp as narrow as a skull."""
    outfit = Outfit.of(subject)
    maps = subject.texel_maps
    lab = to_lab(outfit.head)
    skin = np.median(lab[(maps["skin"] > 0.9) & (maps["face"] > 0.5) & (maps["seen"] > 0.5)], 0)
    # What is left of the hair's own contrast passes for the skin's texture.
    outfit.recolour(np.clip(1.3 * maps["hair"], 0, 1), lambda own: skin + 0.08 * (own - own.mean((0, 1))))
    outfit.offset += _hair_volume(subject)
    return _source_view(subject, outfit.finish())


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
