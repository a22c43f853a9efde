"""Sound: read from a file of unknown origin, heard beside a video."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile
from perse_engine.rendering.media import open_media

RATE = 48_000
MAX_SECONDS = 600.0
"""As long as the longest motion at 60 frames a second."""
SOURCE_RATES = (4_000, 192_000)
"""Beyond, a short file becomes a long sound."""


@dataclass(frozen=True)
class Sound:
    """samples [1 or 2 channels, n] float32 in -1..1 at 48 kHz; the first one is heard with the first picture."""

    samples: npt.NDArray[np.float32]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.shape[1] / RATE

    def mono(self) -> npt.NDArray[np.float32]:
        """The mean of the channels, [n]."""
        return np.asarray(self.samples.mean(0), np.float32)


def read_sound(path: Path) -> Sound | None:
    """The first sound track of a video or sound file; None where there is none.

    Of a video it is cut, or begins with silence, so that it starts with the first picture.

    Raises:
        CorruptFile: it cannot be decoded, is longer than ten minutes, or changes its format on the way.
        FileNotFoundError: there is no such file.
    """
    with open_media(path) as container:
        if not container.streams.audio:
            return None
        stream = container.streams.audio[0]
        if not SOURCE_RATES[0] <= (stream.rate or 0) <= SOURCE_RATES[1]:
            raise CorruptFile(f"The sound has {stream.rate} samples a second; 4000..192000 are read.")
        begins_s = _begin_s(container)
        layout = "mono" if stream.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=RATE)
        late_s, parts = _decoded(container, stream, resampler, begins_s)
    if not parts:
        return None
    samples = np.clip(np.nan_to_num(np.concatenate(parts, 1)), -1.0, 1.0).astype(np.float32)
    shift = round(late_s * RATE)
    if shift < 0:
        return Sound(np.ascontiguousarray(samples[:, -shift:]))
    return Sound(np.pad(samples, ((0, 0), (shift, 0))))


def _decoded(
    container: Any, stream: Any, resampler: Any, begins_s: float
) -> tuple[float, list[npt.NDArray[np.float32]]]:
    """How much later than the pictures it begins, and its pieces."""
    parts: list[npt.NDArray[np.float32]] = []
    late_s, count = 0.0, 0
    try:
        for frame in container.decode(stream):
            if not parts and frame.time is not None:
                late_s = min(max(float(frame.time) - begins_s, -MAX_SECONDS), MAX_SECONDS)
            pieces = [piece.to_ndarray() for piece in resampler.resample(frame)]
            parts += pieces
            count += sum(piece.shape[1] for piece in pieces)
            if count > MAX_SECONDS * RATE:
                raise CorruptFile(f"The sound is longer than {MAX_SECONDS:.0f} s.")
        if count:
            parts += [piece.to_ndarray() for piece in resampler.resample(None)]
    except ValueError as error:
        raise CorruptFile("The sound changes its format on the way.") from error
    return late_s, parts


def _begin_s(container: Any) -> float:
    """When the first picture is shown; 0 where there are none."""
    for stream in container.streams.video:
        if stream.start_time is not None and stream.time_base is not None:
            return float(stream.start_time * stream.time_base)
    return 0.0


class SoundTrack:
    """A sound on its way into a container, in step with the pictures."""

    def __init__(self, container: Any, sound: Sound, codec: str) -> None:
        """Adds its stream; to be made before anything is written."""
        self._container, self._sound = container, sound
        self._layout = "mono" if len(sound.samples) == 1 else "stereo"
        self._stream = container.add_stream(codec, rate=RATE, layout=self._layout)
        self._stream.codec_context.time_base = Fraction(1, RATE)
        self._at = 0

    def until(self, time_s: float) -> None:
        """Write what is heard before this time and is not yet written."""
        end = min(round(time_s * RATE), self._sound.samples.shape[1])
        if end <= self._at:
            return
        piece = np.ascontiguousarray(self._sound.samples[:, self._at : end])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
        self._at = end
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Write what the encoder still holds."""
        for packet in self._stream.encode():
            self._container.mux(packet)
