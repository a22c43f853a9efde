"""Ears: their place on the head, their relief, and hair over them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from perse_engine.head.atlas import head_uv
from perse_engine.head.ears import RINGS, Ear, ears_in_photo, shape_ears
from perse_engine.head.head_frame import HeadFrame, head_frame
from perse_engine.head.scalp import HeadSurface, head_surface
from perse_engine.head.subject import PARTS, Subject
from perse_engine.portrait.portrait import PortraitAnalysis


def shaped(analysis: PortraitAnalysis) -> tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]:
    frame = head_frame(analysis)
    surface = head_surface(frame, analysis.regions)
    uv, _ = head_uv(surface, frame.landmarks)
    return frame, surface, shape_ears(analysis, frame, surface, uv)


@pytest.fixture(scope="module")
def bare(astronaut_analysis: PortraitAnalysis) -> tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]:
    """The sample without hair at all."""
    regions = astronaut_analysis.regions
    return shaped(replace(astronaut_analysis, regions=replace(regions, hair=np.zeros_like(regions.hair))))


def test_ears_are_as_long_as_ears_are(bare: tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]) -> None:
    for ear in bare[2]:
        height = np.ptp(ear.grid[..., 1])
        assert 50 < height < 72
        assert 0.3 < np.ptp(ear.grid[..., 2]) / height < 0.75


def test_they_lie_beside_the_face_and_look_alike(bare: tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]) -> None:
    frame, _, (right, left) = bare
    assert right.grid[..., 0].max() < 0 < left.grid[..., 0].min()
    for ear, tragus in ((right, 234), (left, 454)):
        assert np.linalg.norm(ear.grid.reshape(-1, 3) - frame.landmarks[tragus], axis=1).min() < 15
        assert ear.grid[..., 2].max() < frame.landmarks[1, 2] - 50
    assert np.allclose(right.relief, left.relief, atol=1.0)


def test_the_relief_has_a_rim_above_a_hollow(bare: tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]) -> None:
    ear = bare[2][0]
    inside = ear.relief[ear.inside > 0]
    assert inside.max() > 3 and inside.min() < -6


def test_the_back_does_not_show_through_the_front(bare: tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]) -> None:
    for ear in bare[2]:
        front, back = (ear.grid[:, part].reshape(-1, 3) for part in (slice(2, RINGS - 3), slice(RINGS, None)))
        # In the ear's own plane the nearest point of the front lies above it.
        across = np.eye(3) - np.outer(ear.normal, ear.normal)
        near = cKDTree(front @ across).query(back @ across, distance_upper_bound=1.5)
        beside = np.isfinite(near[0])
        assert beside.sum() > 50
        assert (((front[near[1][beside]] - back[beside]) @ ear.normal) > 0).mean() > 0.97


def test_hair_lies_over_the_ears_that_it_hides(
    astronaut_analysis: PortraitAnalysis, bare: tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]
) -> None:
    ears = shaped(astronaut_analysis)[2]
    for covered, free in zip(ears, bare[2], strict=True):
        upper = covered.grid[..., 1] > np.median(covered.grid[..., 1])
        reach, free_reach = (np.linalg.norm(e.grid, axis=-1)[upper].max() for e in (covered, free))
        assert reach < free_reach


def test_their_pixels_are_named(bare: tuple[HeadFrame, HeadSurface, tuple[Ear, Ear]]) -> None:
    frame, _, ears = bare
    mask = ears_in_photo(ears, frame)
    middle = frame.project(ears[0].grid.reshape(-1, 3).mean(0)[None])[0, :2].astype(int)
    assert mask[middle[1], middle[0]] == 1
    assert 0.0005 < mask.mean() < 0.03


def test_a_subject_has_two_in_the_colour_of_its_skin(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    faces = look.faces[look.face_part == PARTS.index("ears")]
    assert len(faces) > 1000
    x = look.rig.vertices[np.unique(faces), 0]
    assert (x < -0.03).sum() == (x > 0.03).sum() > 500
    uv = look.uv[np.unique(faces)].astype(int)
    colour = np.median(look.texture[uv[:, 1], uv[:, 0], :3], 0)
    assert colour[0] > colour[1] > colour[2]
