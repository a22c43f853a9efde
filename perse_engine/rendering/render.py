"""Avatar + Look + Pose + Expression + Camera -> picture."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch

from perse_engine.avatar.avatar import Avatar, BakedLook
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, FloatArray, Pose
from perse_engine.splatting.backends import choose_backend
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.rasterize import rasterize

BAKED_LOOKS = 16
BLACK = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class RenderOutput:
    """rgb [H, W, 3] float32, sRGB 0..1, over the background asked for (premultiplied over black when that was None);
    alpha [H, W] float32 0..1."""

    rgb: FloatArray
    alpha: FloatArray


class Renderer:
    """Renders one avatar; keeps the last looks baked. One object belongs to one thread."""

    def __init__(self, avatar: Avatar, backend: str = "auto") -> None:
        """Choose the rasteriser: 'auto', 'cpu', 'gsplat' or 'reference'.

        Raises:
            BackendMissing: it was asked for by name and is not there.
        """
        self.avatar = avatar
        self.backend, self.reason = choose_backend(backend)
        self._rasterizer = CpuRasterizer()
        self._baked: OrderedDict[str, BakedLook] = OrderedDict()

    def render(
        self,
        look: Look,
        pose: Pose,
        expression: Expression,
        camera: Camera,
        background: tuple[float, float, float] | None = BLACK,
    ) -> RenderOutput:
        """One picture; `background` None leaves it transparent.

        Raises:
            UnknownName: a category or variant that the avatar does not have.
        """
        gaussians = self.avatar.posed_buffers(self._bake(look), pose, expression)
        behind = np.array(background or BLACK, np.float32)
        rgb = np.empty((camera.height_px, camera.width_px, 3), np.float32)
        alpha = np.empty(rgb.shape[:2], np.float32)
        if self.backend == "cpu":
            self._rasterizer.forward(gaussians, camera, behind, rgb, alpha)
        else:
            device = "cuda" if self.backend == "gsplat" else "cpu"
            arrays = (gaussians.means, gaussians.quats, gaussians.scales, gaussians.opacities, gaussians.colours)
            means, quats, scales, opacities, colours = (torch.from_numpy(a).to(device) for a in arrays)
            with torch.no_grad():
                image = rasterize(
                    means, quats, scales, opacities, colours,
                    torch.from_numpy(camera.world_to_cam).to(device),
                    torch.from_numpy(camera.intrinsics()).to(device),
                    camera.width_px, camera.height_px,
                    background=torch.from_numpy(behind).to(device), backend=self.backend,
                )  # fmt: skip
            rgb[...], alpha[...] = image.colours.cpu().numpy(), image.alpha.cpu().numpy()
        return RenderOutput(np.clip(rgb, 0.0, 1.0), alpha)

    def _bake(self, look: Look) -> BakedLook:
        key = repr(sorted(look.to_json().items()))
        baked = self._baked.pop(key, None) or self.avatar.bake(look)
        self._baked[key] = baked
        while len(self._baked) > BAKED_LOOKS:
            self._baked.popitem(last=False)
        return baked
