"""Where an avatar starts: what each category reaches, and which of two rules where they meet."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.latent import sharing
from perse_engine.avatar.pictures import Pictures, Sight
from perse_engine.avatar.start import Start, start_avatar
from perse_engine.avatar.training import RASTER_MODE, Trainer
from perse_engine.errors import CorruptFile
from perse_engine.head.subject import PARTS, Subject
from perse_engine.look import Look
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.storage import open_dataset, read_head, write_head
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
    models, count = {"beard": beard, "skin": skin}, len(start.placed.base)
    covers = {c: m.cover(next(iter(m.codes.values())), count) for c, m in models.items()}
    shares = sharing({"beard": 1.0, "skin": 1.0}, covers)
    assert (shares["beard"] == 1).all()
    # Most where it is dense; skin shows between its hairs, more at its border.
    assert np.quantile(shares["skin"][both], 0.1) < 0.3


def test_the_shade_of_a_beard_leaves_the_neck_its_tone(start: Start) -> None:
    beard, count = start.categories["beard"], len(start.placed.base)
    neck = start.placed.block[beard.rows] == PARTS.index("torso")
    assert neck.sum() > 10
    cover = beard.cover(next(iter(beard.codes.values())), count)[beard.rows[neck]]
    assert 0.02 < np.median(cover) < 0.5


def test_an_untrained_avatar_shows_what_the_editor_painted(start: Start, painted: Dataset) -> None:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    view = View(start.placed.binding, rasterizer, (painted.size_px, painted.size_px))
    trainer, pictures = Trainer(start, view), Pictures(painted)
    frame = painted.frames[0]
    source, _ = pictures.target(painted.clip("source"), frame.index)
    for clip in painted.clips:
        if clip.kind in ("variant", "between"):
            target = pictures.target(clip, frame.index)
            sight = Sight(frame, start.vertices[frame.index], target)
            bare, dressed = (trainer.draw(look, sight).copy() for look in (Look(), clip.look))
            changed, shown = target[0] - source, dressed - bare
            assert np.square(shown - changed).sum() < 0.3 * np.square(changed).sum(), clip.path


def test_a_head_of_another_subject_is_refused(painted: Dataset, astronaut_subject: Subject, tmp_path: Path) -> None:
    shutil.copytree(painted.folder, tmp_path / "dataset")
    head = read_head(painted.folder, "source")
    assert head is not None
    write_head(tmp_path / "dataset", "source", replace(head, vertices=head.vertices[:9], uv=head.uv[:9]))
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    foreign = open_dataset(tmp_path / "dataset")
    with pytest.raises(CorruptFile, match="9 vertices"):
        start_avatar(
            astronaut_subject,
            foreign,
            Recipe.from_json(painted.recipe),
            Pictures(foreign),
            rasterizer,
            SilentProgress(),
        )


def test_covers_are_parts_of_the_whole_one_row_for_each_variant(start: Start) -> None:
    for model in start.categories.values():
        assert model.covers.shape == (len(model.codes), len(model.rows))
        assert model.covers.min() >= 0
        assert model.covers.max() <= 1


def test_the_source_differs_nowhere_from_itself(painted: Dataset) -> None:
    pictures = Pictures(painted)
    source, skin = painted.clip("source"), next(c for c in painted.clips if c.path.startswith("skin/"))
    assert pictures.difference(source, 0).max() == 0
    found = pictures.difference(skin, 0)
    assert 0 < found.max() <= 1
    assert found[pictures.changed(skin, 0) == 0].max() < 0.02
