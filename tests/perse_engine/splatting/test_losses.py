"""The loss kernel against its torch twin, and SSIM against scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from perse_engine.errors import InvalidValue
from perse_engine.splatting.losses import ImageLoss, LossWeights, image_loss, ssim_map

VALUE_TOLERANCE = 1e-6
GRADIENT_TOLERANCE = 1e-5
"""Largest difference, as a share of the largest gradient; float32 against float64, measured 1.4e-6."""

SIZES = [(1, 1), (2, 9), (31, 5), (32, 16), (33, 17), (70, 64)]
WEIGHTS = {
    "all": LossWeights(),
    "l1 only": LossWeights(1.0, 0.0, 0.0),
    "ssim only": LossWeights(0.0, 1.0, 0.0),
    "alpha only": LossWeights(0.0, 0.0, 1.0),
}


def images(height: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Colours and alpha, target colours and alpha; partly equal, as background is."""
    rng = np.random.default_rng(seed)
    x, a = rng.random((height, width, 3), dtype=np.float32), rng.random((height, width), dtype=np.float32)
    y, b = (0.7 * x + 0.3 * rng.random(x.shape)).astype(np.float32), rng.random(a.shape, dtype=np.float32)
    x[: height // 3] = y[: height // 3] = 0
    a[: height // 3] = b[: height // 3] = 0
    return x, a, y, b


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", WEIGHTS)
def test_value_and_gradient_agree_with_the_torch_twin(size: tuple[int, int], name: str) -> None:
    x, a, y, b = images(*size)
    grad_x, grad_a = np.full_like(x, 7), np.full_like(a, 7)
    value = ImageLoss(WEIGHTS[name])(x, a, y, b, grad_x, grad_a)
    leaves = [torch.from_numpy(array).double().requires_grad_() for array in (x, a)]
    truth = image_loss(*leaves, torch.from_numpy(y).double(), torch.from_numpy(b).double(), WEIGHTS[name])
    expected = torch.autograd.grad(truth, leaves)
    assert value == pytest.approx(truth.item(), abs=VALUE_TOLERANCE)
    scale = max(float(g.abs().max()) for g in expected)
    for ours, theirs in zip((grad_x, grad_a), expected, strict=True):
        assert np.abs(ours - theirs.numpy()).max() <= GRADIENT_TOLERANCE * scale


def test_equal_images_have_no_loss_and_no_gradient() -> None:
    x, a, *_ = images(40, 30)
    grad_x, grad_a = np.ones_like(x), np.ones_like(a)
    assert ImageLoss(LossWeights())(x, a, x, a, grad_x, grad_a) == pytest.approx(0, abs=1e-6)
    assert np.abs(grad_x).max() < 1e-8
    assert np.abs(grad_a).max() == 0


def test_ssim_is_that_of_scikit_image_where_the_window_lies_inside() -> None:
    x, _, y, _ = images(48, 40)
    _, theirs = structural_similarity(
        x, y, win_size=7, data_range=1.0, channel_axis=2, use_sample_covariance=False, full=True
    )
    ours = ssim_map(torch.from_numpy(x).double(), torch.from_numpy(y).double()).numpy()
    np.testing.assert_allclose(ours[3:-3, 3:-3], theirs[3:-3, 3:-3], atol=1e-5)


def test_an_object_serves_images_of_changing_size() -> None:
    loss = ImageLoss(LossWeights())
    for size in ((40, 33), (12, 50), (40, 33)):
        x, a, y, b = images(*size)
        first, second = (np.zeros_like(x) for _ in range(2))
        value = loss(x, a, y, b, first, np.zeros_like(a))
        assert value == ImageLoss(LossWeights())(x, a, y, b, second, np.zeros_like(a))
        assert np.array_equal(first, second)


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, a, y, b = images(8, 8)
    with pytest.raises(InvalidValue):
        ImageLoss(LossWeights())(x, a, y[:4], b, np.zeros_like(x), np.zeros_like(a))
    with pytest.raises(InvalidValue):
        ImageLoss(LossWeights())(x, a[:4], y, b, np.zeros_like(x), np.zeros_like(a))
    with pytest.raises(InvalidValue, match="gradient"):
        ImageLoss(LossWeights())(x, a, y, b, np.zeros((8, 16, 3), np.float32)[:, ::2], np.zeros_like(a))
