"""The order and the frames in which a trajectory is filmed."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.synthesis.trajectory import make_trajectory
from perse_engine.synthesis.video.path import STRIDE, video_path

FRAMES = make_trajectory(12, 64, 0)
PATH = video_path(FRAMES, 128)


def test_every_stride_is_a_moment_of_the_dataset_and_every_moment_is_filmed_once() -> None:
    assert sorted(PATH.moments) == list(range(12))
    assert len(PATH.frames) == STRIDE * 11 + 1
    for index in range(12):
        filmed = PATH.frames[PATH.position(index)]
        assert (filmed.index, filmed.pose, filmed.expression) == (index, FRAMES[index].pose, FRAMES[index].expression)
    assert sum(f.index == -1 for f in PATH.frames) == len(PATH.frames) - 12


def test_a_path_begins_with_the_first_frame_that_it_is_given() -> None:
    assert video_path([FRAMES[5], *FRAMES[:5]], 64).moments[0] == 5


def test_frames_between_are_between() -> None:
    for first in range(0, len(PATH.frames) - STRIDE, STRIDE):
        a, b, middle = PATH.frames[first], PATH.frames[first + STRIDE], PATH.frames[first + STRIDE // 2]
        assert middle.pose.yaw_deg == pytest.approx((a.pose.yaw_deg + b.pose.yaw_deg) / 2)
        assert middle.expression["jawOpen"] == pytest.approx((a.expression["jawOpen"] + b.expression["jawOpen"]) / 2)


def test_cameras_between_look_at_the_head_from_the_same_distance() -> None:
    for frame in PATH.frames:
        rotation = frame.camera.world_to_cam[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
        x, y, depth = frame.camera.project(np.array([0.0, -0.03, -0.08], np.float32))
        assert abs(x - 64) < 1.5 and abs(y - 64) < 1.5 and depth == pytest.approx(1.0, abs=0.01)


def test_the_order_is_shorter_than_the_trajectory_s_own() -> None:
    def length(order: list[int]) -> float:
        yaws = [FRAMES[i].pose.yaw_deg for i in order]
        return float(np.abs(np.diff(yaws)).sum())

    assert length(list(PATH.moments)) < 0.8 * length(list(range(12)))


def test_one_frame_is_a_path() -> None:
    assert len(video_path(FRAMES[:1], 64).frames) == 1
