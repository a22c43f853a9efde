"""Surface that a category brings: where its points are and how they come there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from perse_engine.head.rig import BONES
from perse_engine.synthesis.procedural.outfit import AddedPart, rigid_to
from perse_engine.synthesis.surfaces import Shape, merge_surfaces, sample_surface, shared_shapes

SQUARE = AddedPart(
    vertices=np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0], [0, 0.1, 0]]),
    faces=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    uv=np.full((4, 2), 0.5),
    texture=np.ones((1, 1, 4), np.float32),
    label=1,
    bone_weights=rigid_to(4, BONES[1]),
)


def shape(part: AddedPart = SQUARE, variant: int = 0, way: Callable[[float], np.ndarray] | None = None) -> Shape:
    """`way` gives the vertices at a weight."""
    return Shape(
        part, {} if way is None else {w: replace(part, vertices=way(w)) for w in (0.125, 0.25, 0.5, 0.75)}, variant
    )


def test_points_lie_on_the_surface_close_together() -> None:
    found = sample_surface([shape(variant=3)], 3)
    assert len(found.points) > 1000 and np.all(found.variant == 3)
    assert np.abs(found.points[:, 2]).max() == 0
    assert found.points.min() >= 0 and found.points.max() <= 0.1001


def test_half_the_spacing_has_four_times_the_places() -> None:
    wide, close = (sample_surface([shape()], 3, spacing_m=s) for s in (0.002, 0.001))
    assert len(close.place) == 4 * len(wide.place)


def test_places_of_a_smaller_shape_lie_closer() -> None:
    narrow = replace(SQUARE, vertices=SQUARE.vertices * [0.25, 1, 1])
    found = sample_surface([shape(), shape(narrow, variant=1)], 2)
    wide, close = (found.spacing_m[found.variant == k] for k in (0, 1))
    assert np.allclose(close, wide / 2)


def test_a_part_that_moves_in_tells_its_way() -> None:
    away = np.array([0.0, 0.2, 0.01])
    found = sample_surface([shape(way=lambda w: SQUARE.vertices + (1 - w) * away)], 3)
    assert np.allclose(found.travel, -away, atol=1e-6)
    assert np.allclose(found.bows, 0, atol=1e-6)


def test_a_part_that_grows_out_of_an_edge_travels_further_at_its_tip() -> None:
    found = sample_surface([shape(way=lambda w: SQUARE.vertices * [1, w, 1])], 3)
    assert np.allclose(found.travel[:, 1], found.points[:, 1], atol=1e-6)


def test_a_way_around_something_has_a_bow() -> None:
    aside = np.array([0.03, 0.0, 0.0])
    # Straight up to a quarter, as what goes on from there to weight 0 is.
    found = sample_surface([shape(way=lambda w: SQUARE.vertices + min(3 * w, 1 - w) * aside)], 3)
    assert np.allclose(found.bows, np.array([0.75, 0.5, 0.25])[:, None] * aside, atol=1e-6)
    assert np.allclose(found.travel, 0, atol=1e-6)


def test_a_part_that_grows_unevenly_tells_how_large_it_is_at_each_quarter() -> None:
    found = sample_surface([shape(way=lambda w: SQUARE.vertices * [1, w, 1])], 3)
    along = found.growth[:, :1] * (1 - np.array([0.25, 0.5, 0.75])) - found.swells[..., 0]
    assert np.allclose(along, -np.log([0.25, 0.5, 0.75]), atol=1e-4)
    assert np.allclose(found.growth[:, 1], 0, atol=1e-4) and np.allclose(found.swells[..., 1], 0, atol=1e-4)


def test_one_lower_weight_tells_a_straight_way() -> None:
    early = replace(SQUARE, vertices=SQUARE.vertices + [0.03, 0.0, 0.0])
    found = sample_surface([Shape(SQUARE, {0.4: early}, 0)], 3)
    assert np.allclose(found.travel, [-0.05, 0, 0], atol=1e-6)
    assert not found.bows.any()


def test_a_part_of_other_triangles_tells_nothing() -> None:
    way = replace(SQUARE, faces=SQUARE.faces[:1])
    assert not sample_surface([Shape(SQUARE, {0.5: way}, 0)], 3).travel.any()
    assert not sample_surface([shape()], 3).travel.any()


def test_a_part_that_is_cut_tells_from_which_weight_each_point_shows() -> None:
    upwards = replace(SQUARE, uv=SQUARE.vertices[:, :2] / 0.1 + 0.5, texture=np.ones((2, 2, 4), np.float32))
    late = np.array([[0.1, 0.1], [0.9, 0.9]], np.float32)
    found = sample_surface([shape(replace(upwards, appears=late))], 3)
    assert np.allclose(found.appears, 0.1 + 8 * found.points[:, 1], atol=0.02)
    assert not sample_surface([shape(upwards)], 3).appears.any()


def test_what_appears_tells_how_its_colour_changes() -> None:
    shows = np.zeros((1, 1), np.float32)
    full = replace(SQUARE, texture=np.array([[[0.9, 0.5, 0.1, 1.0]]], np.float32), appears=shows)
    early = replace(SQUARE, texture=np.array([[[0.3, 0.5, 0.4, 1.0]]], np.float32), appears=shows)
    beside = replace(SQUARE, texture=np.array([[[0.7, 0.5, 0.1, 1.0]]], np.float32), appears=shows)
    found = sample_surface([Shape(full, {0.4: early}, 0, {2: beside})], 3)
    assert np.allclose(found.dye[:, 0], [1.0, 0.0, -0.5], atol=1e-5)
    # Of one half of each: 0.7 = (0.9 - 1.0) + 0.5 * 1.0 + 0.5 * dye.
    assert np.allclose(found.dye[:, 2], [0.6, 0.0, -0.5], atol=1e-5)
    assert not found.dye[:, 1].any()


def test_transparent_surface_brings_no_points() -> None:
    clear = replace(SQUARE, texture=np.zeros((1, 1, 4), np.float32))
    assert len(sample_surface([shape(clear)], 3).points) == 0


def test_shapes_that_turn_into_each_other_share_places() -> None:
    wide = replace(SQUARE, vertices=SQUARE.vertices * [2, 1, 1])
    found = sample_surface([shape(variant=0), shape(wide, variant=2)], 3)
    narrow, broad = (found.take(np.flatnonzero(found.variant == v)) for v in (0, 2))
    assert np.array_equal(narrow.place, broad.place)
    assert np.allclose(broad.points, narrow.points * [2, 1, 1], atol=1e-6)
    assert len(found.one_each().place) == len(narrow.place)


def test_what_one_shape_shows_lies_invisibly_in_the_other() -> None:
    clear = replace(SQUARE, texture=np.zeros((1, 1, 4), np.float32))
    found = sample_surface([shape(variant=0), shape(clear, variant=1)], 3)
    assert found.visible[found.variant == 0].all()
    assert (found.variant == 1).sum() == (found.variant == 0).sum()
    assert not found.visible[found.variant == 1].any()


def test_groups_are_of_the_same_triangles_in_order() -> None:
    triangle = replace(SQUARE, faces=SQUARE.faces[:1])
    first, second = [shape(), shape(triangle), shape()], [shape(variant=1), shape(variant=1)]
    groups = shared_shapes([first, second])
    assert groups == [[first[0], second[0]], [first[1]], [first[2], second[1]]]


def test_merged_surfaces_keep_their_places_apart() -> None:
    one, other = sample_surface([shape(), shape(variant=1)], 3), sample_surface([shape(variant=1)], 3)
    merged = merge_surfaces([one, other], ("a", "b"))
    assert len(np.unique(merged.place)) == len(np.unique(one.place)) + len(np.unique(other.place))
