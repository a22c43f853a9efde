"""Eyeglasses on the photo are noticed; what else lies on a face is not taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.portrait.glasses import wears_eyeglasses
from perse_engine.portrait.landmarks import face_models
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.vocabulary import variants_of


def _judged(subject: Subject, look: Look) -> bool:
    """The photo with a look drawn over it, as an upload would be judged."""
    dressed = ProceduralEditor().dress(subject, look)
    vertices = dressed.rig.posed(subject.source_pose, subject.source_expression)
    image = draw(dressed, vertices, subject.source_camera, dressed.texture, supersample=2).rgba.astype(np.float32)
    picture = (image[..., :3] + (1 - image[..., 3:] / 255) * subject.work_rgb).clip(0, 255).astype(np.uint8)
    landmarks = face_models().landmarks(picture)
    assert landmarks is not None
    return wears_eyeglasses(picture, landmarks)


@pytest.mark.parametrize("id", [v.id for v in variants_of("eyeglasses")])
def test_glasses_are_noticed(id: str, astronaut_subject: Subject) -> None:
    assert _judged(astronaut_subject, Look({"eyeglasses": {id: 1}}))


@pytest.mark.parametrize(
    "look",
    [
        {},
        {"beard": {"full-brown": 1}},
        {"eyebrows": {"thick-dark": 1}},
        {"skin": {"aged": 1}},
        {"hair": {"long-straight-brown": 1}},
    ],
)
def test_nothing_else_is_taken_for_glasses(look: dict[str, dict[str, float]], astronaut_subject: Subject) -> None:
    assert not _judged(astronaut_subject, Look(look))
