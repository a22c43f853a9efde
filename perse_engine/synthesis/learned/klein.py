"""FLUX.2 klein as an image editor: instructions on the whole picture, inpainting under a mask."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import Loaded

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

MAX_WORDS = 512
"""Tokens that the text encoder reads, as in the released pipeline."""


class KleinEditor:
    """See `ImageEditor`."""

    def __init__(self, loaded: Loaded, prompts: tuple[str, ...]) -> None:
        import torch

        self._loaded = loaded
        pipe = loaded.pipeline
        # The hidden states at a quarter, a half and three quarters of the encoder's depth: 9, 18, 27 of 36.
        depth = pipe.text_encoder.config.num_hidden_layers
        layers = (depth // 4, depth // 2, 3 * depth // 4)
        self._words = {}
        with loaded.encode_once(("text_encoder",)), torch.no_grad():
            for prompt in prompts:
                self._words[prompt], _ = pipe.encode_prompt(
                    prompt, device=loaded.device, max_sequence_length=MAX_WORDS, text_encoder_out_layers=layers
                )
        loaded.place()

    def edit(self, image: Rgb, mask: Array | None, prompt: str, seed: int) -> Rgb:
        """See `ImageEditor`."""
        import torch

        picture = Image.fromarray(image)
        arguments = {
            "prompt_embeds": self._words[prompt],
            "height": image.shape[0],
            "width": image.shape[1],
            "num_inference_steps": self._loaded.steps,
            "guidance_scale": self._loaded.guidance,
            # On the CPU, so that a seed means the same on every GPU.
            "generator": torch.Generator("cpu").manual_seed(seed),
        }
        if mask is None:
            made = self._loaded.pipeline(image=picture, **arguments).images[0]
        else:
            hard = Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8))
            made = self._inpainting()(
                image=picture, mask_image=hard, image_reference=picture, strength=1.0, **arguments
            ).images[0]
        return np.asarray(made.convert("RGB"))

    def _inpainting(self) -> Any:
        """The same parts as a pipeline that paints under a mask.

        Made for each picture: one that is kept would hold the parts after the loader has freed them.
        """
        from diffusers import Flux2KleinInpaintPipeline

        pipe = self._loaded.pipeline
        # Not from_pipe, which turns the weights into float32.
        inpaint = cast("Any", Flux2KleinInpaintPipeline(**pipe.components, is_distilled=pipe.config.is_distilled))
        inpaint.set_progress_bar_config(disable=True)
        return inpaint
