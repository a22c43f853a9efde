"""The fused Adam against torch's, per column and for bases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from perse_engine.errors import InvalidValue
from perse_engine.splatting.adam import Adam, AdamSettings

TOLERANCE = 2e-6
"""Absolute, for parameters of size 1 after 20 steps in float32."""
SETTINGS = AdamSettings(0.9, 0.99, 1e-8)
STEPS = 20


def gradients(*shape: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=shape).astype(np.float32) for _ in range(STEPS)]


def start(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def torch_adam(parameters: np.ndarray, rates: np.ndarray, steps: list[np.ndarray]) -> np.ndarray:
    """torch.optim.Adam in float64 with one parameter group per column (the last axis)."""
    columns = [torch.from_numpy(parameters[..., k]).double().requires_grad_() for k in range(len(rates))]
    groups = [{"params": [column], "lr": float(rate)} for column, rate in zip(columns, rates, strict=True)]
    optimiser = torch.optim.Adam(groups, betas=(SETTINGS.beta1, SETTINGS.beta2), eps=SETTINGS.epsilon)
    for gradient in steps:
        for k, column in enumerate(columns):
            column.grad = torch.from_numpy(gradient[..., k]).double()
        optimiser.step()
    return torch.stack(columns, -1).detach().numpy()


@pytest.mark.parametrize(("n", "d"), [(1, 1), (5, 14), (16, 3), (100, 14), (33, 1)])
def test_steps_agree_with_torch(n: int, d: int) -> None:
    parameters, rates = start(n, d), np.linspace(1e-3, 3e-2, d).astype(np.float32)
    expected = torch_adam(parameters, rates, gradients(n, d))
    adam = Adam(parameters, rates, settings=SETTINGS)
    for gradient in gradients(n, d):
        adam.step(gradient)
    np.testing.assert_allclose(parameters, expected, atol=TOLERANCE)
    assert adam.steps == STEPS


def test_basis_steps_agree_with_torch_on_the_whole_gradient() -> None:
    k, n, d = 3, 21, 5
    bases, rates = start(k, n, d), np.linspace(1e-3, 1e-2, d).astype(np.float32)
    coefficients = [np.random.default_rng(s).normal(size=k).astype(np.float32) for s in range(STEPS)]
    whole = [c[:, None, None] * g for c, g in zip(coefficients, gradients(n, d), strict=True)]
    expected = torch_adam(bases, rates, whole)
    adam = Adam(bases, rates, settings=SETTINGS)
    for c, g in zip(coefficients, gradients(n, d), strict=True):
        adam.step_basis(c, g)
    np.testing.assert_allclose(bases, expected, atol=TOLERANCE)


def test_a_decay_pulls_towards_zero_per_column() -> None:
    parameters = np.ones((20, 2), np.float32)
    adam = Adam(parameters, np.zeros(2, np.float32), decays=np.array([0.0, 0.5], np.float32))
    adam.step(np.ones((20, 2), np.float32))
    assert (parameters == np.array([1.0, 0.5])).all()


def test_the_rate_factor_scales_a_step() -> None:
    whole, half = start(20, 3), start(20, 3)
    gradient, rates = gradients(20, 3)[0], np.full(3, 0.01, np.float32)
    Adam(whole, rates).step(gradient)
    Adam(half, rates).step(gradient, rate_factor=0.5)
    np.testing.assert_allclose(half - start(20, 3), 0.5 * (whole - start(20, 3)), atol=1e-7)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidValue):
        Adam(np.zeros((4, 3)), np.ones(3, np.float32))
    with pytest.raises(InvalidValue):
        Adam(start(4, 3), np.ones(2, np.float32))
    with pytest.raises(InvalidValue):
        Adam(start(4, 3), np.ones(3, np.float32)).step(start(5, 3))
    with pytest.raises(InvalidValue):
        Adam(start(4, 3), np.ones(3, np.float32)).step_basis(np.ones(1, np.float32), start(4, 3))
    with pytest.raises(InvalidValue):
        Adam(start(2, 4, 3), np.ones(3, np.float32)).step(start(4, 3))
