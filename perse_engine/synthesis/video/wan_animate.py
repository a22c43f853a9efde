"""Wan-Animate as a video model: a picture of the look, moved by a skeleton and by crops of a face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from perse_engine.models.loading import Loaded
from perse_engine.synthesis.video.backdrop import over_backdrop
from perse_engine.synthesis.video.chunks import Chunk
from perse_engine.synthesis.video.driving import Skeleton, face_crops
from perse_engine.synthesis.video.video_model import Shot, rendered

if TYPE_CHECKING:
    import torch

Rgb = npt.NDArray[np.uint8]

PROMPT = "视频中的人在做动作"
"""What the weights were trained with: "the person in the video is moving"."""
MAX_WORDS = 512
"""Tokens that the text encoder reads, as in the released pipeline."""


class WanAnimate:
    """See `VideoModel`. The prompt is always the same; the look is the reference's."""

    def __init__(self, loaded: Loaded) -> None:
        import torch

        self._loaded, self._pipe = loaded, loaded.pipeline
        with loaded.encode_once(("text_encoder",)), torch.no_grad():
            self._words, _ = self._pipe.encode_prompt(
                PROMPT, do_classifier_free_guidance=False, device=loaded.device, max_sequence_length=MAX_WORDS
            )
        loaded.place()
        self._conditions = self._pipe.prepare_prev_segment_cond_latents
        self._previous: torch.Tensor | None = None
        # The pipeline goes on from the end of its own last segment only; ours may lie on disk.
        self._pipe.prepare_prev_segment_cond_latents = self._continued

    def film(self, shot: Shot, chunk: Chunk, previous: Sequence[Rgb]) -> list[Rgb]:
        """See `VideoModel`."""
        import torch

        frames = shot.path.frames[chunk.start : chunk.stop]
        skeleton = Skeleton.of(shot.subject)
        pictures = [over_backdrop(image.rgba) for image in rendered(shot.subject.look, frames)]
        faces = face_crops(shot.subject, frames, pictures, self._pipe.transformer.config.motion_encoder_size)
        self._previous = _tensor(previous, self._loaded.device) if chunk.known else None
        size = shot.reference.shape[0]
        made = self._pipe(
            image=Image.fromarray(shot.reference),
            pose_video=[Image.fromarray(skeleton.draw(f)) for f in frames],
            face_video=[Image.fromarray(f) for f in faces],
            prompt_embeds=self._words,
            height=size,
            width=size,
            segment_frame_length=len(frames),
            prev_segment_conditioning_frames=max(chunk.known, 1),
            num_inference_steps=self._loaded.steps,
            guidance_scale=self._loaded.guidance,
            generator=torch.Generator("cpu").manual_seed(shot.seed + chunk.start),
            output_type="np",
        ).frames[0]
        return as_pictures(made[chunk.known :])

    def _continued(self, _none: None, **settings: Any) -> torch.Tensor:
        """The pipeline's own, told of the frames before; it asks as if there were none."""
        start = 0 if self._previous is None else 1
        return self._conditions(self._previous, **(settings | {"start_frame": start}))


def as_pictures(frames: npt.NDArray[np.float32]) -> list[Rgb]:
    """Frames [T, H, W, 3] 0..1 as bytes."""
    return list(np.clip(np.asarray(frames) * 255 + 0.5, 0, 255).astype(np.uint8))


def _tensor(frames: Sequence[Rgb], device: str) -> torch.Tensor:
    """Pictures as [1, 3, T, H, W], -1..1."""
    import torch

    stacked = torch.from_numpy(np.stack(frames)).to(device).float() / 127.5 - 1
    return stacked.permute(3, 0, 1, 2)[None]
