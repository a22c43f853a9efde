"""Qwen-Image-Edit as an image editor: the choice for quality, where there is memory and time.

Its text encoder reads the picture together with the words, so it stays in memory: nothing is encoded beforehand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import Loaded

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

NO_WORDS = " "
"""What guidance leads away from, as in the released pipeline."""
IMAGE_PAD = "<|image_pad|>"


class QwenEditor:
    """See `ImageEditor`. It paints under no mask: the whole picture is changed by the words, and pasted back."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        pipe = loaded.pipeline
        pipe.register_modules(processor=QwenProcessor.of(loaded))
        loaded.place()

    def edit(self, image: Rgb, mask: Array | None, prompt: str, seed: int) -> Rgb:
        """See `ImageEditor`."""
        import torch

        guidance = self._loaded.guidance
        made = self._loaded.pipeline(
            image=[Image.fromarray(image)],
            prompt=prompt,
            negative_prompt=NO_WORDS if guidance > 1 else None,
            true_cfg_scale=guidance,
            height=image.shape[0],
            width=image.shape[1],
            num_inference_steps=self._loaded.steps,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0]
        return np.asarray(made.convert("RGB"))


class QwenProcessor:
    """Words and pictures as the text encoder's input.

    The library's own needs torchvision for videos, which are not shown to it here.
    """

    def __init__(self, tokenizer: Any, pictures: Any) -> None:
        self._tokenizer, self._pictures = tokenizer, pictures

    @staticmethod
    def of(loaded: Loaded) -> QwenProcessor:
        """The processor of a loaded model's folder."""
        from transformers import Qwen2VLImageProcessorPil

        pictures = Qwen2VLImageProcessorPil.from_pretrained(loaded.folder / "processor", local_files_only=True)
        return QwenProcessor(loaded.pipeline.tokenizer, pictures)

    def __call__(self, *, text: list[str], images: list[Any], padding: bool, return_tensors: str) -> Any:
        """Input ids, attention mask, patches of the pictures and their grids, as a BatchFeature."""
        from transformers import BatchFeature

        seen = self._pictures(images=images, return_tensors=return_tensors)
        counts = (seen["image_grid_thw"].prod(-1) // self._pictures.merge_size**2).tolist()
        filled = []
        for words in text:
            first, *others = words.split(IMAGE_PAD)
            filled.append(first + "".join(IMAGE_PAD * n + o for n, o in zip(counts, others, strict=True)))
        read = self._tokenizer(filled, padding=padding, return_tensors=return_tensors)
        return BatchFeature({**read, **seen})
