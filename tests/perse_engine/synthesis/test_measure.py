"""Measuring tiny models."""

from __future__ import annotations

import pytest

from perse_engine.errors import InvalidValue
from perse_engine.head.subject import Subject
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MemoryPreset
from perse_engine.models.store import ModelStore
from perse_engine.synthesis.measure import measure_model
from tests.perse_engine.models.fixtures import cpu_tiny, tiny_store

__all__ = ["cpu_tiny", "tiny_store"]


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize(("model", "frames"), [("flux2-klein-4b", 1), ("wan-vace-1.3b", 13)])
def test_a_model_is_measured_by_what_it_makes(
    astronaut_subject: Subject, tiny_store: ModelStore, cpu_tiny: MemoryPreset, model: str, frames: int
) -> None:
    found = measure_model(astronaut_subject, model, ModelLoader(tiny_store, cpu_tiny))
    assert (found.model, found.frames, found.side_px) == (model, frames, 64)
    assert found.load_s > 0 and found.first_s > 0
    assert found.step_s == pytest.approx(found.again_s / 2)
    assert (found.peak_gb is None) == (found.device == "cpu")


def test_encoders_are_not_measured(astronaut_subject: Subject, tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    with pytest.raises(InvalidValue, match="clip-vit-large is a latent-encoder"):
        measure_model(astronaut_subject, "clip-vit-large", ModelLoader(tiny_store, cpu_tiny))
