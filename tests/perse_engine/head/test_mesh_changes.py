"""Drawing only what changed against drawing everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.head.mesh_changes import Changes, Original
from perse_engine.head.mesh_raster import Backdrop, MeshImage, draw
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.procedural import ProceduralEditor

CAMERA = Camera.orbit(20.0, 5.0, width_px=100, height_px=76)
POSE, EXPRESSION = Pose(-15.0, 6.0), Expression({"jawOpen": 0.7, "eyeBlinkLeft": 0.8})


def drawn(look: TexturedRig) -> MeshImage:
    return draw(look, look.rig.posed(POSE, EXPRESSION), CAMERA, look.texture_for(EXPRESSION))


def drawn_over(before: TexturedRig, after: TexturedRig) -> tuple[MeshImage, float]:
    """`after` over the picture of `before`, and the share of tiles that were drawn."""
    vertices_before = before.rig.posed(POSE, EXPRESSION)
    changes = Changes(Original(before), after)
    vertices = changes.posed(vertices_before, POSE, EXPRESSION)
    stale = changes.stale(vertices_before, vertices, CAMERA)
    image = draw(after, vertices, CAMERA, after.texture_for(EXPRESSION), backdrop=Backdrop(drawn(before), stale))
    return image, float(stale.mean())


@pytest.mark.parametrize(
    ("category", "id", "most_drawn"),
    [
        ("eyebrows", "thick-dark", 0.10),
        ("nose", "wide", 0.35),
        ("skin", "deep", 0.60),
        ("eyeglasses", "round-black", 0.35),
        ("cloth", "hoodie-green-solid", 0.55),
        ("hair", "long-wavy-blonde", 0.90),
    ],
)
def test_a_picture_over_the_source_is_the_whole_picture(
    astronaut_subject: Subject, category: str, id: str, most_drawn: float
) -> None:
    after = ProceduralEditor().dress(astronaut_subject, Look({category: {id: 0.8}}))
    image, share = drawn_over(astronaut_subject.look, after)
    expected = drawn(after)
    assert np.array_equal(image.rgba, expected.rgba)
    assert np.array_equal(image.labels, expected.labels)
    assert 0 < share <= most_drawn


def test_the_same_look_is_copied_whole(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    image, share = drawn_over(look, replace(look, texture=look.texture.copy()))
    assert share == 0
    assert np.array_equal(image.rgba, drawn(look).rgba)


def test_a_patch_of_an_expression_that_changes_is_drawn(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    darker = tuple(replace(b, rgba=b.rgba * np.float32([0.5, 0.5, 0.5, 1])) for b in look.blends)
    after = replace(look, blends=darker)
    image, share = drawn_over(look, after)
    assert np.array_equal(image.rgba, drawn(after).rgba)
    assert not np.array_equal(image.rgba, drawn(look).rgba)
    assert share < 0.4


@pytest.mark.parametrize("kept", [0, 1])
def test_a_patch_that_comes_or_goes_is_drawn(astronaut_subject: Subject, kept: int) -> None:
    look = astronaut_subject.look
    after = replace(look, blends=look.blends[:kept])
    assert np.array_equal(drawn_over(look, after)[0].rgba, drawn(after).rgba)
    assert np.array_equal(drawn_over(after, look)[0].rgba, drawn(look).rgba)


def test_a_look_of_other_triangles_is_drawn_whole(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    after = replace(look, faces=look.faces[:-500], face_part=look.face_part[:-500])
    assert np.array_equal(drawn_over(look, after)[0].rgba, drawn(after).rgba)
