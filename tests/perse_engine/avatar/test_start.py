"""Where an avatar starts: what each category reaches, and which of two rules where they meet."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.drawing import training_rasterizer
from perse_engine.avatar.latent import sharing
from perse_engine.avatar.pictures import Pictures
from perse_engine.avatar.start import Start, start_avatar
from perse_engine.avatar.training import RASTER_MODE
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.synthesize import synthesize


@pytest.fixture(scope="module")
def painted(tiny_recipe: Recipe, astronaut_subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A dataset of two categories that meet on the chin; `tiny_recipe` keeps its preset there."""
    recipe = Recipe.of(tiny_recipe.preset, categories=("beard", "skin"), rasterizer="cpu")
    return synthesize(astronaut_subject, recipe, tmp_path_factory.mktemp("painted"), SilentProgress())


@pytest.fixture(scope="module")
def start(painted: Dataset, astronaut_subject: Subject) -> Start:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    recipe = Recipe.from_json(painted.recipe)
    return start_avatar(astronaut_subject, painted, recipe, Pictures(painted), rasterizer, SilentProgress())


def test_a_beard_covers_the_skin_below_it(start: Start) -> None:
    beard, skin = start.categories["beard"], start.categories["skin"]
    both = np.intersect1d(beard.rows[beard.mask > 0.9], skin.rows[skin.mask > 0.9])
    assert len(both) > 20
    shares = sharing({"beard": 1.0, "skin": 1.0}, {"beard": beard.change, "skin": skin.change})
    assert (shares["beard"] == 1).all()
    assert np.median(shares["skin"][both]) < 0.2


def test_changes_are_parts_of_the_whole(start: Start) -> None:
    for model in start.categories.values():
        assert model.change.min() >= 0
        assert model.change.max() <= 1


def test_the_source_differs_nowhere_from_itself(painted: Dataset) -> None:
    pictures = Pictures(painted)
    source, skin = painted.clip("source"), next(c for c in painted.clips if c.path.startswith("skin/"))
    assert pictures.difference(source, 0).max() == 0
    found = pictures.difference(skin, 0)
    assert 0 < found.max() <= 1
    assert found[pictures.changed(skin, 0) == 0].max() < 0.02
