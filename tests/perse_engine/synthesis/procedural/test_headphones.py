"""Headphones sit over ears and hair, grow with the weight, and differ."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from perse_engine.head.rig import BONES
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.anchors import head_triangles
from perse_engine.synthesis.procedural.headphones import headphones
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.shadow import shadow_mask
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import find_variant, variants_of
from tests.perse_engine.synthesis.procedural.dressing import assert_sound, changed, parts_of, silhouette

IDS = [v.id for v in variants_of("headphones")]
BAND = 6
"""Among the parts, behind three of each cup."""


@pytest.mark.parametrize("id", IDS)
def test_geometry_is_sound_and_follows_the_head(id: str, astronaut_subject: Subject) -> None:
    for part in parts_of(astronaut_subject, "headphones", id):
        assert_sound(part)
        assert (part.bone_weights[:, BONES.index("head")] == 1).all()


@pytest.mark.parametrize("id", IDS)
def test_cups_are_beside_the_ears(id: str, astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    points = np.vstack([p.vertices for p in parts_of(astronaut_subject, "headphones", id)])
    for index, sign in ((234, -1.0), (454, 1.0)):
        ear = outfit.landmark(index)
        near = points[np.linalg.norm((points - ear)[:, 1:], axis=1) < 0.04]
        assert len(near) > 50
        assert (sign * near[:, 0]).max() > sign * ear[0]


@pytest.mark.parametrize("id", IDS)
def test_the_band_clears_the_hair_and_stays_near_it(id: str, astronaut_subject: Subject) -> None:
    head = head_triangles(Outfit.of(astronaut_subject)).reshape(-1, 3)
    points = np.vstack([p.vertices for p in parts_of(astronaut_subject, "headphones", id)])
    middle = points[np.abs(points[:, 0]) < 0.02]
    under = head[(np.abs(head[:, 0]) < 0.02) & (np.abs(head[:, 2] - middle[:, 2].mean()) < 0.01)]
    assert -0.004 < middle[:, 1].min() - under[:, 1].max() < 0.02


def test_they_follow_the_landmarks(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    shift = np.array([0.0, 0.02, 0.01], np.float32)
    moved = replace(look, rig=look.rig.with_offset(np.broadcast_to(shift, look.rig.vertices.shape)))
    there = parts_of(replace(astronaut_subject, look=moved), "headphones", IDS[0])
    for before, after in zip(parts_of(astronaut_subject, "headphones", IDS[0]), there, strict=True):
        assert np.allclose(after.vertices.mean(0) - before.vertices.mean(0), shift, atol=1e-3)


@pytest.mark.parametrize("id", IDS)
def test_more_weight_shows_more(id: str, astronaut_subject: Subject) -> None:
    counts = [changed(astronaut_subject, "headphones", id, w) for w in (0.0, 0.3, 0.65, 1.0)]
    assert counts[0] == 0
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_they_are_never_half_transparent(weight: float, astronaut_subject: Subject) -> None:
    parts = parts_of(astronaut_subject, "headphones", IDS[0], weight)
    assert all((p.texture[..., 3] == 1).all() for p in parts)


def test_types_differ_in_silhouette(astronaut_subject: Subject) -> None:
    shapes = {}
    for v in variants_of("headphones"):
        shapes[v.slots["type"], v.slots["style"]] = silhouette(astronaut_subject, "headphones", v.id)
    assert len(shapes) >= 3
    for a, b in combinations(shapes.values(), 2):
        assert (a != b).sum() > 0.02 * max(a.sum(), b.sum())


def test_they_darken_the_head_beneath(astronaut_subject: Subject) -> None:

    mask = shadow_mask(Outfit.of(astronaut_subject), parts_of(astronaut_subject, "headphones", IDS[0]), 0.01)
    assert mask.max() > 0.6
    assert (mask > 0.1).mean() < 0.4


def test_between_two_the_band_goes_straight_without_jumps(astronaut_subject: Subject) -> None:
    first, last = find_variant("headphones", "over-ear-white-classic"), find_variant("headphones", "on-ear-red-slim")
    assert first is not None and last is not None
    paths = []
    for t in np.linspace(0, 1, 5):
        outfit = Outfit.of(astronaut_subject)
        headphones(outfit, Worn(tuple((spec, w) for spec, w in ((first, 1 - t), (last, t)) if w > 0)))
        paths.append(outfit.parts[BAND].vertices)
    jumps = np.linalg.norm(np.diff(paths, 2, axis=0), axis=-1)
    assert jumps.max() < 0.002
