"""The tiny avatar, its exact pictures and its measures, once for the package's tests."""

from __future__ import annotations

import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.evaluation.avatar.distance import OctaveDistance
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.measures import AvatarMeasures, Judges, measure_avatar
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset
from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe

__all__ = ["tiny_avatar", "tiny_dataset", "tiny_recipe"]


@pytest.fixture(scope="package")
def renderer(tiny_avatar: Avatar) -> Renderer:
    return Renderer(tiny_avatar, "cpu")


@pytest.fixture(scope="package")
def exact(astronaut_subject: Subject) -> ExactPictures:
    return ExactPictures(astronaut_subject)


@pytest.fixture(scope="package")
def judges(tiny_dataset: Dataset, exact: ExactPictures) -> Judges:
    return Judges(tiny_dataset, exact, OctaveDistance())


@pytest.fixture(scope="package")
def measures(renderer: Renderer, judges: Judges) -> AvatarMeasures:
    return measure_avatar(renderer, judges, SilentProgress())
