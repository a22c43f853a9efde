"""Avatar + Look + Pose + Expression + Camera -> picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from perse_engine.avatar.avatar import Avatar, SourceLight
from perse_engine.avatar.lighting import shade
from perse_engine.avatar.posing import Poser, VisibleLook, visible_look
from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, FloatArray, Pose
from perse_engine.splatting.backends import choose_backend
from perse_engine.splatting.cpu.layout import GaussianBuffers
from perse_engine.splatting.cpu.rasterizer import CpuRasterizer
from perse_engine.splatting.rasterize import rasterize

BAKED_LOOKS = 16
VIEWS_TOGETHER = 4
"""More views at once leave the processor's caches."""
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
        self._rasterizer = CpuRasterizer(avatar.raster_mode)
        self._poser = Poser(avatar)
        self._baked: OrderedDict[str, VisibleLook] = OrderedDict()

    def render(
        self,
        look: Look,
        pose: Pose,
        expression: Expression,
        camera: Camera,
        background: tuple[float, float, float] | None = BLACK,
        light: float = 0.0,
    ) -> RenderOutput:
        """One picture; `background` None leaves it transparent, `light` is the share 0..1 of the photo's light.

        Raises:
            UnknownName: a category or variant that the avatar does not have.
            InvalidValue: another share, or an avatar whose colours have the photo's light in them.
        """
        return self.render_views(look, pose, expression, (camera,), background, light)[0]

    def render_views(
        self,
        look: Look,
        pose: Pose,
        expression: Expression,
        cameras: Sequence[Camera],
        background: tuple[float, float, float] | None = BLACK,
        light: float = 0.0,
    ) -> list[RenderOutput]:
        """One frame seen by several cameras of one size: posed once, and drawn together in small groups.

        Raises:
            UnknownName: a category or variant that the avatar does not have.
            InvalidValue: cameras of different sizes; see also `render`.
        """
        visible = self._bake(look)
        gaussians = self._poser.pose(visible, pose, expression)
        if light:
            shade(gaussians.colours, self._light(light), visible.rows, visible.binding, pose, light)
        behind = np.array(background or BLACK, np.float32)
        draw = self._draw_on_cpu if self.backend == "cpu" else self._draw_by_torch
        outputs: list[RenderOutput] = []
        for first in range(0, len(cameras), VIEWS_TOGETHER):
            outputs += draw(gaussians, cameras[first : first + VIEWS_TOGETHER], behind)
        return outputs

    def _draw_on_cpu(
        self, gaussians: GaussianBuffers, cameras: Sequence[Camera], behind: FloatArray
    ) -> list[RenderOutput]:
        rgb = np.empty((len(cameras), cameras[0].height_px, cameras[0].width_px, 3), np.float32)
        alpha = np.empty(rgb.shape[:3], np.float32)
        self._rasterizer.forward_views(gaussians, cameras, behind, rgb, alpha)
        np.clip(rgb, 0.0, 1.0, out=rgb)
        return [RenderOutput(*pair) for pair in zip(rgb, alpha, strict=True)]

    def _draw_by_torch(
        self, gaussians: GaussianBuffers, cameras: Sequence[Camera], behind: FloatArray
    ) -> list[RenderOutput]:
        device = "cuda" if self.backend == "gsplat" else "cpu"
        arrays = (gaussians.means, gaussians.quats, gaussians.scales, gaussians.opacities, gaussians.colours)
        means, quats, scales, opacities, colours = (torch.from_numpy(a).to(device) for a in arrays)
        with torch.no_grad():
            image = rasterize(
                means, quats, scales, opacities, colours,
                torch.from_numpy(np.stack([c.world_to_cam for c in cameras])).to(device),
                torch.from_numpy(np.stack([c.intrinsics() for c in cameras])).to(device),
                cameras[0].width_px, cameras[0].height_px,
                background=torch.from_numpy(behind).to(device),
                raster_mode=self.avatar.raster_mode, backend=self.backend,
            )  # fmt: skip
        rgb, alpha = image.colours.clamp(0, 1).cpu().numpy(), image.alpha.cpu().numpy()
        return [RenderOutput(*pair) for pair in zip(rgb, alpha, strict=True)]

    def _light(self, share: float) -> SourceLight:
        if not 0 < share <= 1:
            raise InvalidValue(f"light is {share}; expected a share 0..1 of the photo's light.")
        if self.avatar.light is None:
            raise InvalidValue("This avatar's colours have the photo's light in them.", hint="Build it again.")
        return self.avatar.light

    def _bake(self, look: Look) -> VisibleLook:
        key = repr(sorted(look.to_json().items()))
        baked = self._baked.pop(key, None) or visible_look(self.avatar, self.avatar.bake(look))
        self._baked[key] = baked
        while len(self._baked) > BAKED_LOOKS:
            self._baked.popitem(last=False)
        return baked
