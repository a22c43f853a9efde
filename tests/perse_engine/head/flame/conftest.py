"""A model in FLAME's format, and the sample portrait's head by it, made once."""

from __future__ import annotations

import pytest

from perse_engine.head.flame.embedding import embed_landmarks
from perse_engine.head.flame.flame_head import Flame, FlameHead, flame_head
from perse_engine.head.flame.model import FlameModel, flame_of
from perse_engine.portrait.portrait import PortraitAnalysis
from tests.perse_engine.head.flame.synthetic import Array, synthetic_flame


@pytest.fixture(scope="session")
def flame_arrays() -> dict[str, Array]:
    return synthetic_flame()


@pytest.fixture(scope="session")
def flame_model(flame_arrays: dict[str, Array]) -> FlameModel:
    return flame_of(flame_arrays, "0" * 64)


@pytest.fixture(scope="session")
def flame(flame_model: FlameModel) -> Flame:
    return Flame(flame_model, embed_landmarks(flame_model))


@pytest.fixture(scope="session")
def head(astronaut_analysis: PortraitAnalysis, flame: Flame) -> FlameHead:
    return flame_head(astronaut_analysis, flame)
