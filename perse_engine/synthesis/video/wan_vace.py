"""Wan-VACE as a video model: what a look changes is painted anew into the source look's clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import Loaded
from perse_engine.synthesis.video.backdrop import over_backdrop
from perse_engine.synthesis.video.chunks import Chunk
from perse_engine.synthesis.video.frame_mask import frame_mask
from perse_engine.synthesis.video.video_model import Shot, rendered
from perse_engine.synthesis.video.wan_animate import MAX_WORDS, as_pictures

Rgb = npt.NDArray[np.uint8]

NEGATIVE = "deformed, blurry, low quality, subtitles, text, still picture"
UNKNOWN = 128
"""The grey that stands for what has to be painted."""


class WanVace:
    """See `VideoModel`. The source clip is the rig's, so its pose and expression are exact."""

    def __init__(self, loaded: Loaded, prompts: tuple[str, ...]) -> None:
        import torch

        self._loaded = loaded
        pipe = loaded.pipeline
        self._words: dict[str, dict[str, Any]] = {}
        with loaded.encode_once(("text_encoder",)), torch.no_grad():
            for prompt in prompts:
                words, others = pipe.encode_prompt(
                    prompt, negative_prompt=NEGATIVE, do_classifier_free_guidance=loaded.guidance > 1,
                    device=loaded.device, max_sequence_length=MAX_WORDS,
                )  # fmt: skip
                self._words[prompt] = {"prompt_embeds": words, "negative_prompt_embeds": others}
        loaded.place()

    def film(self, shot: Shot, chunk: Chunk, previous: Sequence[Rgb]) -> list[Rgb]:
        """See `VideoModel`."""
        import torch

        frames = shot.path.frames[chunk.start : chunk.stop]
        base, dressed = rendered(shot.subject.look, frames), rendered(shot.dressed, frames)
        masks = [frame_mask(a, b) > 0 for a, b in zip(base, dressed, strict=True)]
        video = [np.where(m[..., None], UNKNOWN, over_backdrop(b.rgba)) for b, m in zip(base, masks, strict=True)]
        # What the chunk before ended with is known everywhere.
        video[: chunk.known] = list(previous)
        masks[: chunk.known] = [np.zeros_like(m) for m in masks[: chunk.known]]
        size = shot.reference.shape[0]
        made = self._loaded.pipeline(
            video=[Image.fromarray(v.astype(np.uint8)) for v in video],
            mask=[Image.fromarray(np.where(m, 255, 0).astype(np.uint8)) for m in masks],
            reference_images=[Image.fromarray(shot.reference)],
            height=size,
            width=size,
            num_frames=len(frames),
            num_inference_steps=self._loaded.steps,
            guidance_scale=self._loaded.guidance,
            generator=torch.Generator("cpu").manual_seed(shot.seed + chunk.start),
            output_type="np",
            **self._words[shot.prompt],
        ).frames[0]
        return as_pictures(made[chunk.known :])
