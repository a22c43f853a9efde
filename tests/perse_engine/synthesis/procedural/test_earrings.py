"""Earrings hang at the lobes, grow from there, and differ."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from perse_engine.head.rig import BONES
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.anchors import ear_lobe
from perse_engine.synthesis.procedural.earrings import ACROSS, AROUND
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.procedural_editor import APPLY
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.synthesis.surfaces import SPACING_M
from perse_engine.vocabulary import variants_of
from tests.perse_engine.synthesis.procedural.dressing import assert_sound, changed, dressed, parts_of, seen, silhouette

IDS = [v.id for v in variants_of("earrings")]


@pytest.mark.parametrize("id", IDS)
def test_geometry_is_sound_and_follows_the_head(id: str, astronaut_subject: Subject) -> None:
    for part in parts_of(astronaut_subject, "earrings", id):
        assert_sound(part)
        assert (part.bone_weights[:, BONES.index("head")] == 1).all()


@pytest.mark.parametrize("id", IDS)
def test_they_hang_within_centimetres_of_the_ears(id: str, astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    lobes = [ear_lobe(outfit, sign) for sign in (-1.0, 1.0)]
    for lobe, ear in zip(lobes, (93, 323), strict=True):
        assert np.linalg.norm(lobe - outfit.landmark(ear)) < 0.03
    for part in parts_of(astronaut_subject, "earrings", id):
        assert min(np.linalg.norm(part.vertices.mean(0) - lobe) for lobe in lobes) < 0.03


def test_a_hoop_grows_in_thickness(astronaut_subject: Subject) -> None:
    half, whole = (rings(parts_of(astronaut_subject, "earrings", "hoop-gold-large", w)[0]) for w in (0.5, 1.0))
    assert np.allclose(half.mean(1), whole.mean(1), atol=1e-6)
    assert np.allclose(half - half.mean(1, keepdims=True), 0.5 * (whole - whole.mean(1, keepdims=True)), atol=1e-6)


def test_a_ball_grows_evenly_in_area(astronaut_subject: Subject) -> None:
    quarter, whole = (
        np.ptp(parts_of(astronaut_subject, "earrings", "stud-pearl-medium", w)[0].vertices, 0) for w in (0.25, 1)
    )
    assert np.allclose(quarter, 0.5 * whole, rtol=1e-5)


@pytest.mark.parametrize("id", IDS)
def test_the_steps_of_a_slider_are_even(id: str, astronaut_subject: Subject) -> None:
    pictures = [
        seen(dressed(astronaut_subject, "earrings", id, w), yaw_deg=12, size_px=256).rgba.astype(int)
        for w in np.linspace(0, 1, 6)
    ]
    steps = np.array([np.abs(b - a).mean() for a, b in pairwise(pictures)])
    assert steps.std() < 0.3 * steps.mean()


def test_half_way_is_one_earring(astronaut_subject: Subject) -> None:
    outfit = Outfit.of(astronaut_subject)
    ends = ("hoop-gold-large", "stud-pearl-medium")
    APPLY["earrings"](outfit, Worn(tuple((spec, 0.5) for spec in variants_of("earrings") if spec.id in ends)))
    hoop, stud = (parts_of(astronaut_subject, "earrings", id) for id in ends)
    assert len(outfit.parts) == len(hoop) == len(stud)
    assert np.allclose(outfit.parts[0].vertices, (hoop[0].vertices + stud[0].vertices) / 2, atol=1e-6)


def rings(part: AddedPart) -> np.ndarray:
    return part.vertices.reshape(AROUND, ACROSS, 3)


def test_they_follow_the_landmarks(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    shift = np.array([0.0, 0.02, 0.01], np.float32)
    moved = replace(look, rig=look.rig.with_offset(np.broadcast_to(shift, look.rig.vertices.shape)))
    there = parts_of(replace(astronaut_subject, look=moved), "earrings", IDS[0])
    for before, after in zip(parts_of(astronaut_subject, "earrings", IDS[0]), there, strict=True):
        assert np.allclose(after.vertices - before.vertices, shift, atol=2e-4)


@pytest.mark.parametrize("id", IDS)
def test_more_weight_shows_more(id: str, astronaut_subject: Subject) -> None:
    counts = [changed(astronaut_subject, "earrings", id, w) for w in (0.0, 0.3, 0.65, 1.0)]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[-1] > counts[1]


def test_small_pieces_get_enough_points(astronaut_subject: Subject) -> None:
    surface = ProceduralEditor().added_surface(astronaut_subject, "earrings", variants_of("earrings"))
    assert surface is not None
    assert np.bincount(surface.variant).min() > 150
    assert surface.spacing_m.max() <= SPACING_M
    assert surface.spacing_m.min() < 0.6 * SPACING_M


def test_variants_differ_in_silhouette(astronaut_subject: Subject) -> None:
    shapes = {id: silhouette(astronaut_subject, "earrings", id) for id in IDS}
    assert all(s.sum() > 2 for s in shapes.values())
    kinds = {id: id.split("-")[0] for id in IDS}
    for a, b in combinations(IDS, 2):
        if kinds[a] != kinds[b]:
            assert (shapes[a] != shapes[b]).sum() > 0.3 * max(shapes[a].sum(), shapes[b].sum())
