"""Stable Diffusion XL's inpainting model as an image editor, for smaller GPUs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import Loaded

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

NEGATIVE = "deformed, blurry, low quality, cropped, text"
WHOLE_STRENGTH = 0.75
"""Without a mask part of the picture is kept: this model takes no instructions and would make somebody else."""


class SdxlInpainter:
    """See `ImageEditor`."""

    def __init__(self, loaded: Loaded, prompts: tuple[str, ...]) -> None:
        import torch

        self._loaded = loaded
        pipe = loaded.pipeline
        names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
        is_guided = loaded.guidance > 1
        self._words = {}
        with loaded.encode_once(("text_encoder", "text_encoder_2")), torch.no_grad():
            for prompt in prompts:
                encoded = pipe.encode_prompt(
                    prompt, device=loaded.device, do_classifier_free_guidance=is_guided, negative_prompt=NEGATIVE
                )
                self._words[prompt] = {n: e for n, e in zip(names, encoded, strict=True) if e is not None}
        loaded.place()

    def edit(self, image: Rgb, mask: Array | None, prompt: str, seed: int) -> Rgb:
        """See `ImageEditor`."""
        import torch

        where = np.ones(image.shape[:2]) if mask is None else mask
        made = self._loaded.pipeline(
            image=Image.fromarray(image),
            mask_image=Image.fromarray(np.where(where > 0, 255, 0).astype(np.uint8)),
            height=image.shape[0],
            width=image.shape[1],
            # Exactly 1: the default of 0.9999 leaves no step where there is only one.
            strength=WHOLE_STRENGTH if mask is None else 1.0,
            num_inference_steps=self._loaded.steps,
            guidance_scale=self._loaded.guidance,
            generator=torch.Generator("cpu").manual_seed(seed),
            **self._words[prompt],
        ).images[0]
        return np.asarray(made.convert("RGB"))
