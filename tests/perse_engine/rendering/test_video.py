"""MP4 files play back with the frames that went in."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from perse_engine.errors import InvalidValue
from perse_engine.rendering.image import SOURCE_TYPE
from perse_engine.rendering.video import write_mp4


def test_a_video_reads_back_with_its_size_rate_and_colours(tmp_path: Path) -> None:
    levels = (40, 120, 200)
    count = write_mp4(tmp_path / "a.mp4", (np.full((32, 48, 3), v, np.uint8) for v in levels), fps=25)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
        assert (stream.average_rate, stream.codec_context.name) == (25, "h264")
        assert SOURCE_TYPE in container.metadata["comment"]
    assert count == len(frames) == 3
    for frame, level in zip(frames, levels, strict=True):
        assert frame.shape == (32, 48, 3)
        assert abs(float(frame.mean()) - level) < 3


def test_odd_sizes_are_refused_and_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="even"):
        write_mp4(tmp_path / "a.mp4", [np.zeros((31, 48, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_frames_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="at least one"):
        write_mp4(tmp_path / "a.mp4", [])
