"""Tiny models, and a preset of four frames, for the package's tests."""

from __future__ import annotations

import pytest

from perse_engine.vocabulary import Preset
from perse_engine.vocabulary.presets import PRESETS
from tests.perse_engine.models.fixtures import cpu_tiny, tiny_store

__all__ = ["cpu_tiny", "tiny_store"]


@pytest.fixture
def least(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset 'least' exists."""
    monkeypatch.setitem(PRESETS, "least", Preset("least", 64, 1500, ("hair",), 1, 4, 4, 2, 0, 20))
