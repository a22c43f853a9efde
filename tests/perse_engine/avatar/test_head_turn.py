"""A head turned further is where the rig would have turned it, and its pixels move as the maps say."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.head_turn import HEAD, TORSO, head_flow, turned
from perse_engine.avatar.training import RASTER_MODE
from perse_engine.scene import Camera, Expression, FloatArray, Pose

SIZE_PX = 64


@pytest.fixture(scope="module")
def flow(tiny_avatar: Avatar) -> FloatArray:
    rasterizer, _ = training_rasterizer("cpu", RASTER_MODE)
    binding = tiny_avatar.binding
    view = View(binding, rasterizer, (SIZE_PX, SIZE_PX))
    vertices = binding.rig.posed(Pose(), Expression())
    return head_flow(view, tiny_avatar.base, binding, vertices, Camera.orbit(width_px=256, height_px=256))


@pytest.mark.parametrize(
    ("turn_deg", "pose"),
    [((0, 0.5, 0), Pose(yaw_deg=0.5)), ((0.5, 0, 0), Pose(pitch_deg=-0.5)), ((0, 0, 0.5), Pose(roll_deg=0.5))],
)
def test_a_turn_is_the_rigs_own_pose(tiny_avatar: Avatar, turn_deg: tuple[float, float, float], pose: Pose) -> None:
    rig = tiny_avatar.binding.rig
    wanted = rig.posed(pose, Expression())
    found = turned(rig, rig.posed(Pose(), Expression()), np.array(turn_deg, np.float32))
    assert np.abs(wanted - found).max() < 1e-6
    assert np.abs(wanted - rig.posed(Pose(), Expression())).max() > 5e-4


def test_the_torso_stays(tiny_avatar: Avatar) -> None:
    rig = tiny_avatar.binding.rig
    still = rig.bone_weights[:, TORSO] == 1
    found = turned(rig, rig.vertices, np.array([1, 2, 3], np.float32))
    assert still.any()
    assert np.array_equal(found[still], rig.vertices[still])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pixels_move_as_points_do_when_the_head_is_turned(tiny_avatar: Avatar, flow: FloatArray, axis: int) -> None:
    """Finite differences at the tip of the nose, which the middle of the picture shows."""
    rig, camera = tiny_avatar.binding.rig, Camera.orbit(width_px=256, height_px=256)
    middle = (rig.bone_weights[:, HEAD] == 1) & (np.hypot(rig.vertices[:, 0], rig.vertices[:, 1] + 0.04) < 0.012)
    nearest = np.flatnonzero(middle)[np.argmax(rig.vertices[middle, 2])]
    turn = np.zeros(3, np.float32)
    turn[axis] = 0.1
    before, after = (camera.project(v[nearest])[:2] for v in (rig.vertices, turned(rig, rig.vertices, turn)))
    column, row = (before * SIZE_PX / 256).astype(int)
    assert flow[row, column, 2 * axis : 2 * axis + 2] == pytest.approx((after - before) / 0.1, abs=0.25)


def test_what_lies_beyond_the_outline_moves_with_it(flow: FloatArray) -> None:
    assert np.isfinite(flow).all()
    # Above the hair: nothing is drawn there, a hat would be.
    assert np.abs(flow[2, SIZE_PX // 2]).max() > 0.5
