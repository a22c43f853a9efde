"""Eyeglasses sit before the eyes, thicken with the weight, and differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from perse_engine.errors import UnsupportedWish
from perse_engine.head.rig import BONES
from perse_engine.head.subject import PARTS, Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.synthesis.procedural import ProceduralEditor, temples
from perse_engine.synthesis.procedural.eyeglasses import eyeglasses
from perse_engine.synthesis.procedural.frames import SHAPES
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.shaven import bald
from perse_engine.synthesis.procedural.temples import temple
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import parse_wish, variants_of
from tests.perse_engine.synthesis.procedural.dressing import assert_sound, changed, parts_of

IDS = [v.id for v in variants_of("eyeglasses")]


def test_there_are_eight_variants_of_six_shapes() -> None:
    assert len(IDS) >= 8
    assert {v.slots["shape"] for v in variants_of("eyeglasses")} == set(SHAPES)


@pytest.mark.parametrize("id", IDS)
def test_geometry_is_sound_and_follows_the_head(id: str, astronaut_subject: Subject) -> None:
    for part in parts_of(astronaut_subject, "eyeglasses", id):
        assert_sound(part)
        assert (part.bone_weights[:, BONES.index("head")] == 1).all()


@pytest.mark.parametrize("id", IDS)
def test_lenses_lie_before_the_eyes(id: str, astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    right, left = parts_of(astronaut_subject, "eyeglasses", id)[-2:]
    for lens, corners in ((right, (33, 133)), (left, (263, 362))):
        eye = (outfit.landmark(corners[0]) + outfit.landmark(corners[1])) / 2
        middle = lens.vertices[-1]
        assert np.linalg.norm((middle - eye)[:2]) < 0.006
        assert middle[2] > eye[2]


@pytest.mark.parametrize("id", IDS)
def test_more_weight_shows_more(id: str, astronaut_subject: Subject) -> None:
    counts = [changed(astronaut_subject, "eyeglasses", id, w) for w in (0.0, 0.3, 1.0)]
    assert counts[0] == 0
    assert counts[1] < counts[2]


def test_outlines_differ() -> None:
    outlines = [s.outline(64) * [s.half_width, s.half_height] for s in SHAPES.values()]
    for a, b in combinations(outlines, 2):
        assert np.abs(a - b).max() > 0.02


def test_outlines_do_not_cross_themselves() -> None:
    for shape in SHAPES.values():
        x, y = shape.outline(64).T
        turn = np.unwrap(np.arctan2(y, x))
        assert (np.diff(turn) > 0).all()


def test_frames_shade_the_face(astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    before = outfit.head.copy()
    eyeglasses(outfit, Worn(((variants_of("eyeglasses")[0], 1.0),)))
    assert (before - outfit.head).max() > 0.1
    assert (before != outfit.head).any(-1).mean() < 0.2


def test_temples_hook_behind_the_ears(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    ears = look.rig.vertices[np.unique(look.faces[look.face_part == PARTS.index("ears")])]
    for part in (
        p for p in parts_of(astronaut_subject, "eyeglasses", "round-black") if np.ptp(p.vertices[:, 2]) > 0.06
    ):
        end = part.vertices[np.argmin(part.vertices[:, 2])]
        ear = ears[np.sign(ears[:, 0]) == np.sign(end[0])]
        top = ear[ear[:, 1] > ear[:, 1].max() - 0.008]
        assert end[2] < np.median(top[:, 2])
        assert end[1] < ear[:, 1].max() - 0.01
        assert abs(end[0]) < np.abs(top[:, 0]).max()


def test_temples_go_below_hair_that_covers_the_ears_and_show_on_a_bald_head(astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    eye = outfit.landmark(263)
    hinge = np.array([eye[0] + 0.01, eye[1], eye[2] + 0.01])
    buried = temple(outfit, 1.0, hinge)
    above, _, hair = temples._above(outfit, buried)
    assert above[0] > 0.003
    assert (hair > 0.95).sum() > 5
    assert above[hair > 0.95].max() < -0.003
    assert np.linalg.norm(np.diff(buried, axis=0), axis=1).max() < 0.02
    bald(outfit, 1.0)
    free = temple(outfit, 1.0, hinge)
    before_the_ear = temples._above(outfit, free)[0][: int(temples.HOOK_FROM * temples.TEMPLE_POINTS)]
    assert (before_the_ear > 0).mean() > 0.8


def _own_area(look: TexturedRig) -> float:
    """How much of the photo's own eyeglasses is there, by its area and opacity."""
    faces = look.faces[look.face_part == PARTS.index("eyeglasses")]
    a, b, c = (look.rig.vertices[faces[:, k]] for k in range(3))
    u, v = look.uv[faces].mean(1).astype(int).T
    return float((np.linalg.norm(np.cross(b - a, c - a), axis=1) * look.texture[v, u, 3]).sum())


def test_a_variant_takes_the_place_of_the_photos_own(spectacled_subject: Subject) -> None:
    editor = ProceduralEditor()
    weights = (0.0, 0.1, 0.25, 0.4, 0.5, 1.0)
    left = [_own_area(editor.dress(spectacled_subject, Look({"eyeglasses": {"square-red": w}}))) for w in weights]
    assert left[0] == _own_area(spectacled_subject.look)
    assert (np.diff(left[:5]) < 0).all()
    assert max(left[4:]) < 1e-6 * left[0]


def test_other_categories_leave_the_photos_own_on(spectacled_subject: Subject) -> None:
    look = ProceduralEditor().dress(
        spectacled_subject, Look({"hat": {"fedora-brown": 1.0}, "beard": {"full-brown": 1.0}})
    )
    assert _own_area(look) == _own_area(spectacled_subject.look)


def test_the_photos_own_can_be_wished_away(spectacled_subject: Subject, astronaut_subject: Subject) -> None:
    wish = Look({"eyeglasses": {parse_wish("without eyeglasses").to_variant().id: 1.0}})
    bare = ProceduralEditor().dress(spectacled_subject, wish)
    assert _own_area(bare) < 1e-6 * _own_area(spectacled_subject.look)
    assert not (bare.face_part == PARTS.index("added")).any()
    with pytest.raises(UnsupportedWish, match="cannot take eyeglasses away"):
        ProceduralEditor().dress(astronaut_subject, wish)
