"""An avatar of the sample portrait, trained for a few seconds, once per package that asks for it."""

from __future__ import annotations

import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.training import train
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Dataset


@pytest.fixture(scope="package")
def tiny_avatar(
    astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> Avatar:
    """60 steps at 64 px with 3000 Gaussians; do not change its arrays."""
    folder = tmp_path_factory.mktemp("training")
    return train(astronaut_subject, tiny_dataset, tiny_recipe, folder, SilentProgress())[0]
