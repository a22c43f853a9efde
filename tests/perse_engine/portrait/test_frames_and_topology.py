"""Angles have the documented signs; the shipped face mesh is sound."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.subdivision import boundary_loops, fine_face
from perse_engine.portrait.frames import head_axes, head_pose_deg
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.portrait.topology import load_topology
from perse_engine.scene import rotation_matrix

FLIP = np.diag([1.0, -1.0, -1.0])
"""World axes to image axes: y down, z away from the viewer."""


@pytest.mark.parametrize("angles", [(20.0, 0.0, 0.0), (0.0, 12.0, 0.0), (0.0, 0.0, 15.0), (-18.0, 7.0, -9.0)])
def test_turning_the_landmarks_turns_the_measured_pose(
    angles: tuple[float, float, float], astronaut_analysis: PortraitAnalysis
) -> None:
    upright = astronaut_analysis.landmarks.astype(np.float64)
    upright = (upright - upright.mean(0)) @ head_axes(upright).T
    turned = upright @ rotation_matrix(*angles).T.astype(np.float64) @ FLIP
    assert head_pose_deg(turned) == pytest.approx(angles, abs=0.1)


def test_head_axes_are_a_rotation(astronaut_analysis: PortraitAnalysis) -> None:
    axes = head_axes(astronaut_analysis.landmarks.astype(np.float64))
    assert np.allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_the_mesh_has_the_outline_two_eyes_and_the_mouth_as_holes() -> None:
    loops = boundary_loops(load_topology().faces)
    assert sorted(map(len, loops), reverse=True) == [36, 20, 16, 16]


def test_every_edge_has_one_direction_in_each_triangle() -> None:
    faces = load_topology().faces
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)


def test_mirroring_twice_is_nothing() -> None:
    mirror = load_topology().mirror
    assert np.array_equal(mirror[mirror], np.arange(468))


def test_mirroring_keeps_the_mesh_and_turns_it_inside_out() -> None:
    topology = load_topology()

    def rolled(faces: np.ndarray) -> set[tuple[int, ...]]:
        first = faces.argmin(1)
        return {tuple(np.roll(f, -k).tolist()) for f, k in zip(faces, first, strict=True)}

    here, there = rolled(topology.faces), rolled(topology.mirror[topology.faces][:, ::-1])
    assert len(here & there) / len(here) > 0.95


def test_subdividing_keeps_a_flat_face_flat_and_its_weights_whole() -> None:
    operator = fine_face().operator
    assert np.allclose(np.asarray(operator.sum(1)).ravel(), 1)
