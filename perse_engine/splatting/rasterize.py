"""rasterize(): Gaussians to an image with gsplat's conventions, differentiable, by any backend."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from perse_engine.errors import InvalidValue
from perse_engine.splatting.backends import RasterMode, check_raster_mode, choose_backend

MAX_SIDE_PX = 16384


@dataclass(frozen=True, eq=False)
class RasterImage:
    """What a camera sees of the Gaussians.

    Attributes:
        colours: [H, W, D], premultiplied by alpha, with the background behind; [C, H, W, D] for a batch of cameras.
        alpha: [H, W] in 0..1 (or [C, H, W]).
        depth: like alpha, when asked for: the blended sum of camera z in metres; over alpha it is the expected depth.
    """

    colours: Tensor
    alpha: Tensor
    depth: Tensor | None = None

    def view(self, camera: int) -> RasterImage:
        """One camera of a batch."""
        return RasterImage(self.colours[camera], self.alpha[camera], None if self.depth is None else self.depth[camera])


@dataclass(frozen=True, eq=False)
class Scene:
    """Checked arguments of `rasterize`, which every backend takes: shapes as there, always with a camera axis."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colours: Tensor
    world_to_cam: Tensor
    intrinsics: Tensor
    background: Tensor
    width_px: int
    height_px: int
    with_depth: bool = False
    raster_mode: RasterMode = "classic"

    def channels(self, camera: int) -> tuple[Tensor, Tensor]:
        """What is blended for a camera: colours [N, D (+ 1)] and their background; the last may be camera z."""
        if not self.with_depth:
            return self.colours, self.background
        view = self.world_to_cam[camera].to(self.means)
        z = self.means @ view[2, :3] + view[2, 3]
        colours = torch.cat([self.colours, z[:, None].to(self.colours)], 1)
        return colours, torch.cat([self.background, self.background.new_zeros(1)])

    def image(self, colours: Tensor, alpha: Tensor) -> RasterImage:
        """Blended `channels` [C, H, W, D (+ 1)] as the result."""
        if not self.with_depth:
            return RasterImage(colours, alpha)
        return RasterImage(colours[..., :-1], alpha, colours[..., -1])


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
    with_depth: bool = False,
    raster_mode: RasterMode = "classic",
    backend: str = "auto",
) -> RasterImage:
    """Blend N Gaussians front to back, with the rules of gsplat 1.5.3 (alpha 1/255..0.999).

    Differentiable by the first five arguments. Results come on the device and in the type of `means`; `cpu` computes in
    float32 on the CPU, `gsplat` in float32 on the current CUDA device, `reference` wherever the tensors are.

    Args:
        means: [N, 3] world frame.
        quats: [N, 4] wxyz, any length but 0.
        scales: [N, 3] standard deviations, >= 0.
        opacities: [N] in 0..1.
        colours: [N, D], any D >= 1: colour, features, logits.
        world_to_cam: [4, 4] or [C, 4, 4], OpenCV axes.
        intrinsics: K, [3, 3] or [C, 3, 3], px; pixel centres at .5; no skew.
        background: [D]; black when None.
        with_depth: blend camera z too, differentiable by the means.
        raster_mode: 'classic' or 'antialiased'; see `RasterMode`.
        backend: 'auto', 'cpu', 'gsplat' or 'reference'; see `choose_backend`.

    Raises:
        InvalidValue: shapes that do not fit, a number that is not finite, an image side outside 1..16384 px.
        UnknownName: no such backend or raster mode.
        BackendMissing: the backend does not run on this machine.
    """
    chosen, _ = choose_backend(backend)
    if background is None:
        background = colours.new_zeros(colours.shape[-1])
    batched = world_to_cam.dim() == 3
    cameras, calibrations = (t if t.dim() == 3 else t[None] for t in (world_to_cam, intrinsics))
    scene = Scene(
        means, quats, scales, opacities, colours, cameras, calibrations, background,
        int(width_px), int(height_px), bool(with_depth), check_raster_mode(raster_mode),
    )  # fmt: skip
    _check(scene)
    # Imported when chosen: numba and gsplat take seconds.
    if chosen == "reference":
        from perse_engine.splatting.reference import rasterize_scene
    elif chosen == "cpu":
        from perse_engine.splatting.cpu.autograd import rasterize_scene
    else:
        from perse_engine.splatting.gsplat_backend import rasterize_scene
    image = rasterize_scene(scene)
    return image if batched else image.view(0)


def _check(scene: Scene) -> None:
    n, cameras = len(scene.means), len(scene.world_to_cam)
    channels = scene.colours.shape[-1] if scene.colours.dim() == 2 else 0
    expected = {
        "means": (n, 3),
        "quats": (n, 4),
        "scales": (n, 3),
        "opacities": (n,),
        "colours": (n, channels),
        "world_to_cam": (cameras, 4, 4),
        "intrinsics": (cameras, 3, 3),
        "background": (channels,),
    }
    for name, shape in expected.items():
        tensor: Tensor = getattr(scene, name)
        if tensor.shape != shape or 0 in shape[1:]:
            raise InvalidValue(f"{name} has shape {tuple(tensor.shape)}; expected {shape}.")
        if not bool(torch.isfinite(tensor).all()):
            raise InvalidValue(f"{name} holds a number that is not finite.")
    if not (1 <= scene.width_px <= MAX_SIDE_PX and 1 <= scene.height_px <= MAX_SIDE_PX):
        raise InvalidValue(
            f"An image of {scene.width_px} x {scene.height_px} px cannot be drawn; sides are 1..{MAX_SIDE_PX} px."
        )
    if cameras == 0:
        raise InvalidValue("There is no camera.")
