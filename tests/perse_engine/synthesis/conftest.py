"""One tiny dataset for the package's tests."""

from __future__ import annotations

from tests.perse_engine.synthesis.fixtures import tiny_dataset, tiny_recipe

__all__ = ["tiny_dataset", "tiny_recipe"]
