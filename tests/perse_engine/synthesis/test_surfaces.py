"""Surface that a category brings: where its points are and how they come there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perse_engine.head.rig import BONES
from perse_engine.synthesis.procedural.outfit import AddedPart, rigid_to
from perse_engine.synthesis.surfaces import EARLY_WEIGHT, sample_surface

SQUARE = AddedPart(
    vertices=np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]]),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    uv=np.full((4, 2), 0.5),
    texture=np.ones((1, 1, 4), np.float32),
    label=1,
    bone_weights=rigid_to(4, BONES[1]),
)


def test_points_lie_on_the_surface_close_together() -> None:
    found = sample_surface(SQUARE, None, 3)
    assert len(found.points) > 1000 and np.all(found.variant == 3)
    assert np.abs(found.points[:, 2]).max() == 0
    assert found.points.min() >= 0 and found.points.max() <= 0.1001


def test_a_part_that_moves_in_tells_its_way() -> None:
    away = np.array([0.0, 0.2, 0.01])
    early = replace(SQUARE, vertices=SQUARE.vertices + (1 - EARLY_WEIGHT) * away)
    found = sample_surface(SQUARE, early, 0)
    assert np.allclose(found.travel, -away, atol=1e-6)


def test_a_part_that_grows_out_of_an_edge_travels_further_at_its_tip() -> None:
    early = replace(SQUARE, vertices=SQUARE.vertices * [1, EARLY_WEIGHT, 1])
    found = sample_surface(SQUARE, early, 0)
    assert np.allclose(found.travel[:, 1], found.points[:, 1], atol=1e-6)


def test_a_part_of_other_triangles_tells_nothing() -> None:
    early = replace(SQUARE, faces=SQUARE.faces[:1])
    assert not sample_surface(SQUARE, early, 0).travel.any()
    assert not sample_surface(SQUARE, None, 0).travel.any()


def test_transparent_surface_brings_no_points() -> None:
    clear = replace(SQUARE, texture=np.zeros((1, 1, 4), np.float32))
    assert len(sample_surface(clear, None, 0).points) == 0
