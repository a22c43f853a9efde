"""Filming the clips of a plan, a chunk at a time; chunks that are on disk are not made again.

clip -> path -> shot -> chunks -> frames of the dataset
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perse_engine.head.subject import Subject
from perse_engine.models.loading import ModelLoader
from perse_engine.models.memory import MemoryPreset
from perse_engine.progress import Progress
from perse_engine.scene import Camera
from perse_engine.synthesis.dataset import Clip, Frame
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.learned.prompts import plain_words
from perse_engine.synthesis.video.chunks import Chunk, VideoFolder, plan_chunks
from perse_engine.synthesis.video.path import VideoPath, video_path
from perse_engine.synthesis.video.reference import reference_picture
from perse_engine.synthesis.video.video_model import Shot, VideoModel, open_video_model
from perse_engine.vocabulary import find_variant

Rgb = npt.NDArray[np.uint8]

STAGE = "videos"
PHOTOGRAPHED = 1
"""The frame of a trajectory that is as on the photo: a video begins there, since its reference is that picture."""


@dataclass(frozen=True)
class _Work:
    clip: Clip
    path: VideoPath
    chunks: tuple[Chunk, ...]


def make_videos(
    subject: Subject, editor: AttributeEditor, clips: Sequence[Clip], frames: Sequence[Frame], model: str, seed: int,
    loader: ModelLoader, folder: VideoFolder, progress: Progress, when_complete: Callable[[Clip], None] | None = None,
) -> None:  # fmt: skip
    """A complete video of every clip, in order; the model is loaded once, and not at all where nothing is left.

    Args:
        when_complete: told of every clip before the next is begun; what it raises ends the filming.

    Raises:
        BackendMissing, CorruptFile: see `ModelLoader.pipeline`.
        Cancelled: from `progress`; chunks that are made stay.
    """
    works = [_plan(clip, frames, loader.memory) for clip in clips]
    left = [w for w in works if not folder.is_complete(w.clip.path)]
    total, done = sum(len(w.chunks) for w in works), sum(len(w.chunks) for w in works if w not in left)
    camera = frames[0].camera.resized(loader.memory.video_px, loader.memory.video_px)
    progress.report(STAGE, done, total)
    with ExitStack() as opened:
        filming: VideoModel | None = None
        for work in works:
            if work in left:
                filming = filming or opened.enter_context(
                    open_video_model(loader, model, [prompt_of(w.clip) for w in left])
                )
                for _ in _chunks(filming, _shot(subject, editor, work, folder, camera, seed), work, folder):
                    done += 1
                    progress.report(STAGE, done, total)
                folder.complete(work.clip.path, _places(work))
            if when_complete is not None:
                when_complete(work.clip)


def prompt_of(clip: Clip) -> str:
    """The words for a clip's look."""
    specs = [find_variant(c, id) for c, weights in clip.look.variants.items() for id in weights]
    words = [plain_words(s).removeprefix("a person with ") for s in specs if s is not None]
    return f"a photo of a person with {' and '.join(words)}" if words else "a photo of a person"


def _plan(clip: Clip, frames: Sequence[Frame], memory: MemoryPreset) -> _Work:
    chosen = sorted((frames[i] for i in clip.frames), key=lambda f: f.index != PHOTOGRAPHED)
    path = video_path(chosen, memory.video_px)
    return _Work(clip, path, plan_chunks(len(path.frames), memory.chunk_frames, memory.overlap_frames))


def _shot(
    subject: Subject, editor: AttributeEditor, work: _Work, folder: VideoFolder, camera: Camera, seed: int
) -> Shot:
    dressed = editor.dress(subject, work.clip.look)
    reference = reference_picture(subject, work.clip.look, dressed, folder.folder.parent / "edits", camera)
    return Shot(subject, dressed, work.path, reference, prompt_of(work.clip), seed)


def _chunks(filming: VideoModel, shot: Shot, work: _Work, folder: VideoFolder) -> Iterator[Chunk]:
    """Each chunk of a clip, once it is on disk."""
    for number, chunk in enumerate(work.chunks):
        if not folder.has_chunk(work.clip.path, number):
            known = range(chunk.start, chunk.start + chunk.known)
            previous = folder.read_positions(work.clip.path, number - 1, known) if chunk.known else []
            made = filming.film(shot, chunk, previous)
            folder.write_chunk(work.clip.path, number, dict(zip(chunk.added, made, strict=True)))
        yield chunk


def _places(work: _Work) -> dict[int, tuple[int, int]]:
    """Frame index of the dataset -> the chunk that has it, and its position."""
    chunk_of = {position: number for number, chunk in enumerate(work.chunks) for position in chunk.added}
    return {index: (chunk_of[position], position) for index, position in work.path.positions().items()}
