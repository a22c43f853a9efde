"""Eyeglasses sit before the eyes, thicken with the weight, and differ."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from perse_engine.head.rig import BONES
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural import temples
from perse_engine.synthesis.procedural.eyeglasses import eyeglasses
from perse_engine.synthesis.procedural.frames import SHAPES
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.shaven import bald
from perse_engine.synthesis.procedural.temples import temple
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import variants_of
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
    hinge = np.array([eye[0] + 0.01, eye[1]])
    buried = temple(outfit, 1.0, hinge, float(eye[2]) + 0.01)
    above, _, hair = temples._above(outfit, buried)
    assert above[0] > 0.003
    assert (hair > 0.95).sum() > 5
    assert above[hair > 0.95].max() < -0.003
    assert np.linalg.norm(np.diff(buried, axis=0), axis=1).max() < 0.02
    bald(outfit, 1.0)
    free = temple(outfit, 1.0, hinge, float(eye[2]) + 0.01)
    before_the_ear = temples._above(outfit, free)[0][: int(temples.HOOK_FROM * temples.POINTS)]
    assert (before_the_ear > 0).mean() > 0.8
