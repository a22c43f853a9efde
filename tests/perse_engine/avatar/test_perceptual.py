"""LPIPS in the training's loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.perceptual import PerceptualTerm
from perse_engine.avatar.training import train
from perse_engine.errors import BackendMissing, InvalidValue, UnknownName
from perse_engine.head.subject import Subject
from perse_engine.perception.lpips import Lpips
from perse_engine.pipeline import create_avatar
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Perceptual, Recipe
from perse_engine.synthesis.dataset import Dataset
from tests.perse_engine.perception.random_weights import lpips_weights

RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def lpips() -> Lpips:
    return Lpips("lpips-alex", lpips_weights("lpips-alex"))


def pictures() -> tuple[np.ndarray, np.ndarray]:
    first, second = RANDOM.random((2, 64, 72, 3)).astype(np.float32)
    return first, second


def test_the_term_adds_its_gradient_to_the_one_that_is_there(lpips: Lpips) -> None:
    colours, target = pictures()
    term = PerceptualTerm(lpips, 0.5)
    alone = np.zeros_like(colours)
    on_top = np.full_like(colours, 2.0)

    value = term.add(colours, target, alone)
    again = term.add(colours, target, on_top)

    assert value == again > 0
    np.testing.assert_allclose(on_top, 2 + alone, atol=1e-6)
    moved = colours + 1e-2 * alone / np.linalg.norm(alone)
    slope = (term.add(moved, target, np.zeros_like(colours)) - value) / 1e-2
    assert slope == pytest.approx(np.linalg.norm(alone), rel=0.1)


def test_the_weight_scales_value_and_gradient(lpips: Lpips) -> None:
    colours, target = pictures()
    once, thrice = np.zeros_like(colours), np.zeros_like(colours)

    assert PerceptualTerm(lpips, 0.3).add(colours, target, thrice) == pytest.approx(
        3 * PerceptualTerm(lpips, 0.1).add(colours, target, once), rel=1e-5
    )
    np.testing.assert_allclose(thrice, 3 * once, rtol=1e-4, atol=1e-9)


def test_training_with_it_gives_another_avatar(
    astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe, tiny_avatar: Avatar, tmp_path: Path,
    lpips: Lpips,
) -> None:  # fmt: skip
    term = PerceptualTerm(lpips, 0.1)

    avatar, measured = train(
        astronaut_subject, tiny_dataset, tiny_recipe, tmp_path, SilentProgress(), perceptual=term
    )  # fmt: skip

    assert np.isfinite(measured["final_loss"])
    assert avatar.base.shape == tiny_avatar.base.shape
    assert 0 < np.abs(avatar.base - tiny_avatar.base).max() < 1


def test_a_network_that_is_not_here_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "models"))
    recipe = Recipe.of("draft", perceptual=Perceptual())

    with pytest.raises(BackendMissing, match="lpips-vgg"):
        create_avatar(b"not even a photo", recipe, tmp_path / "out", SilentProgress())
    assert not (tmp_path / "out").exists()


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    recipe = Recipe.of("draft", perceptual=Perceptual("clip-vit-large"))

    with pytest.raises(UnknownName, match="perceptual-distance"):
        create_avatar(b"", recipe, tmp_path / "out", SilentProgress())


def test_recipes_keep_it() -> None:
    recipe = Recipe.of("draft", perceptual=Perceptual("lpips-alex", 0.2))

    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.fingerprint() != Recipe.of("draft").fingerprint()


@pytest.mark.parametrize("weight", [0.0, -1.0, 11.0, float("nan")])
def test_a_weight_outside_its_range_is_refused(weight: float) -> None:
    with pytest.raises(InvalidValue, match="weight"):
        Perceptual(weight=weight)
