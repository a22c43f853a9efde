"""Small scenes of Gaussians, and how far two renderings of them may lie apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.rasterize import RasterImage, rasterize

NAMES = ("means", "quats", "scales", "opacities", "colours")

# float32 kernels against the float64 reference; measured 4e-6 and 8e-6.
IMAGE_TOLERANCE = 2e-5
GRADIENT_TOLERANCE = 1e-4
"""Relative L2 of every gradient tensor (issue: at most 1e-4)."""
# A contribution right at alpha = 1/255 may be blended by one backend and not by the other: a step of 1/255 in a pixel.
CUT_OFF_STEP = 1.01 / 255
CUT_OFF_SHARE = 2e-3


@dataclass(frozen=True)
class Splats:
    """Arguments of `rasterize`, float64."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colours: Tensor
    world_to_cam: Tensor
    intrinsics: Tensor
    width_px: int
    height_px: int
    background: Tensor
    raster_mode: RasterMode = "classic"

    def leaves(self, dtype: torch.dtype) -> list[Tensor]:
        return [getattr(self, name).detach().to(dtype).clone().requires_grad_() for name in NAMES]


def cloud(
    n: int = 300,
    width_px: int = 50,
    height_px: int = 37,
    *,
    seed: int = 0,
    channels: int = 3,
    size_m: float = 0.02,
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Splats:
    """Gaussians scattered in a box of 0.3 m, one metre before a camera that looks at it askew."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    angle = torch.tensor(0.4, dtype=torch.float64)
    world_to_cam = torch.eye(4, dtype=torch.float64)
    world_to_cam[0, 0] = world_to_cam[2, 2] = torch.cos(angle)
    world_to_cam[0, 2], world_to_cam[2, 0] = torch.sin(angle), -torch.sin(angle)
    world_to_cam[2, 3] = 1.0
    focal = 2.5 * max(width_px, height_px)
    intrinsics = torch.tensor(
        [[focal, 0, 0.45 * width_px], [0, 1.1 * focal, 0.55 * height_px], [0, 0, 1]], dtype=torch.float64
    )
    return Splats(
        means=(uniform(n, 3) - 0.5) * 0.3 + torch.tensor(offset, dtype=torch.float64),
        quats=normal(n, 4),
        scales=size_m * torch.exp(0.6 * normal(n, 3)),
        opacities=0.05 + 0.93 * uniform(n),
        colours=uniform(n, channels),
        world_to_cam=world_to_cam,
        intrinsics=intrinsics,
        width_px=width_px,
        height_px=height_px,
        background=uniform(channels),
    )


@dataclass(frozen=True)
class Drawn:
    """An image and the gradients of a fixed random loss on it."""

    image: RasterImage
    gradients: dict[str, Tensor]


def draw(splats: Splats, backend: str) -> Drawn:
    """As `draw_with`, in float64 by the reference and in float32 by the others."""
    dtype = torch.float64 if backend == "reference" else torch.float32
    return draw_with(partial(rasterize, backend=backend), splats, dtype)


def draw_with(render: Callable[..., RasterImage], splats: Splats, dtype: torch.dtype) -> Drawn:
    """Rasterise; then back from weights that are random per pixel and channel, so that nothing cancels."""
    leaves = splats.leaves(dtype)
    image = render(
        *leaves,
        splats.world_to_cam.to(dtype),
        splats.intrinsics.to(dtype),
        splats.width_px,
        splats.height_px,
        background=splats.background.to(dtype),
        raster_mode=splats.raster_mode,
    )
    generator = torch.Generator().manual_seed(99)
    weights = torch.randn(image.colours.shape, generator=generator, dtype=torch.float64).to(dtype)
    alpha_weights = torch.randn(image.alpha.shape, generator=generator, dtype=torch.float64).to(dtype)
    loss = (weights * image.colours).sum() + (alpha_weights * image.alpha).sum()
    if loss.requires_grad:
        loss.backward()
    gradients = {
        name: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        for name, leaf in zip(NAMES, leaves, strict=True)
    }
    return Drawn(RasterImage(image.colours.detach(), image.alpha.detach()), gradients)


def relative_error(value: Tensor, truth: Tensor) -> float:
    """Relative L2; 0 when both are 0."""
    size = float(truth.norm())
    return float((value.double() - truth).norm()) / size if size else float(value.norm())


def assert_images_agree(value: RasterImage, truth: RasterImage, tolerance: float = IMAGE_TOLERANCE) -> None:
    """All pixels within the tolerance; except a few, which may differ by one Gaussian at the cut-off."""
    for a, b in ((value.colours, truth.colours), (value.alpha, truth.alpha)):
        difference = (a.double() - b).abs()
        assert torch.isfinite(a).all()
        assert float(difference.max()) < CUT_OFF_STEP
        assert float((difference > tolerance).double().mean()) <= CUT_OFF_SHARE


def assert_gradients_agree(value: Drawn, truth: Drawn, tolerance: float = GRADIENT_TOLERANCE) -> None:
    """Every gradient tensor within the relative tolerance."""
    for name in NAMES:
        assert torch.isfinite(value.gradients[name]).all(), name
        assert relative_error(value.gradients[name], truth.gradients[name]) <= tolerance, name
