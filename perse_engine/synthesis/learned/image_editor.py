"""What an image editor promises, and opening one of the models that keep it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.models.loading import Loaded, ModelLoader
from perse_engine.models.table import find_model
from perse_engine.synthesis.learned.klein import KleinEditor
from perse_engine.synthesis.learned.qwen import QwenEditor
from perse_engine.synthesis.learned.sdxl import SdxlInpainter

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]


class ImageEditor(Protocol):
    """Changes a picture by words."""

    def edit(self, image: Rgb, mask: Array | None, prompt: str, seed: int) -> Rgb:
        """The picture as the words say, of the same size; equal arguments give equal pictures on one machine.

        Args:
            image: [S, S, 3].
            mask: [S, S] 0..1, where it may change; the whole picture when None. What comes back differs from the
                picture outside the mask too: paste it back (`paste`).
            prompt: one of those that the editor was opened with.
            seed: any integer from 0.
        """
        ...


class _Resized:
    """An image editor whose model works at another size."""

    def __init__(self, inner: ImageEditor, side_px: int) -> None:
        self._inner, self._side_px = inner, side_px

    def edit(self, image: Rgb, mask: Array | None, prompt: str, seed: int) -> Rgb:
        """See `ImageEditor`."""
        size, side = image.shape[0], self._side_px
        small = image if size == side else cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        small_mask = None if mask is None else cv2.resize(mask.astype(np.float32), (side, side))
        made = self._inner.edit(small, small_mask, prompt, seed)
        return made if size == side else cv2.resize(made, (size, size), interpolation=cv2.INTER_CUBIC)


@contextmanager
def open_image_editor(loader: ModelLoader, model: str, prompts: Sequence[str]) -> Iterator[ImageEditor]:
    """An image editor that knows `prompts`: they are encoded once, and the text encoder is freed.

    Raises:
        BackendMissing, CorruptFile, UnknownName, InvalidValue: see `ModelLoader.pipeline`.
    """
    find_model(model, "image-editor")
    with loader.pipeline(model) as loaded:
        yield _Resized(_adapter(loaded, tuple(dict.fromkeys(prompts))), loaded.memory.edit_px)


def _adapter(loaded: Loaded, prompts: tuple[str, ...]) -> ImageEditor:
    if loaded.spec.family == "flux2-klein":
        return KleinEditor(loaded, prompts)
    if loaded.spec.family == "qwen-image-edit":
        return QwenEditor(loaded)
    return SdxlInpainter(loaded, prompts)
