"""An avatar of the sample portrait, trained for a few seconds, once per process for all packages that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.lighting import source_light
from perse_engine.avatar.training import train
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Dataset


@pytest.fixture(scope="package")
def tiny_avatar(
    astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory,
    once: Callable[[str, Callable[[], Any]], Any],
) -> Avatar:  # fmt: skip
    """60 steps at 64 px with 3000 Gaussians; do not change its arrays."""

    def make() -> Avatar:
        folder = tmp_path_factory.mktemp("training")
        trained = train(astronaut_subject, tiny_dataset, tiny_recipe, folder, SilentProgress())[0]
        return replace(trained, light=source_light(astronaut_subject, trained.binding))

    avatar: Avatar = once("tiny avatar", make)
    return avatar
