"""Chunks of a video: how they cover it, and what a stopped run leaves."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.synthesis.video.chunks import VideoFolder, plan_chunks, read_png, write_png

lengths = st.integers(0, 120).map(lambda k: 4 * k + 1)


@given(lengths, st.sampled_from([(9, 1), (13, 1), (21, 5), (49, 5), (77, 5), (77, 1)]))
def test_chunks_add_every_frame_once(length: int, limits: tuple[int, int]) -> None:
    longest, overlap = limits
    chunks = plan_chunks(length, longest, overlap)
    assert [p for c in chunks for p in c.added] == list(range(length))
    for before, chunk in itertools.pairwise(chunks):
        assert chunk.known == overlap and chunk.start + overlap == before.stop
        # Or the pipeline would take it for two segments.
        assert len(chunk.added) > chunk.known
    assert all((c.stop - c.start) % 4 == 1 and c.stop - c.start <= longest for c in chunks)
    assert chunks[0].known == 0


@pytest.mark.parametrize(("length", "longest", "overlap"), [(10, 77, 5), (9, 76, 5), (9, 77, 4), (41, 17, 5)])
def test_lengths_that_no_model_makes_are_refused(length: int, longest: int, overlap: int) -> None:
    with pytest.raises(InvalidValue, match="cannot be made"):
        plan_chunks(length, longest, overlap)


def picture(value: int) -> np.ndarray:
    return np.full((4, 4, 3), (value, 2 * value, 0), np.uint8)


def test_a_complete_video_keeps_the_frames_of_the_dataset_only(tmp_path: Path) -> None:
    folder = VideoFolder(tmp_path)
    folder.write_chunk("hair/long", 0, {0: picture(1), 1: picture(2), 2: picture(3)})
    folder.write_chunk("hair/long", 1, {3: picture(4), 4: picture(5)})
    assert not folder.is_complete("hair/long") and folder.has_chunk("hair/long", 1)
    assert np.array_equal(folder.read_positions("hair/long", 1, [4])[0], picture(5))
    folder.complete("hair/long", {7: (0, 0), 3: (1, 4)})
    assert folder.is_complete("hair/long") and not folder.has_chunk("hair/long", 0)
    assert np.array_equal(folder.read_frame("hair/long", 3), picture(5))
    assert sorted(p.name for p in (tmp_path / "hair/long/frames").iterdir()) == ["0003.png", "0007.png"]


def test_half_a_chunk_is_no_chunk(tmp_path: Path) -> None:
    folder = VideoFolder(tmp_path)
    (tmp_path / "hair/long/chunk-0000.part").mkdir(parents=True)
    assert not folder.has_chunk("hair/long", 0)
    folder.write_chunk("hair/long", 0, {0: picture(1)})
    assert folder.has_chunk("hair/long", 0) and not list(tmp_path.rglob("*.part"))


def test_a_frame_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match="is not a picture"):
        VideoFolder(tmp_path).read_frame("hair/long", 0)


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_pictures_come_back_as_they_were(tmp_path: Path, channels: tuple[int, ...]) -> None:
    given_ = np.random.default_rng(0).integers(0, 256, (5, 6, *channels), np.uint8)
    write_png(tmp_path / "a.png", given_)
    assert np.array_equal(read_png(tmp_path / "a.png"), given_)
