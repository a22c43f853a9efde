"""A tiny avatar, trained once for all tests."""

from __future__ import annotations

from tests.perse_engine.avatar.fixtures import tiny_avatar
from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe

__all__ = ["tiny_avatar", "tiny_dataset", "tiny_recipe"]
