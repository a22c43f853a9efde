"""gsplat's PyTorch math on a CPU, differentiated by autograd: a yardstick that shares no code with ours, and a peer.

The wheel of gsplat 1.5.3 carries a PyTorch twin of its CUDA kernels. On a CPU it ends half way:
`rasterize_to_indices_in_range`, which says what each pixel blends, is a CUDA kernel, and `accumulate`, which blends it,
needs nerfacc, which takes CUDA tensors only. So here

- gsplat's own are the covariances, the projection to conics and radii, and (with intersect="shipped") the list of
  Gaussians per tile;
- written for this file are the vectorised list per tile, the pairs that a pixel blends, and the blending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from gsplat.cuda import _torch_impl as gsplat
from torch import Tensor

from perse_engine.splatting import RasterImage, RasterMode
from perse_engine.splatting.backends import BLUR_PX2

TILE_PX = 16
NEAR_M = 0.01
ALPHA_MIN = 1 / 255
# Of the CUDA kernels. gsplat's torch `accumulate` clamps at 0.99 instead.
ALPHA_MAX = 0.999
TRANSMITTANCE_MIN = 1e-4

Intersect = Literal["shipped", "vectorised"]


@dataclass(frozen=True, eq=False)
class Projected:
    """Gaussians in the image: centres [N, 2] px, radii [N, 2] px (0 where not drawn), depths [N], conics [N, 3].

    compensations [N] multiply the opacities; None when classic.
    """

    centres: Tensor
    radii: Tensor
    depths: Tensor
    conics: Tensor
    compensations: Tensor | None = None


@dataclass(frozen=True, eq=False)
class TileLists:
    """Gaussians of each tile, nearest first: tile t holds gaussians[starts[t] : starts[t] + counts[t]]."""

    gaussians: Tensor
    starts: Tensor
    counts: Tensor


@dataclass(frozen=True, eq=False)
class Pairs:
    """What is blended: Gaussian and pixel (row * width + column) of each pair, a pixel's in one run, nearest first."""

    gaussians: Tensor
    pixels: Tensor


def rasterize(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    width_px: int,
    height_px: int,
    *,
    background: Tensor | None = None,
    raster_mode: RasterMode = "classic",
    intersect: Intersect = "vectorised",
) -> RasterImage:
    """One image, with the arguments of `perse_engine.splatting.rasterize` for one camera, in the type of `means`.

    Args:
        intersect: who lists the Gaussians of a tile. "shipped" is gsplat's own, a Python loop over Gaussians, which
            sorts by depth in float32; "vectorised" is ours, with the same boxes.
    """
    projected = project(means, quats, scales, world_to_cam, intrinsics, width_px, height_px, raster_mode)
    if projected.compensations is not None:
        opacities = opacities * projected.compensations
    pairs = blended_pairs(projected, opacities, width_px, height_px, intersect=intersect)
    both = _blend(projected, opacities, colours, pairs, (height_px, width_px))
    image, alpha = both[..., :-1], both[..., -1]
    if background is not None:
        image = image + (1 - alpha)[..., None] * background
    return RasterImage(image, alpha)


def project(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    width_px: int,
    height_px: int,
    raster_mode: RasterMode = "classic",
) -> Projected:
    """gsplat's projection of Gaussians into one camera."""
    covariances, _ = gsplat._quat_scale_to_covar_preci(quats, scales, True, False, triu=False)
    radii, centres, depths, conics, compensations = gsplat._fully_fused_projection(
        means,
        covariances,
        world_to_cam[None],
        intrinsics[None],
        width_px,
        height_px,
        eps2d=BLUR_PX2[raster_mode],
        near_plane=NEAR_M,
        calc_compensations=raster_mode == "antialiased",
    )
    return Projected(centres[0], radii[0], depths[0], conics[0], None if compensations is None else compensations[0])


@torch.no_grad()
def blended_pairs(
    projected: Projected, opacities: Tensor, width_px: int, height_px: int, *, intersect: Intersect = "vectorised"
) -> Pairs:
    """The (Gaussian, pixel) pairs that the image is made of: alpha at least 1/255, before the pixel's end.

    Stands in for gsplat's `rasterize_to_indices_in_range`, by its rules.
    """
    columns, rows = -(-width_px // TILE_PX), -(-height_px // TILE_PX)
    lists = (_shipped_lists if intersect == "shipped" else _vectorised_lists)(projected, columns, rows)
    in_tile_y, in_tile_x = (axis.flatten() for axis in torch.meshgrid(*[torch.arange(TILE_PX)] * 2, indexing="ij"))
    gaussians, pixels = [lists.gaussians[:0]], [lists.gaussians[:0]]
    for tile in torch.nonzero(lists.counts).flatten().tolist():
        start = int(lists.starts[tile])
        inside = lists.gaussians[start : start + int(lists.counts[tile])]
        x, y = tile % columns * TILE_PX + in_tile_x, tile // columns * TILE_PX + in_tile_y
        sigma = _sigma(projected, inside, x[:, None], y[:, None])  # [256, M]
        alpha = (opacities[inside] * torch.exp(-sigma)).clamp_max(ALPHA_MAX)
        visible = (sigma >= 0) & (alpha >= ALPHA_MIN) & ((x < width_px) & (y < height_px))[:, None]
        visible &= torch.cumprod(torch.where(visible, 1 - alpha, 1), 1) > TRANSMITTANCE_MIN
        pixel, number = torch.nonzero(visible, as_tuple=True)
        gaussians.append(inside[number])
        pixels.append((y * width_px + x)[pixel])
    return Pairs(torch.cat(gaussians), torch.cat(pixels))


def _shipped_lists(projected: Projected, columns: int, rows: int) -> TileLists:
    """gsplat's own lists per tile."""
    _, keys, gaussians = gsplat._isect_tiles(
        projected.centres[None], projected.radii[None], projected.depths[None], TILE_PX, columns, rows
    )
    starts = gsplat._isect_offset_encode(keys, 1, columns, rows).flatten().long()
    return TileLists(gaussians.long(), starts, torch.diff(starts, append=starts.new_tensor([len(gaussians)])))


def _vectorised_lists(projected: Projected, columns: int, rows: int) -> TileLists:
    """The same lists without a loop over Gaussians."""
    limits = torch.tensor([columns, rows])
    low, high = (
        torch.minimum(edge.long().clamp(min=0), limits)
        for edge in (
            torch.floor((projected.centres - projected.radii) / TILE_PX),
            torch.ceil((projected.centres + projected.radii) / TILE_PX),
        )
    )
    tiles = (high - low).prod(-1) * (projected.radii > 0).all(-1)  # [N]
    gaussians = torch.repeat_interleave(torch.arange(len(tiles)), tiles)
    number = torch.arange(len(gaussians)) - (tiles.cumsum(0) - tiles)[gaussians]
    across = (high - low)[gaussians, 0]
    tile = (low[gaussians, 1] + number // across) * columns + low[gaussians, 0] + number % across
    nearest_first = torch.argsort(projected.depths, stable=True)
    rank = torch.empty_like(nearest_first)
    rank[nearest_first] = torch.arange(len(rank))
    order = torch.argsort(tile * len(tiles) + rank[gaussians])
    counts = torch.bincount(tile, minlength=columns * rows)
    return TileLists(gaussians[order], counts.cumsum(0) - counts, counts)


def _sigma(projected: Projected, gaussians: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Exponent of each Gaussian at a pixel's centre: alpha = opacity exp(-sigma)."""
    dx, dy = (at + 0.5 - centre for at, centre in zip((x, y), projected.centres[gaussians].unbind(-1), strict=True))
    a, b, c = projected.conics[gaussians].unbind(-1)
    return 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy


def _blend(projected: Projected, opacities: Tensor, colours: Tensor, pairs: Pairs, size: tuple[int, int]) -> Tensor:
    """Colours and alpha, [H, W, D + 1]. Stands in for gsplat's `accumulate`, without nerfacc."""
    height_px, width_px = size
    gaussians, pixels = pairs.gaussians, pairs.pixels
    sigma = _sigma(projected, gaussians, pixels % width_px, pixels // width_px)
    alpha = (opacities[gaussians] * torch.exp(-sigma)).clamp_max(ALPHA_MAX)
    # Transmittance before each pair, for all pixels in one running sum: of millions of terms, hence float64.
    passed = torch.log1p(-alpha).double()
    before = passed.cumsum(0) - passed
    first = torch.ones_like(pixels, dtype=torch.bool)
    first[1:] = pixels[1:] != pixels[:-1]
    run = first.long().cumsum(0) - 1
    weights = alpha * torch.exp(before - before[first][run]).to(alpha.dtype)
    values = torch.cat([colours, torch.ones_like(colours[:, :1])], 1)[gaussians]
    image = torch.zeros(height_px * width_px, values.shape[1], dtype=values.dtype)
    return image.index_add(0, pixels, weights[:, None] * values).view(height_px, width_px, -1)
