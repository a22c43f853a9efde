"""What a video model promises, and opening one of those that keep it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.models.loading import Loaded, ModelLoader
from perse_engine.models.table import find_model
from perse_engine.synthesis.animator import RigAnimator
from perse_engine.synthesis.dataset import Frame
from perse_engine.synthesis.video.chunks import Chunk
from perse_engine.synthesis.video.path import VideoPath

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """A clip to be filmed.

    Attributes:
        dressed: the look that it shows.
        path: its frames; their cameras have the video's size.
        reference: the look's picture in the camera of the path, over the backdrop, [S, S, 3].
        prompt: one of those that the model was opened with.
    """

    subject: Subject
    dressed: TexturedRig
    path: VideoPath
    reference: Rgb
    prompt: str
    seed: int


class VideoModel(Protocol):
    """Films a shot, a chunk at a time."""

    def film(self, shot: Shot, chunk: Chunk, previous: Sequence[Rgb]) -> list[Rgb]:
        """The frames that a chunk adds, over the backdrop, [S, S, 3]; equal arguments give equal frames.

        `previous` are the frames before them, as many as the chunk knows.
        """
        ...


def rendered(look: TexturedRig, frames: Sequence[Frame]) -> list[MeshImage]:
    """The rig's own pictures of a look."""
    return list(RigAnimator().animate(look, tuple(frames)))


@contextmanager
def open_video_model(loader: ModelLoader, model: str, prompts: Sequence[str]) -> Iterator[VideoModel]:
    """A video model that knows `prompts`: they are encoded once, and the text encoder is freed.

    Raises:
        BackendMissing, CorruptFile, UnknownName, InvalidValue: see `ModelLoader.pipeline`.
    """
    find_model(model, "portrait-animator")
    with loader.pipeline(model) as loaded:
        yield _adapter(loaded, tuple(dict.fromkeys(prompts)))


def _adapter(loaded: Loaded, prompts: tuple[str, ...]) -> VideoModel:
    from perse_engine.synthesis.video.wan_animate import WanAnimate
    from perse_engine.synthesis.video.wan_vace import WanVace

    return WanAnimate(loaded) if loaded.spec.family == "wan-animate" else WanVace(loaded, prompts)
