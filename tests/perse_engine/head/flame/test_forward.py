"""FLAME's function against a twin in torch, written as the authors' papers have it, and its derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from perse_engine.head.flame.forward import FlamePoints
from perse_engine.head.flame.model import JOINTS, FlameModel
from tests.perse_engine.head.flame.synthetic import Array

PARENT = {"neck": "root", "jaw": "neck", "eyeLeft": "neck", "eyeRight": "neck"}


def rodrigues(v: torch.Tensor) -> torch.Tensor:
    angle = torch.sqrt((v * v).sum() + 1e-30)
    x, y, z = v / angle
    k = torch.stack([torch.stack([x * 0, -z, y]), torch.stack([z, x * 0, -x]), torch.stack([-y, x, x * 0])])
    return torch.eye(3, dtype=v.dtype) + torch.sin(angle) * k + (1 - torch.cos(angle)) * k @ k


def twin(model: FlameModel, coefficients: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:
    """Vertex by homogeneous transforms G_k of every joint, relative to the rest pose (SMPL, eq. 3 and 4)."""
    template, directions, correctives, weights, regressor = (
        torch.from_numpy(a.astype(np.float64))
        for a in (model.template, model.directions, model.pose_directions, model.weights, model.regressor)
    )
    shaped = template + torch.einsum("vck,k->vc", directions, coefficients)
    joints = regressor @ shaped
    turns = [rodrigues(r) for r in rotations]
    feature = torch.cat([(t - torch.eye(3, dtype=t.dtype)).flatten() for t in turns[1:]])
    posed = shaped + torch.einsum("vck,k->vc", correctives, feature)
    chain: dict[str, torch.Tensor] = {}
    for k, name in enumerate(JOINTS):
        local = torch.eye(4, dtype=torch.float64)
        parent = PARENT.get(name)
        offset = joints[k] if parent is None else joints[k] - joints[JOINTS.index(parent)]
        local = torch.cat([torch.cat([turns[k], offset[:, None]], 1), local[3:]])
        chain[name] = local if parent is None else chain[parent] @ local
    out = torch.zeros_like(posed)
    for k, name in enumerate(JOINTS):
        rest = torch.eye(4, dtype=torch.float64)
        rest = torch.cat([torch.cat([rest[:3, :3], -joints[k][:, None]], 1), rest[3:]])
        transform = chain[name] @ rest
        out = out + weights[:, k : k + 1] * (posed @ transform[:3, :3].T + transform[:3, 3])
    return out


@pytest.fixture(scope="module")
def state() -> tuple[Array, Array]:
    random = np.random.default_rng(5)
    return random.normal(0, 0.7, 400), random.normal(0, 0.4, (5, 3))


def test_vertices_are_the_twins(flame_model: FlameModel, state: tuple[Array, Array]) -> None:
    expected = twin(flame_model, *(torch.from_numpy(s) for s in state))

    np.testing.assert_allclose(FlamePoints.of(flame_model).vertices(*state), expected.numpy(), atol=1e-9)


def test_derivatives_by_coefficients_are_the_twins_gradients(
    flame_model: FlameModel, state: tuple[Array, Array]
) -> None:
    coefficients, rotations = (torch.from_numpy(s) for s in state)
    coefficients.requires_grad_()
    pull = torch.from_numpy(np.random.default_rng(6).normal(size=(len(flame_model.template), 3)))
    (twin(flame_model, coefficients, rotations) * pull).sum().backward()
    columns = np.array([0, 7, 299, 300, 333, 399])

    found = FlamePoints.of(flame_model).derivatives(state[1], columns)

    assert coefficients.grad is not None
    expected = coefficients.grad[torch.from_numpy(columns)].numpy()
    np.testing.assert_allclose(np.einsum("pck,pc->k", found, pull.numpy()), expected, rtol=1e-6, atol=1e-9)


def test_at_rest_it_is_the_mean_head(flame_model: FlameModel) -> None:
    found = FlamePoints.of(flame_model).vertices(np.zeros(400), np.zeros((5, 3)))

    np.testing.assert_allclose(found, flame_model.template, atol=1e-7)


def test_some_vertices_are_those_of_all(flame_model: FlameModel, state: tuple[Array, Array]) -> None:
    some = np.array([5, 1000, 2000])

    whole = FlamePoints.of(flame_model).vertices(*state)

    np.testing.assert_allclose(FlamePoints.of(flame_model, some).vertices(*state), whole[some], atol=1e-12)


def test_turning_the_root_turns_the_whole_head(flame_model: FlameModel) -> None:
    points, turn = FlamePoints.of(flame_model), np.zeros((5, 3))
    turn[0] = [0, np.pi / 2, 0]
    root = flame_model.joints()[0]

    found = points.vertices(np.zeros(400), turn) - root

    rest = flame_model.template - root
    np.testing.assert_allclose(found, np.stack([rest[:, 2], rest[:, 1], -rest[:, 0]], 1), atol=1e-6)
