"""Gaussians that categories own: one for each place, with a way for each variant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perse_engine.avatar.avatar import rest_points
from perse_engine.avatar.latent import CODE_SIZE, CodeNetwork
from perse_engine.avatar.owning import ANCHOR_WEIGHT, GROWING, RISE, add_surfaces, distinct
from perse_engine.avatar.placing import Placed, place_on_subject
from perse_engine.avatar.properties import COLOUR, OFFSET, OPACITY
from perse_engine.head.rig import BONES
from perse_engine.head.subject import Subject
from perse_engine.synthesis.dataset import AddedSurface

COUNT = 200
LIFT = np.array([0.0, 0.03, 0.0], np.float32)
WIDER = np.array([0.02, 0.0, 0.0], np.float32)


@pytest.fixture(scope="module")
def placed(astronaut_subject: Subject) -> Placed:
    """The head's, few of them."""
    return place_on_subject(astronaut_subject, 0.02, 0)


@pytest.fixture(scope="module")
def surface() -> AddedSurface:
    """Two variants of one object: red, and further to the side in blue; half of it only the first shows."""
    random = np.random.default_rng(0)
    points = random.uniform(-0.1, 0.1, (COUNT, 3)).astype(np.float32)
    both = np.concatenate([points, points + WIDER])
    tone = np.repeat(np.array([[1, 0, 0], [0, 0, 1]], np.float32), COUNT, 0)
    return AddedSurface(
        points=both,
        normals=np.tile(np.array([[0, 0, 1]], np.float32), (2 * COUNT, 1)),
        colours=tone,
        spacing_m=np.full(2 * COUNT, 0.002, np.float32),
        bone_weights=np.tile(np.eye(4, dtype=np.float32)[BONES.index("head")], (2 * COUNT, 1)),
        travel=np.tile(LIFT, (2 * COUNT, 1)),
        bows=np.zeros((2 * COUNT, 3, 3), np.float32),
        axis=np.tile(np.array([[1, 0, 0]], np.float32), (2 * COUNT, 1)),
        growth=np.zeros((2 * COUNT, 2), np.float32),
        swells=np.zeros((2 * COUNT, 3, 2), np.float32),
        appears=np.zeros(2 * COUNT, np.float32),
        dye=np.zeros((2 * COUNT, 2, 3), np.float32),
        variant=np.repeat([0, 1], COUNT).astype(np.uint16),
        place=np.tile(np.arange(COUNT), 2).astype(np.uint32),
        visible=np.r_[np.ones(COUNT, bool), np.arange(COUNT) < COUNT // 2],
        pushed=np.zeros((2 * COUNT, 0, 3), np.float32),
        variants=("red", "blue"),
    )


def test_what_pushes_a_place_pushes_its_gaussian(placed: Placed, surface: AddedSurface) -> None:
    pushed = np.tile(np.array([[[0, 0.01, 0], [0, 0, 0.02]]], np.float32), (2 * COUNT, 1, 1))
    beneath = replace(surface, pushed=pushed, pushers=("headphones/a", "headphones/b"))
    ways = add_surfaces(placed, {"hat": beneath}, {"hat": COUNT}).ways["hat"]
    assert list(ways.pushed) == ["headphones/a", "headphones/b"]
    assert np.allclose(ways.pushed["headphones/b"], [[0, 0, 0.02]] * COUNT)


def test_variants_of_one_object_share_gaussians(placed: Placed, surface: AddedSurface) -> None:
    both = add_surfaces(placed, {"hat": surface}, {"hat": COUNT})
    assert len(both.base) == len(placed.base) + COUNT
    assert both.ways["hat"].variants == ("red", "blue")
    assert both.ways["hat"].shown.sum(1).tolist() == [COUNT, COUNT // 2]
    assert distinct(surface) == 1.0


def test_what_is_owned_is_invisible_in_the_source_look(placed: Placed, surface: AddedSurface) -> None:
    both = add_surfaces(placed, {"hat": surface}, {"hat": COUNT})
    assert not both.base[both.owner == 0, OPACITY].any()


def test_what_appears_late_is_transparent_until_then(placed: Placed, surface: AddedSurface) -> None:
    appears = np.tile(np.linspace(0.02, 0.9, COUNT, dtype=np.float32), 2)
    one = replace(surface, appears=appears).take(np.flatnonzero(surface.variant == 0))
    both = add_surfaces(placed, {"hair": one}, {"hair": COUNT})
    own, slopes = both.base[both.owner == 0, OPACITY], both.ways["hair"].whole[0, :, OPACITY]
    assert (own <= 0).all()
    late = one.appears > RISE
    assert (own + slopes * (one.appears - RISE) <= 0)[late].all()
    assert (own + slopes * np.minimum(one.appears + RISE, 1) > 0.9).all()


@pytest.mark.parametrize(("category", "opaque_at"), [("earrings", (0.38, 0.95, 0.95)), ("hat", (0.95, 0.95, 0.95))])
def test_threads_come_slowly_and_solid_things_at_once(
    placed: Placed, surface: AddedSurface, category: str, opaque_at: tuple[float, ...]
) -> None:
    ways = add_surfaces(placed, {category: surface}, {category: COUNT}).ways[category]
    codes = np.random.default_rng(1).standard_normal((2, CODE_SIZE)).astype(np.float32)
    network = CodeNetwork.start(np.random.default_rng(2), codes, is_shared=True)
    # The coefficients of the first variant: its weight, its portion, its bows.
    first, shared = len(network.linear), network.shared
    found = []
    for weight in (0.1, 0.25, 0.6):
        h = network(np.float32(weight) * codes[0])
        opacity = h[0] * ways.whole[0, 0, OPACITY] + h[first] * ways.portion[0, 0, OPACITY]
        bows = h[first + shared :].reshape(network.bends, shared)[:, 0]
        found.append(opacity + bows @ ways.bows[0, :, 0, OPACITY])
    assert np.allclose(found, opaque_at, atol=1e-3)


def test_a_place_is_as_wide_as_each_variant_has_it(placed: Placed, surface: AddedSurface) -> None:
    spacing = np.where(surface.variant == 1, surface.spacing_m / 2, surface.spacing_m)
    ways = add_surfaces(placed, {"hat": replace(surface, spacing_m=spacing)}, {"hat": COUNT}).ways["hat"]
    both = ways.shown.all(0)
    apart = (ways.portion + ways.whole)[1] - (ways.portion + ways.whole)[0]
    assert both.any() and np.allclose(apart[both][:, GROWING], np.log(0.5), atol=1e-4)


def test_points_far_apart_in_weight_follow_anchors_of_their_own(placed: Placed, surface: AddedSurface) -> None:
    head, torso = BONES.index("head"), BONES.index("torso")
    weights = np.zeros_like(surface.bone_weights)
    weights[:, head] = np.clip(0.5 + 5 * surface.points[:, 1], 0, 1)
    weights[:, torso] = 1 - weights[:, head]
    both = add_surfaces(placed, {"hair": replace(surface, bone_weights=weights)}, {"hair": COUNT})
    follows = both.binding.rig.bone_weights[both.binding.triangles[both.owner == 0, 0]]
    assert np.abs(follows - weights[:COUNT]).max() <= ANCHOR_WEIGHT


def test_each_variant_brings_its_place_and_colour(placed: Placed, surface: AddedSurface) -> None:
    both = add_surfaces(placed, {"hat": surface}, {"hat": COUNT})
    own, ways = both.owner == 0, both.ways["hat"]
    start = rest_points(both.binding)[own] + both.base[own, :3]
    for v in range(2):
        rows = surface.variant == v
        assert np.allclose(start + (ways.portion + ways.whole)[v, :, OFFSET], surface.points[rows], atol=1e-6)
        seen = ways.shown[v]
        colours = both.base[own][:, COLOUR] + ways.portion[v, :, COLOUR]
        assert np.allclose(colours[seen], surface.colours[rows][seen], atol=1e-6)


def test_too_many_places_are_thinned_for_all_variants_alike(placed: Placed, surface: AddedSurface) -> None:
    both = add_surfaces(placed, {"hat": surface}, {"hat": 60})
    own, ways = both.owner == 0, both.ways["hat"]
    assert 20 < own.sum() <= 60
    assert ways.shown[0].all() and 0 < ways.shown[1].sum() < own.sum()
