"""A tiny avatar that has learned a few variants, each of which was added once for the package's tests."""

from __future__ import annotations

import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.growth.grow import Grown, add_variant
from perse_engine.head.subject import Subject
from perse_engine.progress import SilentProgress
from perse_engine.vocabulary import VariantSpec, parse_wish
from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe

__all__ = ["tiny_avatar", "tiny_dataset", "tiny_recipe"]


def wish(text: str) -> VariantSpec:
    """The variant that a text asks for."""
    return parse_wish(text).to_variant()


@pytest.fixture(scope="package")
def curly(tiny_avatar: Avatar, astronaut_subject: Subject) -> Grown:
    """The tiny avatar with short curly hair."""
    return add_variant(tiny_avatar, astronaut_subject, wish("short curly auburn hair"), SilentProgress())


@pytest.fixture(scope="package")
def both(curly: Grown, astronaut_subject: Subject) -> Grown:
    """The same with a hat too, a category that it was not trained with."""
    return add_variant(curly.avatar, astronaut_subject, wish("green beret hat"), SilentProgress())
