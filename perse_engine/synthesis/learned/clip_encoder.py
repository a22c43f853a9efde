"""CLIP (Radford et al. 2021) as a latent encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import ModelLoader
from perse_engine.models.table import find_model

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]


class ClipEncoder:
    """See `LatentEncoder`."""

    def __init__(self, model: Any, processor: Any, device: str) -> None:
        self._model, self._processor, self._device = model, processor, device

    def images(self, pictures: Sequence[Rgb]) -> Array:
        """See `LatentEncoder`."""
        import torch

        given = self._processor(images=[Image.fromarray(p) for p in pictures], return_tensors="pt")
        pixels = given["pixel_values"].to(self._device, self._model.dtype)
        with torch.no_grad():
            return _unit(self._model.get_image_features(pixel_values=pixels))

    def texts(self, texts: Sequence[str]) -> Array:
        """See `LatentEncoder`; words beyond CLIP's 77 tokens are not read."""
        import torch

        given = self._processor(text=list(texts), return_tensors="pt", padding=True, truncation=True)
        with torch.no_grad():
            return _unit(self._model.get_text_features(**given.to(self._device)))


@contextmanager
def open_clip(loader: ModelLoader, model: str) -> Iterator[ClipEncoder]:
    """A CLIP model of the store.

    Raises:
        BackendMissing, CorruptFile, UnknownName, InvalidValue: see `ModelLoader.pipeline`.
    """
    find_model(model, "latent-encoder")
    with loader.transformer(model, "CLIPModel", "CLIPProcessor") as (clip, processor, device):
        yield ClipEncoder(clip, processor, device)


def _unit(output: Any) -> Array:
    features = getattr(output, "pooler_output", output)
    vectors = features.float().cpu().numpy()
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
