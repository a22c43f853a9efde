"""A take: a video, or a folder of pictures, read frame by frame with times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile, InvalidValue, PortraitError
from perse_engine.motion.motion import MAX_FPS, MAX_FRAMES, MIN_FPS
from perse_engine.portrait.decode import decode_portrait
from perse_engine.rendering.media import open_media

MAX_PIXELS = 4096 * 2304
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
PICTURES_FPS = 25.0


@dataclass(frozen=True)
class TakeFrame:
    """rgb [H, W, 3] uint8 at a time in seconds; `total` is how many frames there are, as far as the file tells."""

    rgb: npt.NDArray[np.uint8]
    time_s: float
    total: int


def take_fps(path: Path, fps: float | None = None) -> float:
    """The take's rate: what is asked for, else a video's own mean rate, else 25 for pictures.

    Raises:
        CorruptFile: not a video with a rate within the limits of `Motion`.
    """
    if fps is not None or path.is_dir():
        return PICTURES_FPS if fps is None else fps
    with open_media(path) as container:
        rate = container.streams.video[0].average_rate if container.streams.video else None
    if rate is None or not MIN_FPS <= float(rate) <= MAX_FPS:
        raise CorruptFile("The take has no video with a usable rate.", hint="Say it: --fps 30.")
    return float(rate)


def read_take(path: Path, fps: float) -> Iterator[TakeFrame]:
    """Every frame in order; pictures in the order of their names at `fps`, videos at their own times.

    Raises:
        CorruptFile: a video or picture that cannot be decoded, too large or too long.
        InvalidValue: a folder without pictures.
    """
    return _pictures(path, fps) if path.is_dir() else _video(path, fps)


def _pictures(folder: Path, fps: float) -> Iterator[TakeFrame]:
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)
    if not 1 <= len(files) <= MAX_FRAMES:
        raise InvalidValue(f"The folder has {len(files)} pictures; a take has 1..{MAX_FRAMES} .png, .jpg or .webp.")
    for index, file in enumerate(files):
        try:
            rgb = decode_portrait(file.read_bytes()).rgb
        except PortraitError as error:
            raise CorruptFile(f"The picture {file.name} cannot be used: {error.message}") from None
        yield TakeFrame(rgb, index / fps, len(files))


def _video(path: Path, fps: float) -> Iterator[TakeFrame]:
    with open_media(path) as container:
        if not container.streams.video:
            raise CorruptFile("The take holds no video.")
        stream = container.streams.video[0]
        if stream.width * stream.height > MAX_PIXELS:
            raise CorruptFile(f"The video is {stream.width} x {stream.height} px; at most 4096 x 2304 are read.")
        first_s: float | None = None
        for index, frame in enumerate(container.decode(stream)):
            if index >= MAX_FRAMES or frame.width * frame.height > MAX_PIXELS:
                raise CorruptFile(f"The video has more than {MAX_FRAMES} frames, or grows beyond 4096 x 2304 px.")
            time_s = index / fps if frame.time is None else float(frame.time)
            first_s = time_s if first_s is None else first_s
            yield TakeFrame(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8), time_s - first_s, stream.frames)
