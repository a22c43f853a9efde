"""Masks: where geometry says, with a feather that ends exactly."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.synthesis.learned.masks import geometry_mask, hair_mask, picture_mask, soften
from perse_engine.synthesis.procedural import ProceduralEditor


def mask_of(subject: Subject, category: str, id: str) -> np.ndarray:
    dressed = ProceduralEditor().dress(subject, Look({category: {id: 1.0}}))
    return geometry_mask(subject, category, dressed)


def test_a_shape_is_grown_feathered_and_then_exactly_zero() -> None:
    inside = np.zeros((896, 896), bool)
    inside[400:500, 400:500] = True
    mask = soften(inside)
    assert (mask[inside] == 1).all()
    assert mask[450, 505] == 1 and 0 < mask[450, 515] < 1
    assert mask[450, 525:].max() == 0


def test_speckles_are_dropped() -> None:
    inside = np.zeros((896, 896), bool)
    inside[10, 10] = True
    assert not soften(inside).any()


def test_nothing_stays_nothing() -> None:
    assert not soften(np.zeros((64, 64), bool)).any()


def test_glasses_are_edited_around_the_eyes(astronaut_subject: Subject) -> None:
    mask = mask_of(astronaut_subject, "eyeglasses", "round-black")
    rows, columns = np.nonzero(mask)
    eyes = astronaut_subject.source_camera.project(
        astronaut_subject.look.rig.posed(astronaut_subject.source_pose, astronaut_subject.source_expression)
    )[astronaut_subject.landmark_vertices[[468, 473]]]
    assert rows.mean() == pytest.approx(eyes[:, 1].mean(), abs=25)
    assert columns.mean() == pytest.approx(eyes[:, 0].mean(), abs=25)
    assert mask.mean() < 0.08


def test_a_nose_is_edited_in_one_piece_at_the_nose(astronaut_subject: Subject) -> None:
    import cv2

    mask = mask_of(astronaut_subject, "nose", "wide")
    pieces, _ = cv2.connectedComponents((mask > 0).astype(np.uint8))
    assert pieces == 2
    assert 0 < mask.mean() < 0.03


def test_longer_hair_is_edited_beyond_the_hair_that_is_there(astronaut_subject: Subject) -> None:
    before = hair_mask(astronaut_subject) > 0.5
    after = mask_of(astronaut_subject, "hair", "long-wavy-blonde") > 0.5
    assert before.mean() > 0.02
    assert (after & ~before).mean() > 0.01


def test_a_picture_without_a_mask_tells_where_it_changed() -> None:
    random = np.random.default_rng(0)
    portrait = np.full((448, 448, 3), 120, np.uint8)
    # A tint of all of it and some noise are no edit.
    free = np.clip(portrait + random.normal(0, 2, portrait.shape) + np.array([6, 0, -6]), 0, 255).astype(np.uint8)
    free[100:200, 150:250] = (200, 40, 40)
    mask = picture_mask(portrait, free)
    assert (mask[100:200, 150:250] == 1).all()
    assert mask[230:].max() == 0 and mask[:70].max() == 0
