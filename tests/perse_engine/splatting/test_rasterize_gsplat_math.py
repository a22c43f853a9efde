"""The CPU kernels draw what gsplat's own PyTorch math draws, and give its gradients: a yardstick not written here.

Where a pixel's decision hangs on rounding (is alpha 1/255? has the pixel ended? which Gaussian is nearer?), float32 and
float64 may both be right and differ by a step. The scenes have no such pixel, which the tests check, so that every
single number can be held to a narrow bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch

from benchmarks import gsplat_torch
from perse_engine.splatting import rasterize
from tests.perse_engine.splatting.scenes import (
    GRADIENT_TOLERANCE,
    IMAGE_TOLERANCE,
    NAMES,
    Splats,
    assert_gradients_agree,
    cloud,
    draw_with,
)

# Measured: the alpha of a small Gaussian, where the last digit of its centre counts most, crosses over from 1e-5.
ALPHA_MARGIN_LOG2 = 2e-5
TRANSMITTANCE_MARGIN_LOG2 = 2e-5
DEPTH_MARGIN_M = 5e-7

# Every element: |difference| <= RELATIVE |g| + ABSOLUTE max|g|.
RELATIVE, ABSOLUTE = 1e-3, 1e-4


def discs(splats: Splats) -> Splats:
    """The scene with Gaussians as thin as those of a skin."""
    return replace(splats, scales=splats.scales * torch.tensor([1.0, 1.0, 0.1], dtype=torch.float64))


# Seeds are those whose scenes keep the margins.
SCENES: dict[str, Splats] = {
    "a cloud": cloud(seed=0),
    "many layers": cloud(500, 64, 64, seed=5, size_m=0.05),
    "small Gaussians": cloud(1500, 75, 61, seed=0, size_m=0.004),
    "thin discs": discs(cloud(600, 70, 50, seed=0, size_m=0.015)),
    "a size below one tile": cloud(100, 7, 5, seed=0),
    "a tile and one pixel": cloud(200, 17, 33, seed=0),
    "partly beside the image": cloud(300, 48, 48, seed=1, offset=(0.15, 0.1, 0.0)),
    "partly behind the camera": cloud(400, 40, 40, seed=2, offset=(0.37, 0.0, -0.875)),
}
ANTIALIASED: dict[str, Splats] = {
    "a cloud": cloud(seed=3),
    "many layers": cloud(500, 64, 64, seed=7, size_m=0.05),
    "small Gaussians": cloud(1500, 75, 61, seed=1, size_m=0.004),
    "far below a pixel": cloud(1500, 75, 61, seed=0, size_m=0.0015),
    "thin discs": discs(cloud(600, 70, 50, seed=0, size_m=0.015)),
    "partly beside the image": cloud(300, 48, 48, seed=1, offset=(0.15, 0.1, 0.0)),
    "partly behind the camera": cloud(400, 40, 40, seed=0, offset=(0.37, 0.0, -0.875)),
}
SCENES |= {f"{name}, antialiased": replace(scene, raster_mode="antialiased") for name, scene in ANTIALIASED.items()}


@dataclass(frozen=True)
class Margins:
    """How far the nearest decision of any pixel lies from its threshold."""

    alpha_log2: float
    transmittance_log2: float
    depth_m: float
    ended: int
    """Pixels that end before their last Gaussian."""


def margins(splats: Splats) -> Margins:
    """The scene's margins, pixel row by pixel row from gsplat's projection: every Gaussian at every pixel."""
    projected = gsplat_torch.project(
        splats.means,
        splats.quats,
        splats.scales,
        splats.world_to_cam,
        splats.intrinsics,
        splats.width_px,
        splats.height_px,
        splats.raster_mode,
    )
    opacities = splats.opacities if projected.compensations is None else splats.opacities * projected.compensations
    order = torch.argsort(projected.depths)
    order = order[projected.depths[order] > gsplat_torch.NEAR_M]
    depths, opacities = projected.depths[order], opacities[order]
    (centre_x, centre_y), (a, b, c) = projected.centres[order].unbind(-1), projected.conics[order].unbind(-1)
    dx = torch.arange(splats.width_px)[:, None] + 0.5 - centre_x
    nearest = [math.inf, math.inf, math.inf]
    ended = 0
    for y in range(splats.height_px):
        dy = y + 0.5 - centre_y
        log2_alpha = torch.log2(opacities) - (0.5 * (a * dx**2 + c * dy**2) + b * dx * dy) / math.log(2)
        alpha = torch.exp2(log2_alpha)
        visible = alpha >= gsplat_torch.ALPHA_MIN
        log2_after = torch.log2(torch.where(visible, 1 - alpha, 1)).cumsum(1)
        to_end = log2_after - math.log2(gsplat_torch.TRANSMITTANCE_MIN)
        # The Gaussian that ends a pixel is the last to decide anything there.
        reached = torch.nn.functional.pad(to_end > 0, (1, 0), value=True)[:, :-1]
        ended += int((to_end[:, -1] <= 0).sum())
        visible_depths = torch.where(visible & reached, depths, -math.inf)
        before = torch.nn.functional.pad(visible_depths, (1, 0), value=-math.inf)[:, :-1].cummax(1).values
        found = (
            (log2_alpha - math.log2(gsplat_torch.ALPHA_MIN)).abs()[reached],
            to_end.abs()[reached],
            (depths - before)[visible & reached],
        )
        nearest = [
            min(least, float(values.min())) if len(values) else least
            for least, values in zip(nearest, found, strict=True)
        ]
    return Margins(nearest[0], nearest[1], nearest[2], ended)


@pytest.fixture(scope="module", params=SCENES)
def scene(request: pytest.FixtureRequest) -> Splats:
    """A scene in which no decision hangs on rounding."""
    splats = SCENES[request.param]
    found = margins(splats)
    assert found.alpha_log2 >= ALPHA_MARGIN_LOG2
    assert found.transmittance_log2 >= TRANSMITTANCE_MARGIN_LOG2
    assert found.depth_m >= DEPTH_MARGIN_M
    if request.param.startswith("many layers"):
        assert found.ended > 0.9 * splats.width_px * splats.height_px
    return splats


def test_every_pixel_and_every_gradient_agrees_with_gsplat_math(scene: Splats) -> None:
    truth, ours = (
        draw_with(gsplat_torch.rasterize, scene, torch.float64),
        draw_with(partial(rasterize, backend="cpu"), scene, torch.float32),
    )
    assert float(truth.image.alpha.max()) > 0.3
    torch.testing.assert_close(ours.image.colours.double(), truth.image.colours, rtol=0, atol=IMAGE_TOLERANCE)
    torch.testing.assert_close(ours.image.alpha.double(), truth.image.alpha, rtol=0, atol=IMAGE_TOLERANCE)
    assert_gradients_agree(ours, truth, GRADIENT_TOLERANCE)
    for name in NAMES:
        wanted = truth.gradients[name]
        assert float(wanted.abs().max()) > 0, name
        bound = ABSOLUTE * float(wanted.abs().max())
        torch.testing.assert_close(ours.gradients[name].double(), wanted, rtol=RELATIVE, atol=bound, msg=name)


def test_the_yardstick_draws_the_same_from_its_own_lists_as_from_gsplats() -> None:
    splats = SCENES["a tile and one pixel"]
    ours, shipped = (
        draw_with(partial(gsplat_torch.rasterize, intersect=intersect), splats, torch.float64)
        for intersect in ("vectorised", "shipped")
    )
    assert torch.equal(ours.image.colours, shipped.image.colours)
    assert all(torch.equal(ours.gradients[name], shipped.gradients[name]) for name in NAMES)


def test_the_yardstick_gives_zeros_where_nothing_is_drawn() -> None:
    splats = cloud(20, 20, 20, offset=(0.0, 0.0, -3.0))
    drawn = draw_with(gsplat_torch.rasterize, splats, torch.float64)
    assert float(drawn.image.alpha.abs().max()) == 0
    assert all(float(gradient.abs().max()) == 0 for gradient in drawn.gradients.values())
