"""The CUDA backend: a thin door to gsplat's own kernels."""

from __future__ import annotations

import torch

from perse_engine.splatting.backends import BLUR_PX2
from perse_engine.splatting.rasterize import RasterImage, Scene


def rasterize_scene(scene: Scene) -> RasterImage:
    """Draw every camera on the current CUDA device in float32; the result returns to where `means` came from."""
    import gsplat

    device = torch.device("cuda")

    def on_device(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(device, torch.float32)

    cameras = len(scene.world_to_cam)
    # gsplat appends camera z to the colours, blended like them, and takes a background for them alone.
    colours, alpha, _ = gsplat.rasterization(
        on_device(scene.means),
        on_device(scene.quats),
        on_device(scene.scales),
        on_device(scene.opacities),
        on_device(scene.colours),
        on_device(scene.world_to_cam),
        on_device(scene.intrinsics),
        scene.width_px,
        scene.height_px,
        near_plane=0.01,
        eps2d=BLUR_PX2[scene.raster_mode],
        packed=False,
        rasterize_mode=scene.raster_mode,
        backgrounds=on_device(scene.background).expand(cameras, -1),
        render_mode="RGB+D" if scene.with_depth else "RGB",
    )
    return scene.image(colours.to(scene.means), alpha[..., 0].to(scene.means))
