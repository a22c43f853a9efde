"""What a model takes on this machine: seconds to load and to run, and memory, by the code that jobs run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from perse_engine.errors import InvalidValue
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.models.loading import ModelLoader
from perse_engine.models.table import find_model
from perse_engine.synthesis.learned.image_editor import open_image_editor
from perse_engine.synthesis.learned.masks import hair_mask
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.trajectory import make_trajectory
from perse_engine.synthesis.video.chunks import Chunk
from perse_engine.synthesis.video.path import video_path
from perse_engine.synthesis.video.reference import reference_picture
from perse_engine.synthesis.video.video_model import Shot, open_video_model

WORDS = "a photo of a person with long wavy blonde hair"
LOOK = Look({"hair": {"long-wavy-blonde": 1.0}})
MOMENTS = 24
"""With the frames between, more than a chunk has."""


@dataclass(frozen=True)
class Measured:
    """One model on one machine.

    Attributes:
        load_s: until it can make pictures, its words encoded.
        first_s: the first picture or chunk, with what is compiled for it. again_s: the second.
        step_s: again_s per denoising step; decoding and encoding are in it.
        frames: of the chunk; 1 for a picture. side_px: of the picture.
        peak_gb: the most that torch held on the GPU; None without one.
    """

    model: str
    memory: str
    device: str
    load_s: float
    first_s: float
    again_s: float
    step_s: float
    frames: int
    side_px: int
    peak_gb: float | None


def measure_model(subject: Subject, name: str, loader: ModelLoader) -> Measured:
    """Make two pictures, or two times a chunk of a video as long as chunks may be.

    Raises:
        InvalidValue: it is neither an editor nor an animator.
        BackendMissing, CorruptFile, UnknownName: see `ModelLoader.check`.
    """
    spec, memory = find_model(name), loader.memory
    if spec.role not in ("image-editor", "portrait-animator"):
        raise InvalidValue(f"{name} is a {spec.role}; image editors and portrait animators are measured.")
    loader.check({spec.role: name})
    _forget_peak()
    began = time.perf_counter()
    if spec.role == "image-editor":
        mask = hair_mask(subject)
        with open_image_editor(loader, name, [WORDS]) as editor:
            load_s = time.perf_counter() - began
            times = _twice(lambda: editor.edit(subject.work_rgb, mask, WORDS, 0))
        frames, side = 1, memory.edit_px
    else:
        shot = _shot(subject, memory.video_px)
        chunk = Chunk(0, memory.chunk_frames, 0)
        began = time.perf_counter()
        with open_video_model(loader, name, [WORDS]) as model:
            load_s = time.perf_counter() - began
            times = _twice(lambda: model.film(shot, chunk, []))
        frames, side = len(chunk.added), memory.video_px
    own = find_model(spec.distilled).steps if memory.is_distilled and spec.distilled else spec.steps
    step_s = times[1] / (memory.steps or own)
    return Measured(name, memory.name, memory.device(), load_s, *times, step_s, frames, side, _peak_gb())


def _shot(subject: Subject, side_px: int) -> Shot:
    dressed = ProceduralEditor().dress(subject, LOOK)
    path = video_path(make_trajectory(MOMENTS, side_px, 0), side_px)
    reference = reference_picture(subject, LOOK, dressed, None, path.frames[0].camera)
    return Shot(subject, dressed, path, reference, WORDS, 0)


def _twice(work: Callable[[], object]) -> tuple[float, float]:
    times = []
    for _ in range(2):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return times[0], times[1]


def _forget_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_gb() -> float | None:
    import torch

    return torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else None
