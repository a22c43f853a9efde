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
from perse_engine.rendering.sound import RATE, Sound, read_sound
from perse_engine.scene import Camera

CLIP = make_clip("swing", seconds=0.2, fps=25)
SMALL = Camera.orbit(width_px=64, height_px=64)
HAIR = Look({"hair": {"long-wavy-blonde": 1.0}})


@pytest.fixture(scope="module")
def renderer(tiny_avatar: Avatar) -> Renderer:
    return Renderer(tiny_avatar, "cpu")


def test_a_video_has_the_motions_frames_and_the_generated_mark(renderer: Renderer, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    assert animate(path, renderer, CLIP, SilentProgress(), camera=SMALL) == 5
    with av.open(str(path)) as container:
        assert container.metadata["DigitalSourceType"] == SOURCE_TYPE
        stream = container.streams.video[0]
        assert stream.average_rate == 25
        assert [(f.width, f.height) for f in container.decode(stream)] == [(64, 64)] * 5


def test_a_folder_gets_transparent_pictures(renderer: Renderer, tmp_path: Path) -> None:
    assert animate(tmp_path / "frames", renderer, CLIP, SilentProgress(), camera=SMALL) == 5
    names = sorted(p.name for p in (tmp_path / "frames").iterdir())
    assert names == [f"frame_{i:05d}.png" for i in range(5)]
    picture = np.asarray(Image.open(tmp_path / "frames" / names[0]))
    assert picture.shape == (64, 64, 4)
    assert picture[0, 0, 3] == 0 and picture[..., 3].max() > 200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames"]


def test_a_background_fills_the_pictures(renderer: Renderer, tmp_path: Path) -> None:
    animate(tmp_path / "frames", renderer, CLIP, SilentProgress(), camera=SMALL, background=(1.0, 0.0, 0.0))
    picture = np.asarray(Image.open(tmp_path / "frames/frame_00000.png"))
    assert picture.shape == (64, 64, 3) and picture[0, 0].tolist() == [255, 0, 0]


def test_looks_change_over_time(renderer: Renderer, tmp_path: Path) -> None:
    still = Motion(25, (CLIP.frames[0],) * 3, (LookKey(0.0, Look()), LookKey(0.08, HAIR)))
    animate(tmp_path / "frames", renderer, still, SilentProgress(), camera=SMALL)
    animate(tmp_path / "worn", renderer, Motion(25, still.frames), SilentProgress(), camera=SMALL, look=HAIR)
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
        camera = Camera.orbit(width_px=size, height_px=size)
        with pytest.raises(InvalidValue):
            animate(tmp_path / name, renderer, motion, SilentProgress(), camera=camera)
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


def test_a_webm_is_transparent_where_nothing_is(renderer: Renderer, tmp_path: Path) -> None:
    path = tmp_path / "out.webm"
    assert animate(path, renderer, CLIP, SilentProgress(), camera=Camera.orbit(width_px=96, height_px=64)) == 5
    first = decoded_with_alpha(path)[0]
    assert first.shape == (64, 96, 4)
    assert first[0, 0, 3] < 8 and first[..., 3].max() > 240
    animate(tmp_path / "frames", renderer, CLIP, SilentProgress(), camera=Camera.orbit(width_px=96, height_px=64))
    whole = np.asarray(Image.open(tmp_path / "frames/frame_00000.png"), np.float32)
    solid = whole[..., 3] > 250
    assert np.abs(first[solid][:, :3] - whole[solid][:, :3]).mean() < 8


def test_a_sound_is_heard_as_long_as_there_are_pictures(renderer: Renderer, tmp_path: Path) -> None:
    sound = Sound(np.full((1, RATE), 0.25, np.float32))
    for name in ("out.mp4", "out.webm"):
        animate(tmp_path / name, renderer, CLIP, SilentProgress(), camera=SMALL, sound=sound)
        heard = read_sound(tmp_path / name)
        assert heard is not None and heard.duration_s == pytest.approx(0.2, abs=0.05)
    with pytest.raises(InvalidValue, match="no sound"):
        animate(tmp_path / "frames", renderer, CLIP, SilentProgress(), camera=SMALL, sound=sound)


def decoded_with_alpha(path: Path) -> list[np.ndarray]:
    """FFmpeg's own VP9 decoder passes over transparency; libvpx's does not."""
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        frames = [frame for packet in packets for frame in decoder.decode(packet)]
    assert {frame.format.name for frame in frames} == {"yuva420p"}
    return [np.asarray(frame.to_ndarray(format="rgba"), np.float32) for frame in frames]


class Stopping:
    def report(self, stage: str, step: int, total_steps: int) -> None:
        if step == 2:
            raise Cancelled("Stopped.")


@pytest.mark.parametrize("name", ["out.mp4", "frames"])
def test_a_cancelled_animation_leaves_nothing(name: str, renderer: Renderer, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        animate(tmp_path / name, renderer, CLIP, Stopping(), camera=SMALL)
    assert list(tmp_path.iterdir()) == []
