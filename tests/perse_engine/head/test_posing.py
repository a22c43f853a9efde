"""The posing kernel computes what its docstring says, written out in numpy."""

from __future__ import annotations

import numpy as np

from perse_engine.head.posing import pose_vertices


def test_blendshapes_and_skinning_agree_with_numpy() -> None:
    random = np.random.default_rng(0)
    vertices, shapes = random.normal(size=(50, 3)), random.normal(size=(5, 50, 3))
    weights, bones = np.array([0, 0.5, 0, 1.0, -0.2]), random.dirichlet(np.ones(4), 50)
    transforms = random.normal(size=(4, 3, 4))
    shaped = np.concatenate([vertices + np.tensordot(weights, shapes, 1), np.ones((50, 1))], 1)
    expected = np.einsum("vb,brc,vc->vr", bones, transforms, shaped)
    arrays = [a.astype(np.float32) for a in (vertices, shapes, weights, bones, transforms)]
    np.testing.assert_allclose(pose_vertices(*arrays), expected, rtol=1e-4, atol=1e-5)
    out = np.zeros((50, 3), np.float32)
    assert pose_vertices(*arrays, out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


def test_read_only_arrays_are_taken() -> None:
    vertices = np.ones((3, 3), np.float32)
    vertices.flags.writeable = False
    bones, still = np.ones((3, 1), np.float32), np.eye(3, 4, dtype=np.float32)[None]
    posed = pose_vertices(vertices, np.zeros((0, 3, 3), np.float32), np.zeros(0, np.float32), bones, still)
    assert np.array_equal(posed, vertices)
