"""What the judge's camera shows of a turned head."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.evaluation.subject.judge import judge_camera, read_turn_deg, shown_turn_deg
from perse_engine.head.subject import Subject
from perse_engine.portrait.frames import head_pose_deg
from perse_engine.scene import Expression, Pose


@pytest.mark.parametrize(("pose", "axis"), [(Pose(20, 0), 0), (Pose(-20, 0), 0), (Pose(0, 15), 1), (Pose(0, -15), 1)])
def test_a_turned_head_is_shown_from_about_a_tenth_further_round(
    pose: Pose, axis: int, astronaut_subject: Subject
) -> None:
    asked = (pose.yaw_deg, pose.pitch_deg)[axis]
    straight, turned = (shown_turn_deg(astronaut_subject, p)[axis] for p in (Pose(), pose))
    assert 1.05 < (turned - straight) / asked < 1.16


def test_what_is_shown_is_the_heads_own_pose_seen_along_the_line_of_sight(astronaut_subject: Subject) -> None:
    # The line from the camera to the face becomes the optical axis; what is left of the head's turn is what is shown.
    pose = Pose(25, 0)
    points = astronaut_subject.look.rig.posed(pose, Expression())[astronaut_subject.landmark_vertices]
    seen = judge_camera().to_camera(points).astype(np.float64)
    aside = np.arctan2(seen.mean(0)[0], seen.mean(0)[2])
    turn = np.array([[np.cos(aside), 0, -np.sin(aside)], [0, 1, 0], [np.sin(aside), 0, np.cos(aside)]])
    yaw, rest = (head_pose_deg(seen @ turn.T)[0], head_pose_deg(straight(astronaut_subject))[0])
    assert shown_turn_deg(astronaut_subject, pose)[0] == pytest.approx(yaw - rest, abs=0.3)


def straight(subject: Subject) -> np.ndarray:
    points = subject.look.rig.posed(Pose(), Expression())[subject.landmark_vertices]
    return judge_camera().to_camera(points).astype(np.float64)


def test_the_reading_leans_to_no_side(astronaut_subject: Subject) -> None:
    right, middle, left = (read_turn_deg(astronaut_subject, Pose(yaw, 0)) for yaw in (-30, 0, 30))
    assert right is not None and middle is not None and left is not None
    assert abs(right[0] + left[0] - 2 * middle[0]) < 1
