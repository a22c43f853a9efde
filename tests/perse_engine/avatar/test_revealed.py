"""Skin that a look reveals takes the tone of skin that is worn."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.properties import COLOUR, PROPERTIES
from perse_engine.avatar.revealed import FEWEST, fitted_tone, revealed_skin
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from tests.perse_engine.avatar.revealing import COUNT, DARKER, revealing, revealing_models


@pytest.fixture
def models() -> dict[str, CategoryModel]:
    return revealing_models()


def _codes(models: dict[str, CategoryModel], **worn: tuple[str, float]) -> dict[str, FloatArray]:
    return {c: (np.float32(weight) * models[c].codes[id]).astype(np.float32) for c, (id, weight) in worn.items()}


def test_a_tone_is_found_from_what_it_does_to_skin() -> None:
    before = np.random.default_rng(1).uniform(0.2, 0.9, (400, 3)).astype(np.float32)
    after = before + before @ DARKER[:, :3].T + DARKER[:, 3]
    found = fitted_tone(before, after)
    assert np.abs(before @ found[:, :3].T + found[:, 3] - (after - before)).max() < 0.01


def test_a_tone_of_hardly_any_skin_is_unknown_and_changes_nothing() -> None:
    few = np.full((FEWEST - 1, 3), 0.5, np.float32)
    assert not fitted_tone(few, few * 0.5).any()


def test_skin_of_one_colour_still_gives_its_shift() -> None:
    before = np.full((FEWEST, 3), 0.5, np.float32)
    tone = fitted_tone(before, before - 0.2)
    assert np.allclose(before[:1] @ tone[:, :3].T + tone[:, 3], -0.2, atol=1e-5)


def test_what_is_revealed_gets_the_tone_by_how_much_it_is_skin(models: dict[str, CategoryModel]) -> None:
    x = np.full((COUNT, PROPERTIES), 0.5, np.float32)
    for one in revealed_skin(models, _codes(models, skin=("one", 1.0), cloth=("one", 1.0))):
        one.add(x)
    whole = DARKER @ np.array([0.5, 0.5, 0.5, 1], np.float32)
    assert np.allclose(x[1, COLOUR], 0.5 + whole, atol=1e-4)
    assert np.allclose(x[2, COLOUR], 0.5 + 0.5 * whole, atol=1e-4)
    assert (x[[0, 3, 4]] == 0.5).all() and (x[:, : COLOUR.start] == 0.5).all()


@pytest.mark.parametrize("worn", [{"skin": ("one", 1.0)}, {"cloth": ("one", 1.0)}])
def test_alone_neither_changes_it(models: dict[str, CategoryModel], worn: dict[str, tuple[str, float]]) -> None:
    assert not revealed_skin(models, _codes(models, **worn))


def test_half_a_tone_on_half_a_garment_is_a_quarter(models: dict[str, CategoryModel]) -> None:
    x = np.full((COUNT, PROPERTIES), 0.5, np.float32)
    for one in revealed_skin(models, _codes(models, skin=("one", 0.5), cloth=("one", 0.5))):
        one.add(x)
    whole = DARKER @ np.array([0.5, 0.5, 0.5, 1], np.float32)
    assert np.allclose(x[1, COLOUR], 0.5 + 0.25 * whole, atol=1e-4)


def test_its_gradient_is_that_of_finite_differences(models: dict[str, CategoryModel]) -> None:
    random = np.random.default_rng(2)
    x, towards = (random.uniform(0, 1, (COUNT, PROPERTIES)).astype(np.float64) for _ in range(2))
    (one,) = revealed_skin(models, _codes(models, skin=("one", 0.7), cloth=("one", 0.8)))

    def loss(at: FloatArray) -> float:
        moved = at.copy()
        one.add(moved)
        return float((moved * towards).sum())

    grad = towards.copy()
    one.back(grad)
    for row in (1, 2, 3):
        for column in range(COLOUR.start, COLOUR.stop):
            step = np.zeros_like(x)
            step[row, column] = 1e-4
            assert grad[row, column] == pytest.approx((loss(x + step) - loss(x - step)) / 2e-4, abs=1e-5)


def test_an_avatar_shows_it(tiny_avatar: Avatar) -> None:
    avatar = revealing(tiny_avatar)
    skin, cloth = {"skin": {"one": 1.0}}, {"cloth": {"one": 1.0}}
    plain = avatar.base[:, COLOUR]
    assert np.array_equal(avatar.bake(Look(skin)).properties[:, COLOUR], plain)
    assert np.array_equal(avatar.bake(Look(cloth)).properties[:, COLOUR], plain)
    changed = avatar.bake(Look(skin | cloth)).properties[:, COLOUR] != plain
    assert changed[1].any() and changed[2].any() and not np.delete(changed, [1, 2], 0).any()
