"""The reference rasteriser: plain torch, any dtype, gradients by autograd. The yardstick for the other backends.

Formulas: EWA splatting as in gsplat 1.5.3. A pixel blends, nearest first, every Gaussian whose alpha reaches 1/255, and
ends before the one that would bring its transmittance to 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from perse_engine.splatting.backends import BLUR_PX2
from perse_engine.splatting.rasterize import RasterImage, Scene

ALPHA_MIN = 1 / 255
ALPHA_MAX = 0.999
TRANSMITTANCE_MIN = 1e-4
NEAR_M = 0.01
FRUSTUM_MARGIN = 0.3
# Only bounds the memory of the pixel x Gaussian table.
_TILE_PX = 32


@dataclass(frozen=True, eq=False)
class Projected:
    """Gaussians in the image, nearest first.

    Centres [M, 2] px, covariances [M, 2, 2] px^2, opacities [M] as they are drawn, and which Gaussians they are [M].
    """

    centres: Tensor
    covariances: Tensor
    opacities: Tensor
    index: Tensor


def rasterize_scene(scene: Scene) -> RasterImage:
    """Draw every camera."""
    views = [_draw(scene, camera) for camera in range(len(scene.world_to_cam))]
    return scene.image(torch.stack([colours for colours, _ in views]), torch.stack([alpha for _, alpha in views]))


def rotation_matrices(quats: Tensor) -> Tensor:
    """Quaternions [N, 4] wxyz of any length to matrices [N, 3, 3]."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1, eps=0.0).unbind(-1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def project(scene: Scene, camera: int) -> Projected:
    """The Gaussians in front of the camera, nearest first."""
    world_to_cam = scene.world_to_cam[camera].to(scene.means)
    k = scene.intrinsics[camera].to(scene.means)
    fx, fy, cx, cy = k[0, 0], k[1, 1], k[0, 2], k[1, 2]
    points = scene.means @ world_to_cam[:3, :3].T + world_to_cam[:3, 3]  # [N, 3]
    index = torch.nonzero(points[:, 2] >= NEAR_M).flatten()
    index = index[torch.argsort(points[index, 2], stable=True)]
    x, y, z = points[index].unbind(-1)
    centres = torch.stack([fx * x / z + cx, fy * y / z + cy], -1)
    # Far outside the image the linearised projection explodes: its Jacobian is taken near the border instead.
    margin_x, margin_y = FRUSTUM_MARGIN * 0.5 * scene.width_px / fx, FRUSTUM_MARGIN * 0.5 * scene.height_px / fy
    slope_x = torch.clamp(x / z, -cx / fx - margin_x, (scene.width_px - cx) / fx + margin_x)
    slope_y = torch.clamp(y / z, -cy / fy - margin_y, (scene.height_px - cy) / fy + margin_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [torch.stack([fx / z, zero, -fx * slope_x / z], -1), torch.stack([zero, fy / z, -fy * slope_y / z], -1)], -2
    )  # [M, 2, 3]
    axes = rotation_matrices(scene.quats[index]) * scene.scales[index][:, None, :]  # [M, 3, 3], scaled columns
    in_image = jacobian @ world_to_cam[:3, :3] @ axes
    blur_px2 = BLUR_PX2[scene.raster_mode]
    covariances = in_image @ in_image.transpose(-1, -2) + blur_px2 * torch.eye(2, dtype=z.dtype, device=z.device)
    opacities = scene.opacities[index]
    if scene.raster_mode == "antialiased":
        # The root of the sharp determinant is the area that the axes' image rows span; at 0 its gradient is 0 here.
        area = torch.linalg.vector_norm(torch.linalg.cross(in_image[:, 0], in_image[:, 1]), dim=-1)
        traces = torch.diagonal(covariances, dim1=-2, dim2=-1).sum(-1)
        opacities = opacities * area / torch.sqrt(area * area + blur_px2 * (traces - blur_px2))
    return Projected(centres, covariances, opacities, index)


def _draw(scene: Scene, camera: int) -> tuple[Tensor, Tensor]:
    projected = project(scene, camera)
    colours, background = scene.channels(camera)
    strips = []
    for y in range(0, scene.height_px, _TILE_PX):
        height = min(_TILE_PX, scene.height_px - y)
        tiles = [
            _draw_tile(scene, colours, projected, (x, y), (min(_TILE_PX, scene.width_px - x), height))
            for x in range(0, scene.width_px, _TILE_PX)
        ]
        strips.append(torch.cat(tiles, 1))
    both = torch.cat(strips, 0)  # [H, W, D + 1]
    alpha = both[..., -1]
    return both[..., :-1] + (1 - alpha)[..., None] * background.to(scene.means), alpha


def _draw_tile(
    scene: Scene, colours: Tensor, projected: Projected, origin: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """Colours and alpha of one tile, [h, w, D + 1]."""
    width, height = size
    like = projected.centres
    xs = origin[0] + 0.5 + torch.arange(width, dtype=like.dtype, device=like.device)
    ys = origin[1] + 0.5 + torch.arange(height, dtype=like.dtype, device=like.device)
    pixels = torch.cartesian_prod(ys, xs).flip(-1)  # [P, 2] as x, y
    near = _touching(projected, origin, size)
    centres, covariances, index = projected.centres[near], projected.covariances[near], projected.index[near]
    opacities = projected.opacities[near]
    a, b, c = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
    dx, dy = (pixels[:, None, :] - centres).unbind(-1)  # [P, M]
    sigma = 0.5 * (c * dx * dx - 2 * b * dx * dy + a * dy * dy) / (a * c - b * b)
    alpha = torch.clamp(opacities * torch.exp(-sigma), max=ALPHA_MAX)
    with torch.no_grad():
        visible = alpha >= ALPHA_MIN
        visible &= torch.cumprod(torch.where(visible, 1 - alpha, 1), 1) > TRANSMITTANCE_MIN
    alpha = torch.where(visible, alpha, 0)
    after = torch.cumprod(1 - alpha, 1)
    before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], 1) if len(index) else after
    weights = alpha * before
    both = torch.cat([weights @ colours[index], weights.sum(1, keepdim=True)], -1)
    return both.reshape(height, width, -1)


@torch.no_grad()
def _touching(projected: Projected, origin: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Numbers (nearest first) of the Gaussians whose alpha may reach 1/255 in the tile: a box around the ellipse."""
    opacities = projected.opacities
    span = 2 * torch.log(torch.clamp(opacities / ALPHA_MIN, min=1.0))
    extent = torch.sqrt(span[:, None] * torch.diagonal(projected.covariances, dim1=-2, dim2=-1)) + 1e-2
    low = projected.centres.new_tensor(origin)
    high = low + projected.centres.new_tensor(size)
    touches = (projected.centres + extent >= low) & (projected.centres - extent <= high)
    return torch.nonzero(touches.all(-1) & (opacities >= ALPHA_MIN)).flatten()
