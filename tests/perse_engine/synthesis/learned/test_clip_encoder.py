"""CLIP on a tiny model: unit vectors, of pictures and words alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from perse_engine.errors import UnknownName
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MemoryPreset
from perse_engine.models.store import ModelStore
from perse_engine.synthesis.learned.clip_encoder import ClipEncoder, open_clip
from perse_engine.synthesis.learned.encoder import attribute_gains


@pytest.fixture
def encoder(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> Iterator[ClipEncoder]:
    with open_clip(ModelLoader(tiny_store, cpu_tiny), "clip-vit-large") as opened:
        yield opened


def pictures(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 255, (count, 48, 48, 3), np.uint8))


def test_rows_have_length_one_in_one_space(encoder: ClipEncoder) -> None:
    images, texts = encoder.images(pictures(3)), encoder.texts(["a hat", "a person with long wavy blonde hair" * 9])
    assert images.shape == (3, 32) and texts.shape == (2, 32)
    assert np.allclose(np.linalg.norm(np.vstack([images, texts]), axis=1), 1, atol=1e-5)


def test_rows_do_not_depend_on_their_neighbours(encoder: ClipEncoder) -> None:
    texts = ["a hat", "a person with a beard"]
    assert np.allclose(encoder.texts(texts)[0], encoder.texts(texts[:1])[0], atol=1e-5)
    assert np.allclose(encoder.images(pictures(2))[1], encoder.images(pictures(2)[1:])[0], atol=1e-5)


def test_the_portrait_itself_gains_nothing(encoder: ClipEncoder) -> None:
    first, second = pictures(2)
    gains = attribute_gains(encoder, first, [first, second], ["a hat", "a hat"])
    assert gains[0] == pytest.approx(0, abs=1e-6)
    assert abs(gains[1]) > 1e-4


def test_a_model_of_another_role_is_refused(tiny_store: ModelStore, cpu_tiny: MemoryPreset) -> None:
    with pytest.raises(UnknownName, match="latent-encoder"), open_clip(ModelLoader(tiny_store, cpu_tiny), "sd15"):
        pass
