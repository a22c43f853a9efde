"""What the antialiased mode is for: the same Gaussians at several image sizes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.rasterize import RasterImage, rasterize

N = 6000
FOCAL_PER_WIDTH = 2.5
BACKENDS = pytest.mark.parametrize("backend", ["cpu", "reference"])


def skin() -> list[Tensor]:
    """Thin discs side by side on the front of an ellipsoid of a head's size: at 256 px, a pixel apart."""
    generator = torch.Generator().manual_seed(0)
    normals = torch.randn((N, 3), generator=generator)
    normals = torch.nn.functional.normalize(normals * torch.tensor([1.0, 1.0, 0.7]), dim=1)
    normals[:, 2] = -normals[:, 2].abs()
    radii = torch.tensor([0.075, 0.105, 0.095])
    # The shortest turn from the z axis, a disc's thin side, to the normal.
    quats = torch.stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], torch.zeros(N)], 1) + 1e-6
    stripes = 0.5 + 0.4 * torch.sin(normals * torch.tensor([31.0, 47.0, 23.0]))
    return [normals * radii, quats, 9e-4 * torch.tensor([[1.0, 1.0, 0.2]]).expand(N, 3), torch.full((N,), 0.9), stripes]


def drawn(px: int, raster_mode: RasterMode, gaussians: list[Tensor], backend: str = "cpu") -> RasterImage:
    world_to_cam = torch.eye(4)
    world_to_cam[2, 3] = 0.7
    focal = FOCAL_PER_WIDTH * px
    intrinsics = torch.tensor([[focal, 0, px / 2], [0, focal, px / 2], [0, 0, 1.0]])
    return rasterize(*gaussians, world_to_cam, intrinsics, px, px, raster_mode=raster_mode, backend=backend)


def halved(image: Tensor) -> Tensor:
    """[2 H, 2 W, D] to [H, W, D], means of four pixels."""
    height, width, channels = image.shape
    return image.reshape(height // 2, 2, width // 2, 2, channels).mean((1, 3))


def disagreement(raster_mode: RasterMode) -> float:
    """Root mean square difference of a head drawn at 256 px, and at 512 px and halved."""
    small, large = (drawn(px, raster_mode, skin()) for px in (256, 512))
    inside = small.alpha > 0.05
    assert float(inside.float().mean()) > 0.1
    difference = torch.cat([small.colours, small.alpha[..., None]], -1) - halved(
        torch.cat([large.colours, large.alpha[..., None]], -1)
    )
    return float(difference[inside].square().mean().sqrt())


def test_a_head_drawn_at_two_sizes_agrees_better_than_in_classic_mode() -> None:
    classic, antialiased = disagreement("classic"), disagreement("antialiased")
    assert antialiased < 0.5 * classic


@BACKENDS
@pytest.mark.parametrize("sigma_px", [0.3, 0.5, 2.0])
def test_a_faint_gaussian_weighs_what_it_covers_however_small_it_is(sigma_px: float, backend: str) -> None:
    px, opacity = 64, 0.5
    sigma = sigma_px * 0.7 / (FOCAL_PER_WIDTH * px)
    gaussian = [
        torch.tensor([[1e-4, 2e-4, 0.0]]),
        torch.tensor([[1.0, 0, 0, 0]]),
        torch.full((1, 3), sigma),
        torch.tensor([opacity]),
        torch.ones(1, 3),
    ]
    weight = float(drawn(px, "antialiased", gaussian, backend).alpha.sum())
    # The tail below 1/255 is cut off.
    assert weight == pytest.approx(2 * math.pi * sigma_px**2 * opacity, rel=0.1)
    assert float(drawn(px, "classic", gaussian, backend).alpha.sum()) > weight


@BACKENDS
def test_large_gaussians_are_hardly_changed(backend: str) -> None:
    gaussians = skin()
    gaussians = [g[:200] for g in gaussians]
    gaussians[2] = torch.full((200, 3), 0.02)
    classic, antialiased = (drawn(64, mode, gaussians, backend) for mode in ("classic", "antialiased"))
    torch.testing.assert_close(antialiased.colours, classic.colours, rtol=0, atol=0.02)


@BACKENDS
def test_gradients_stay_finite_down_to_nothing(backend: str) -> None:
    leaves = [g[:64].clone() for g in skin()]
    leaves[2] = torch.logspace(-12, -1, 64)[:, None] * torch.tensor([[1.0, 0.1, 0.0]])
    leaves[2][::7] = 0
    leaves = [leaf.requires_grad_() for leaf in leaves]
    image = drawn(128, "antialiased", leaves, backend)
    gradients = torch.autograd.grad(image.colours.sum() + image.alpha.sum(), leaves)
    assert float(image.alpha.detach().max()) > 0
    assert all(bool(torch.isfinite(gradient).all()) for gradient in gradients)
