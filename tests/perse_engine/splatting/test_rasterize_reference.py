"""The reference is right by itself: finite differences, and images that can be worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.rasterize import rasterize
from perse_engine.splatting.reference import rotation_matrices
from tests.perse_engine.splatting.scenes import NAMES, cloud, draw

MODES: tuple[RasterMode, ...] = ("classic", "antialiased")


@pytest.mark.parametrize("position", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("raster_mode", MODES)
def test_gradients_agree_with_finite_differences(position: int, raster_mode: RasterMode) -> None:
    # Large Gaussians in 3 x 2 px: no pixel is near the cut-off, where nothing is differentiable.
    splats = replace(cloud(6, 3, 2, size_m=0.3), opacities=torch.linspace(0.2, 0.7, 6, dtype=torch.float64))
    if raster_mode == "antialiased":
        # About a pixel wide, and near the image's middle.
        splats = replace(splats, scales=0.5 * splats.scales, means=0.5 * splats.means)
    leaves = splats.leaves(torch.float64)

    def colours_and_alpha(leaf: torch.Tensor) -> torch.Tensor:
        inputs = [*leaves[:position], leaf, *leaves[position + 1 :]]
        image = rasterize(
            *inputs, splats.world_to_cam, splats.intrinsics, 3, 2, raster_mode=raster_mode, backend="reference"
        )
        return torch.cat([image.colours.flatten(), image.alpha.flatten()])

    assert torch.autograd.gradcheck(colours_and_alpha, leaves[position], eps=1e-6, atol=1e-7, rtol=1e-5)


@pytest.mark.parametrize("raster_mode", MODES)
@pytest.mark.parametrize("sigma", [0.01, 0.003])
def test_a_round_gaussian_has_the_width_and_height_of_the_formula(raster_mode: RasterMode, sigma: float) -> None:
    focal, depth, opacity = 100.0, 1.0, 0.8
    image = rasterize(
        torch.zeros(1, 3, dtype=torch.float64),
        torch.tensor([[1.0, 0, 0, 0]], dtype=torch.float64),
        torch.full((1, 3), sigma, dtype=torch.float64),
        torch.tensor([opacity], dtype=torch.float64),
        torch.tensor([[0.25, 0.5, 1.0]], dtype=torch.float64),
        torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, depth], [0, 0, 0, 1]], dtype=torch.float64),
        torch.tensor([[focal, 0, 8.5], [0, focal, 8.5], [0, 0, 1]], dtype=torch.float64),
        17,
        17,
        raster_mode=raster_mode,
        backend="reference",
    )
    sharp = (sigma * focal / depth) ** 2
    variance = sharp + (0.3 if raster_mode == "classic" else 0.1)
    peak = opacity if raster_mode == "classic" else opacity * sharp / variance
    expected = peak * math.exp(-0.5 * 1**2 / variance)
    assert float(image.alpha[8, 8]) == pytest.approx(peak)
    assert float(image.alpha[8, 9]) == pytest.approx(expected)
    assert image.colours[8, 9].tolist() == pytest.approx([0.25 * expected, 0.5 * expected, expected])


def test_the_nearer_gaussian_hides_the_farther_one_whatever_their_order() -> None:
    def red(order: list[int]) -> float:
        means = torch.tensor([[0.0, 0, 0], [0.0, 0, 0.5]])[order]
        colours = torch.tensor([[1.0, 0, 0], [0.0, 1, 0]])[order]
        image = rasterize(
            means,
            torch.tensor([[1.0, 0, 0, 0]]).expand(2, 4),
            torch.full((2, 3), 0.2),
            torch.full((2,), 0.99),
            colours,
            torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]),
            torch.tensor([[10.0, 0, 0.5], [0, 10, 0.5], [0, 0, 1]]),
            1,
            1,
            backend="reference",
        )
        return float(image.colours[0, 0, 0])

    assert red([0, 1]) == red([1, 0]) == pytest.approx(0.99, abs=1e-3)


def test_quaternions_turn_as_scalar_first() -> None:
    half = math.sqrt(0.5)
    turned = rotation_matrices(torch.tensor([[half, 0.0, 0.0, half]])) @ torch.tensor([1.0, 0.0, 0.0])
    torch.testing.assert_close(turned, torch.tensor([[0.0, 1.0, 0.0]]))


def test_the_order_of_gaussians_does_not_matter() -> None:
    splats = cloud(100, 20, 20)
    turned = replace(splats, **{name: getattr(splats, name).flip(0) for name in NAMES})
    torch.testing.assert_close(draw(splats, "reference").image.colours, draw(turned, "reference").image.colours)
