"""Clouds for the tests of formats, and how alike two of them look."""

from __future__ import annotations

import numpy as np
import torch

from perse_engine.scene import Camera
from perse_engine.splatting import rasterize
from perse_engine.splatting.cloud import GaussianCloud


def asymmetric_cloud(n: int = 50) -> GaussianCloud:
    """No two axes, sides or channels alike: a swap or a sign anywhere shows."""
    rng = np.random.default_rng(5)
    return GaussianCloud(
        means=rng.uniform((0.01, -0.2, 0.3), (0.05, -0.1, 0.9), (n, 3)),
        quats=rng.normal(size=(n, 4)) + (2, 0.3, -0.5, 0.1),
        scales=rng.uniform((0.001, 0.01, 0.1), (0.002, 0.02, 0.2), (n, 3)),
        opacities=rng.uniform(0.05, 0.95, n),
        colours=rng.uniform((0.0, 0.4, 0.8), (0.2, 0.6, 1.2), (n, 3)),
    )


def drawable_cloud(n: int = 3000) -> GaussianCloud:
    """A coloured, lopsided ball of flat Gaussians, as large as a head, before `Camera.orbit`."""
    rng = np.random.default_rng(6)
    towards = rng.normal(size=(n, 3))
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return GaussianCloud(
        means=towards * (0.08, 0.11, 0.09) + (0.02, -0.02, -0.07),
        quats=rng.normal(size=(n, 4)),
        scales=rng.uniform((0.001, 0.002, 0.004), (0.002, 0.004, 0.008), (n, 3)),
        opacities=rng.uniform(0.3, 1.0, n),
        colours=np.clip(0.5 + 0.4 * towards + rng.normal(scale=0.05, size=(n, 3)), 0, 1),
    )


def psnr_db(a: GaussianCloud, b: GaussianCloud) -> float:
    """Of what the CPU rasteriser draws of each, 256 px."""
    difference = draw(a) - draw(b)
    return float(-10 * np.log10((difference**2).mean() + 1e-20))


def draw(cloud: GaussianCloud) -> np.ndarray:
    """[256, 256, 3] in 0..1 over grey, seen askew."""
    camera = Camera.orbit(15, 10, width_px=256, height_px=256)
    names = ("means", "quats", "scales", "opacities", "colours")
    tensors = [torch.from_numpy(getattr(cloud, name)) for name in names]
    view, intrinsics = torch.from_numpy(camera.world_to_cam), torch.from_numpy(camera.intrinsics())
    background = torch.full((3,), 0.7)
    image = rasterize(*tensors, view, intrinsics, 256, 256, background=background, backend="cpu")
    return image.colours.numpy().clip(0, 1)


def turn_errors_deg(a: GaussianCloud, b: GaussianCloud) -> np.ndarray:
    """Angles between the rotations of two clouds, [N]."""
    cosines = np.abs((a.normalised_quats() * b.normalised_quats()).sum(1))
    return np.degrees(2 * np.arccos(np.minimum(cosines, 1)))
