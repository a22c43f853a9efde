"""Garments dress the torso and nothing else, follow its weight, and look like different cloth."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from perse_engine.errors import UnsupportedWish
from perse_engine.head.rig import BONES
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.fabric import fold_height, patterned
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.procedural_editor import APPLY
from perse_engine.synthesis.procedural.torso_chart import chart_of, torso_of
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import REGION_LABELS, variants_of
from tests.perse_engine.synthesis.procedural.dressing import assert_sound, changed, dressed, parts_of, seen

IDS = [v.id for v in variants_of("cloth")]


@pytest.mark.parametrize("id", IDS)
def test_geometry_is_sound_and_follows_torso_and_neck(id: str, astronaut_subject: Subject) -> None:
    parts = parts_of(astronaut_subject, "cloth", id)
    assert parts
    for part in parts:
        assert_sound(part)
        assert np.allclose(part.bone_weights[:, [BONES.index("torso"), BONES.index("head")]].sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("id", IDS)
def test_the_face_stays_as_it_is(id: str, astronaut_subject: Subject) -> None:
    before, after = seen(astronaut_subject.look), seen(dressed(astronaut_subject, "cloth", id))
    rows = np.where((before.rgba != after.rgba).any((1, 2)))[0]
    assert rows.min() > 0.6 * len(before.rgba)


@pytest.mark.parametrize("id", IDS)
def test_more_weight_shows_more(id: str, astronaut_subject: Subject) -> None:
    counts = [changed(astronaut_subject, "cloth", id, w) for w in (0.0, 0.3, 1.0)]
    assert counts[0] == 0
    assert counts[1] <= counts[2]
    source = seen(astronaut_subject.look).rgba.astype(float)
    far = [np.abs(seen(dressed(astronaut_subject, "cloth", id, w)).rgba - source).sum() for w in (0.3, 0.65, 1.0)]
    assert far == sorted(far)


def test_pieces_lie_on_the_torso_and_begin_under_it(astronaut_subject: Subject) -> None:
    torso = torso_of(astronaut_subject)
    for weight, most in ((0.02, 0.012), (1.0, 0.035)):
        for part in parts_of(astronaut_subject, "cloth", IDS[0], weight):
            away = [np.linalg.norm(torso.points - v, axis=-1).min() for v in part.vertices[::41]]
            assert max(away) < most


def test_no_step_of_the_torso_tears_the_lapels(astronaut_subject: Subject) -> None:
    for lapel in parts_of(astronaut_subject, "cloth", "suit-grey-solid")[-2:]:
        corners = lapel.vertices[lapel.faces]
        assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max() < 0.020


def test_they_follow_the_subject(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    shift = np.array([0.0, 0.02, 0.01], np.float32)
    moved = replace(look, rig=look.rig.with_offset(np.broadcast_to(shift, look.rig.vertices.shape)))
    there = parts_of(replace(astronaut_subject, look=moved), "cloth", IDS[0])
    for before, after in zip(parts_of(astronaut_subject, "cloth", IDS[0]), there, strict=True):
        assert np.allclose(after.vertices.mean(0) - before.vertices.mean(0), shift, atol=1e-3)


def test_garments_look_different(astronaut_subject: Subject) -> None:
    pictures = [seen(dressed(astronaut_subject, "cloth", id)).rgba.astype(int) for id in IDS]
    for a, b in combinations(pictures, 2):
        assert (np.abs(a - b).max(-1) > 25).sum() > 200


def test_what_is_worn_is_labelled_cloth(astronaut_subject: Subject) -> None:
    labels = seen(dressed(astronaut_subject, "cloth", IDS[0])).labels
    assert (labels[-6:] == REGION_LABELS["cloth"]).mean() > 0.7


def test_the_chart_alone_changes_little(astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    chart_of(outfit)
    before, after = seen(astronaut_subject.look).rgba.astype(int), seen(outfit.finish()).rgba.astype(int)
    assert np.abs(before - after).mean() < 1.0


def test_between_two_garments_is_one_collar_between_theirs(astronaut_subject: Subject) -> None:
    ends = {id: parts_of(astronaut_subject, "cloth", id)[:2] for id in ("t-shirt-navy-solid", "turtleneck-black-solid")}
    outfit = Outfit.of(astronaut_subject)
    APPLY["cloth"](outfit, Worn(tuple((spec, 0.5) for spec in variants_of("cloth") if spec.id in ends)))
    assert len(outfit.parts) == 2
    for half, low, high in zip(outfit.parts, *ends.values(), strict=True):
        assert np.array_equal(half.faces, low.faces) and np.array_equal(half.faces, high.faces)
        front = [part.vertices.reshape(9, -1, 3)[:, 0, 1].mean() for part in (low, half, high)]
        assert front[0] + 0.005 < front[1] < front[2] - 0.005


def test_the_neckline_moves_from_the_photos_to_the_garments(astronaut_subject: Subject) -> None:
    fronts = [
        parts_of(astronaut_subject, "cloth", "v-neck-blue-solid", w)[0].vertices.reshape(9, -1, 3)[0, 0, 1]
        for w in (0.02, 0.25, 0.5, 0.75, 1.0)
    ]
    steps = -np.diff(fronts)
    assert (steps > 0).all()
    assert steps[1:].std() < 0.2 * steps[1:].mean()


def test_a_garment_begins_as_the_photos(astronaut_subject: Subject) -> None:
    before = seen(astronaut_subject.look).rgba.astype(int)
    assert np.abs(seen(dressed(astronaut_subject, "cloth", IDS[3], 0.01)).rgba - before).mean() < 1.0


def test_an_unknown_pattern_is_refused() -> None:
    with pytest.raises(UnsupportedWish):
        patterned("zebra", np.ones(3), np.zeros(4), np.zeros(4))


def test_folds_are_millimetres() -> None:
    folds = fold_height((160, 256))
    assert 0.0005 < folds.std() < 0.004
    assert np.abs(folds).max() < 0.012
