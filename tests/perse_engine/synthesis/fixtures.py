"""A tiny dataset, made once per process for all packages that ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.synthesize import synthesize
from tests.perse_engine.synthesis.tiny import tiny_preset


@pytest.fixture(scope="package")
def tiny_recipe() -> Iterator[Recipe]:
    """A recipe of the tiny preset, which exists while the package's tests run."""
    with tiny_preset():
        yield Recipe.of("tiny", rasterizer="cpu")


@pytest.fixture(scope="package")
def tiny_dataset(
    tiny_recipe: Recipe, astronaut_subject: Subject, tmp_path_factory: pytest.TempPathFactory,
    once: Callable[[str, Callable[[], Any]], Any],
) -> Dataset:  # fmt: skip
    """The sample portrait at 64 px; do not write into its folder."""

    def make() -> Dataset:
        return synthesize(astronaut_subject, tiny_recipe, tmp_path_factory.mktemp("dataset"), SilentProgress())

    dataset: Dataset = once("tiny dataset", make)
    return dataset
