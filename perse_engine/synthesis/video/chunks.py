"""A video in chunks that overlap, each on disk as soon as it is made: a run that stops loses one chunk at most.

videos/<clip>/chunk-0000/%05d.png     the frames that a chunk added, by position; there when the chunk is complete
videos/<clip>/frames/%04d.png         those of the dataset, by frame index; there when the video is complete
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile, InvalidValue

Picture = npt.NDArray[np.uint8]

LATENT = 4
"""Frames in a latent frame of Wan's VAE, of whose first frame there is one: lengths are 4k + 1."""


@dataclass(frozen=True)
class Chunk:
    """Positions `start` to `stop` of a video, of which the first `known` are those that the chunk before ended with."""

    start: int
    stop: int
    known: int

    @property
    def added(self) -> range:
        """The positions that are new."""
        return range(self.start + self.known, self.stop)


def plan_chunks(length: int, longest: int, overlap: int) -> tuple[Chunk, ...]:
    """Cover `length` frames with chunks of about equal lengths up to `longest`; all numbers are 4k + 1.

    Each adds more than it knows.

    Raises:
        InvalidValue: one of them is not 4k + 1, or `overlap` is too long for that.
    """
    if any(n % LATENT != 1 for n in (length, longest, overlap)) or longest < 4 * overlap:
        raise InvalidValue(
            f"A video of {length} frames cannot be made {longest} at a time with {overlap} known.",
            hint="Lengths are 4k + 1, and a chunk has at least four times its overlap.",
        )
    groups, most = (length - overlap) // LATENT, (longest - overlap) // LATENT
    count = max(1, -(-groups // most))
    ends = [overlap + LATENT * (groups * (k + 1) // count) for k in range(count)]
    starts = [0, *(end - overlap for end in ends[:-1])]
    # Only the first has nothing before it.
    return tuple(Chunk(a, b, overlap if a else 0) for a, b in zip(starts, ends, strict=True))


class VideoFolder:
    """The videos of a dataset; a chunk or a video is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_chunk(self, clip: str, number: int) -> bool:
        """Whether a chunk was made."""
        return self._chunk(clip, number).exists()

    def write_chunk(self, clip: str, number: int, frames: Mapping[int, Picture]) -> None:
        """Keep the frames of a chunk, by position."""
        _write_folder(self._chunk(clip, number), {f"{position:05d}.png": f for position, f in frames.items()})

    def read_positions(self, clip: str, number: int, positions: Sequence[int]) -> list[Picture]:
        """Frames of a chunk.

        Raises:
            CorruptFile: one is not there.
        """
        return [read_png(self._chunk(clip, number) / f"{position:05d}.png") for position in positions]

    def is_complete(self, clip: str) -> bool:
        """Whether all frames of a video were made."""
        return self._frames(clip).exists()

    def complete(self, clip: str, places: Mapping[int, tuple[int, int]]) -> None:
        """Keep what the dataset has: frame index -> (chunk, position); the frames between are dropped."""
        kept = {
            f"{index:04d}.png": self.read_positions(clip, number, [position])[0]
            for index, (number, position) in places.items()
        }
        _write_folder(self._frames(clip), kept)
        for chunk in (self.folder / clip).glob("chunk-*"):
            shutil.rmtree(chunk)

    def read_frame(self, clip: str, index: int) -> Picture:
        """A frame of a complete video, [S, S, 3].

        Raises:
            CorruptFile: it is not there.
        """
        return read_png(self._frames(clip) / f"{index:04d}.png")

    def _chunk(self, clip: str, number: int) -> Path:
        return self.folder / clip / f"chunk-{number:04d}"

    def _frames(self, clip: str) -> Path:
        return self.folder / clip / "frames"


def _write_folder(target: Path, pictures: Mapping[str, Picture]) -> None:
    unfinished = target.with_name(target.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for name, picture in pictures.items():
        write_png(unfinished / name, picture)
    unfinished.rename(target)


def write_png(path: Path, picture: Picture) -> None:
    """One picture: [H, W], RGB [H, W, 3] or RGBA [H, W, 4]."""
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    data = picture if picture.ndim == 2 else cv2.cvtColor(picture, order[picture.shape[2]])
    if not cv2.imwrite(str(path), data, (cv2.IMWRITE_PNG_COMPRESSION, 1)):
        raise OSError(f"{path.name} could not be written.")


def read_png(path: Path) -> Picture:
    """The opposite of `write_png`.

    Raises:
        CorruptFile: it is not there, or no picture.
    """
    data = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.exists() else None
    if data is None:
        raise CorruptFile(f"{path.parent.parent.name}/{path.parent.name}/{path.name} is not a picture.",
                          hint="Delete the video's folder; it is made again.")  # fmt: skip
    if data.ndim == 2:
        return np.asarray(data, np.uint8)
    return np.asarray(cv2.cvtColor(data, cv2.COLOR_BGR2RGB if data.shape[2] == 3 else cv2.COLOR_BGRA2RGBA), np.uint8)
