"""The order and the frames in which a trajectory is filmed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from perse_engine.synthesis.dataset import Frame
from perse_engine.synthesis.trajectory import make_trajectory
from perse_engine.synthesis.video.path import STRIDE, STRIDE_DEG, video_path

FRAMES = make_trajectory(12, 64, 0)
PATH = video_path(FRAMES, 128)


MOMENTS = [f for f in PATH.frames if f.index >= 0]


def test_every_moment_of_the_dataset_is_filmed_once() -> None:
    assert sorted(PATH.positions()) == list(range(12))
    for index, position in PATH.positions().items():
        filmed = PATH.frames[position]
        assert (filmed.index, filmed.pose, filmed.expression) == (index, FRAMES[index].pose, FRAMES[index].expression)
        assert position % STRIDE == 0


def test_a_path_begins_with_the_first_frame_that_it_is_given() -> None:
    assert video_path([FRAMES[5], *FRAMES[:5]], 64).frames[0].index == 5


def test_no_head_turns_faster_than_heads_do() -> None:
    yaws = np.array([f.pose.yaw_deg for f in PATH.frames])
    assert np.abs(np.diff(yaws)).max() <= STRIDE_DEG / STRIDE + 1e-6
    assert np.abs(np.diff([f.pose.yaw_deg for f in MOMENTS])).max() > STRIDE_DEG / STRIDE


def test_frames_between_are_evenly_between() -> None:
    places = sorted(PATH.positions().values())
    for first, last in itertools.pairwise(places):
        jaws = [f.expression["jawOpen"] for f in PATH.frames[first : last + 1]]
        np.testing.assert_allclose(jaws, np.linspace(jaws[0], jaws[-1], len(jaws)), atol=1e-6)


def test_cameras_between_look_at_the_head_from_the_same_distance() -> None:
    for frame in PATH.frames:
        rotation = frame.camera.world_to_cam[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
        x, y, depth = frame.camera.project(np.array([0.0, -0.03, -0.08], np.float32))
        assert abs(x - 64) < 1.5 and abs(y - 64) < 1.5 and depth == pytest.approx(1.0, abs=0.01)


def test_moments_that_are_near_follow_each_other() -> None:
    def longest(frames: Sequence[Frame]) -> float:
        return float(np.abs(np.diff([f.pose.pitch_deg for f in frames])).sum())

    assert longest(MOMENTS) < 0.9 * longest(FRAMES)


def test_one_frame_is_a_path() -> None:
    assert len(video_path(FRAMES[:1], 64).frames) == 1
