"""Animating: videos, folders of transparent pictures, looks over time, and what cannot be written."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from perse_engine.avatar.avatar import Avatar
from perse_engine.errors import Cancelled, InvalidValue
from perse_engine.look import Look
from perse_engine.motion.animate import animate
from perse_engine.motion.clips import make_clip
from perse_engine.motion.motion import LookKey, Motion
from perse_engine.progress import SilentProgress
from perse_engine.rendering.image import SOURCE_TYPE
from perse_engine.rendering.render import Renderer

CLIP = make_clip("swing", seconds=0.2, fps=25)
HAIR = Look({"hair": {"long-wavy-blonde": 1.0}})


@pytest.fixture(scope="module")
def renderer(tiny_avatar: Avatar) -> Renderer:
    return Renderer(tiny_avatar, "cpu")


def test_a_video_has_the_motions_frames_and_the_generated_mark(renderer: Renderer, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    assert animate(path, renderer, CLIP, SilentProgress(), size_px=64) == 5
    with av.open(str(path)) as container:
        assert container.metadata["DigitalSourceType"] == SOURCE_TYPE
        stream = container.streams.video[0]
        assert stream.average_rate == 25
        assert [(f.width, f.height) for f in container.decode(stream)] == [(64, 64)] * 5


def test_a_folder_gets_transparent_pictures(renderer: Renderer, tmp_path: Path) -> None:
    assert animate(tmp_path / "frames", renderer, CLIP, SilentProgress(), size_px=64) == 5
    names = sorted(p.name for p in (tmp_path / "frames").iterdir())
    assert names == [f"frame_{i:05d}.png" for i in range(5)]
    picture = np.asarray(Image.open(tmp_path / "frames" / names[0]))
    assert picture.shape == (64, 64, 4)
    assert picture[0, 0, 3] == 0 and picture[..., 3].max() > 200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames"]


def test_a_background_fills_the_pictures(renderer: Renderer, tmp_path: Path) -> None:
    animate(tmp_path / "frames", renderer, CLIP, SilentProgress(), size_px=64, background=(1.0, 0.0, 0.0))
    picture = np.asarray(Image.open(tmp_path / "frames/frame_00000.png"))
    assert picture.shape == (64, 64, 3) and picture[0, 0].tolist() == [255, 0, 0]


def test_looks_change_over_time(renderer: Renderer, tmp_path: Path) -> None:
    still = Motion(25, (CLIP.frames[0],) * 3, (LookKey(0.0, Look()), LookKey(0.08, HAIR)))
    animate(tmp_path / "frames", renderer, still, SilentProgress(), size_px=64)
    animate(tmp_path / "worn", renderer, Motion(25, still.frames), SilentProgress(), size_px=64, look=HAIR)
    first, middle, last, worn = (
        np.asarray(Image.open(tmp_path / name), np.float32)
        for name in (
            "frames/frame_00000.png", "frames/frame_00001.png", "frames/frame_00002.png", "worn/frame_00000.png",
        )
    )  # fmt: skip
    assert not np.array_equal(first, middle) and not np.array_equal(middle, last)
    assert np.array_equal(last, worn)


def test_places_and_sizes_that_cannot_be_written_are_refused(renderer: Renderer, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    odd_rate = Motion(12.5, CLIP.frames)
    for name, motion, size in (
        ("full", CLIP, 64), ("x.gif", CLIP, 64), ("x.mp4", CLIP, 63), ("x.mp4", CLIP, 9000), ("x.mp4", odd_rate, 64),
    ):  # fmt: skip
        with pytest.raises(InvalidValue):
            animate(tmp_path / name, renderer, motion, SilentProgress(), size_px=size)
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


class Stopping:
    def report(self, stage: str, step: int, total_steps: int) -> None:
        if step == 2:
            raise Cancelled("Stopped.")


@pytest.mark.parametrize("name", ["out.mp4", "frames"])
def test_a_cancelled_animation_leaves_nothing(name: str, renderer: Renderer, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        animate(tmp_path / name, renderer, CLIP, Stopping(), size_px=64)
    assert list(tmp_path.iterdir()) == []
