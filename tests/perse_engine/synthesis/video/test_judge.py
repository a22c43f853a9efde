"""Judging frames that a perfect model would have made, and some that were moved by known amounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from perse_engine.errors import CorruptFile
from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.recipe import FrameLimits
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Clip, Frame
from perse_engine.synthesis.learned.interpolator import Face
from perse_engine.synthesis.learned.warp_interpolator import WarpInterpolator
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.video.backdrop import over_backdrop
from perse_engine.synthesis.video.chunks import VideoFolder
from perse_engine.synthesis.video.frame_mask import frame_mask
from perse_engine.synthesis.video.judge import judge_clip, judge_source, make_frame_betweens
from perse_engine.synthesis.video.judged import JudgedFolder
from perse_engine.synthesis.video.video_model import rendered

SIZE = 256
LOOK = Look({"eyeglasses": {"round-black": 1.0}})
CLIP = Clip("eyeglasses/round-black", "variant", LOOK, (0, 1, 2))
SOURCE = Clip("source", "source", Look(), (0, 1, 2))


def frame(index: int, pose: Pose, jaw: float = 0.0) -> Frame:
    camera = Camera.orbit(width_px=SIZE, height_px=SIZE)
    return Frame(index, pose, Expression({"jawOpen": jaw}), camera, "train")


FRAMES = (frame(0, Pose()), frame(1, Pose(12, 3), 0.4), frame(2, Pose(-15, -5)))


@pytest.fixture(scope="module")
def dressed(astronaut_subject: Subject) -> TexturedRig:
    return ProceduralEditor().dress(astronaut_subject, LOOK)


@pytest.fixture(scope="module")
def source(astronaut_subject: Subject) -> dict[int, MeshImage]:
    return dict(enumerate(rendered(astronaut_subject.look, FRAMES)))


def as_video(folder: Path, clip: Clip, pictures: list[np.ndarray]) -> VideoFolder:
    """What a model made, as if it had."""
    videos = VideoFolder(folder)
    videos.write_chunk(clip.path, 0, dict(enumerate(pictures)))
    videos.complete(clip.path, {i: (0, i) for i in range(len(pictures))})
    return videos


def moved(picture: np.ndarray, x: float, y: float, turn_deg: float = 0.0) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), turn_deg, 1.0)
    matrix[:, 2] += (x, y)
    return np.asarray(cv2.warpAffine(picture, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE))


@pytest.mark.parametrize("shift", [0.0, 4.0])
def test_what_a_look_changes_is_taken_over_and_nothing_else(
    astronaut_subject: Subject, dressed: TexturedRig, source: dict[int, MeshImage], tmp_path: Path, shift: float
) -> None:
    ideal = rendered(dressed, FRAMES)
    made = [moved(over_backdrop(i.rgba), shift, -shift / 2, turn_deg=shift / 3) for i in ideal]
    out = JudgedFolder(tmp_path)
    judge_clip(astronaut_subject, dressed, CLIP, FRAMES, source, as_video(tmp_path, CLIP, made), FrameLimits(), out)
    assert out.taken(CLIP.path) == (0, 1, 2)
    for index in CLIP.frames:
        image, base, wanted = out.read(CLIP.path, index), source[index], ideal[index]
        mask = frame_mask(base, wanted)
        assert 0 < mask.mean() < 0.2
        assert np.array_equal(image.rgba[mask == 0], base.rgba[mask == 0])
        assert np.array_equal(image.labels[mask == 0], base.labels[mask == 0])
        inside, own = mask > 0, over_backdrop(wanted.rgba).astype(int)
        strayed = np.abs(over_backdrop(image.rgba)[inside] - own[inside]).mean()
        unaligned = np.abs(made[index][inside] - own[inside]).mean()
        assert strayed < (1 if shift == 0 else 0.7 * unaligned)


def test_frames_that_show_something_else_are_dropped(
    astronaut_subject: Subject, dressed: TexturedRig, source: dict[int, MeshImage], tmp_path: Path
) -> None:
    made = [over_backdrop(i.rgba) for i in rendered(dressed, FRAMES)]
    made[0] = np.random.default_rng(0).integers(0, 256, made[0].shape, np.uint8)
    made[1] = moved(made[1], 40, 0)
    out = JudgedFolder(tmp_path)
    left = {i: source[i] for i in (0, 1)}
    judge_clip(astronaut_subject, dressed, CLIP, FRAMES, left, as_video(tmp_path, CLIP, made), FrameLimits(), out)
    assert out.taken(CLIP.path) == ()
    reasons = [v.reasons[0] for v in out.verdicts(CLIP.path) or ()]
    assert reasons[0] == "no face is seen on it" and reasons[1].startswith("drift ")
    assert reasons[2] == "the source clip's frame was dropped"


def test_the_source_clip_tells_how_the_head_was_really_turned(astronaut_subject: Subject, tmp_path: Path) -> None:
    really = [FRAMES[0], replace(FRAMES[1], pose=Pose(18, 3)), replace(FRAMES[2], pose=Pose(20, -5))]
    made = [over_backdrop(i.rgba) for i in rendered(astronaut_subject.look, really)]
    made[1] = moved(made[1], 3, 2)
    out = JudgedFolder(tmp_path)
    judge_source(astronaut_subject, SOURCE, FRAMES, as_video(tmp_path, SOURCE, made), FrameLimits(), out)
    verdicts = out.verdicts(SOURCE.path) or ()
    assert out.taken(SOURCE.path) == (0, 1)
    assert verdicts[1].frame.pose.yaw_deg == pytest.approx(18, abs=3)
    assert abs(verdicts[0].frame.pose.yaw_deg) < 1.5 and verdicts[0].frame.confidence > 0.7
    assert any(r.startswith("turn_deg ") for r in verdicts[2].reasons)
    image, wanted = out.read(SOURCE.path, 1), rendered(astronaut_subject.look, [verdicts[1].frame])[0]
    assert np.array_equal(image.rgba[..., 3], wanted.rgba[..., 3]) and np.array_equal(image.labels, wanted.labels)
    unrefined = rendered(astronaut_subject.look, [FRAMES[1]])[0]
    own = image.rgba.astype(int)
    assert np.abs(own - wanted.rgba).mean() < 0.5 * np.abs(own - unrefined.rgba).mean()


class _Asked(WarpInterpolator):
    """Remembers for which steps it was asked."""

    def __init__(self) -> None:
        self.steps: list[tuple[float, ...]] = []

    def between(self, first: Face, second: Face, mask: np.ndarray, steps: Sequence[float]) -> list[np.ndarray]:
        self.steps.append(tuple(steps))
        return super().between(first, second, mask, steps)


def test_in_betweens_agree_with_their_ends_where_those_agree(
    dressed: TexturedRig, source: dict[int, MeshImage], tmp_path: Path
) -> None:
    ends = dict(enumerate(rendered(dressed, FRAMES[:2])))
    near, half = (
        Clip(f"eyeglasses/source--round-black@{t:.2f}", "between", Look({"eyeglasses": {"round-black": t}}), chosen)
        for t, chosen in ((0.25, (1,)), (0.5, (0, 1, 2)))
    )
    out = JudgedFolder(tmp_path)
    names, words, interpolator = ("source", CLIP.path), ("a", "b"), _Asked()
    clips = {0.25: near, 0.5: half}
    assert list(make_frame_betweens(clips, names, words, FRAMES, (source, ends), interpolator, out)) == [0, 1, 2]
    assert out.taken(near.path) == (1,) and out.taken(half.path) == (0, 1)
    assert interpolator.steps == [(0.5,), (0.25, 0.5)], "a frame of several clips is asked for once"
    for index in (0, 1):
        image, first, second = out.read(half.path, index), source[index], ends[index]
        same = frame_mask(first, second) == 0
        assert np.array_equal(image.rgba[same], first.rgba[same])
        inside = np.abs(first.rgba.astype(int) - second.rgba).max(-1) > 60
        to_first = np.abs(image.rgba[inside].astype(int) - first.rgba[inside]).mean()
        to_second = np.abs(image.rgba[inside].astype(int) - second.rgba[inside]).mean()
        assert to_first == pytest.approx(to_second, rel=0.35)


def test_damaged_verdicts_are_an_error(tmp_path: Path) -> None:
    out = JudgedFolder(tmp_path)
    out.write(CLIP.path, (), {})
    (tmp_path / CLIP.path / "judged" / "verdicts.json").write_text("[{}]")
    with pytest.raises(CorruptFile, match="damaged"):
        out.verdicts(CLIP.path)
