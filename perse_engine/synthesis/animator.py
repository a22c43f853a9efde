"""Animating a look: posed by the rig, drawn by the mesh renderer. Pose and expression of every frame are exact."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage, draw
from perse_engine.head.subject import TexturedRig
from perse_engine.scene import Expression
from perse_engine.synthesis.dataset import Frame

Array = npt.NDArray[Any]


class PortraitAnimator(Protocol):
    """Shows a dressed subject at the moments of a trajectory."""

    def animate(self, look: TexturedRig, frames: tuple[Frame, ...]) -> Iterator[MeshImage]:
        """One picture per frame, in order."""
        ...


class RigAnimator:
    """Renders with the built-in mesh renderer. Thread-safe: it keeps no state."""

    def __init__(self, supersample: int = 2) -> None:
        self._supersample = supersample

    def animate(self, look: TexturedRig, frames: tuple[Frame, ...]) -> Iterator[MeshImage]:
        """See `PortraitAnimator`."""
        # Expressions change small rectangles of the texture: patch and restore one copy instead of copying all of it.
        texture = look.texture.copy() if look.blends else look.texture
        for frame in frames:
            vertices = look.rig.posed(frame.pose, frame.expression)
            with _blended(look, texture, frame.expression):
                yield draw(look, vertices, frame.camera, texture, supersample=self._supersample)


@contextmanager
def _blended(look: TexturedRig, texture: Array, expression: Expression) -> Iterator[None]:
    saved: list[tuple[Array, Array]] = []
    for blend in look.blends:
        amount = blend.driver.value(expression)
        if amount > 0:
            h, w = blend.mask.shape
            patch = texture[blend.y : blend.y + h, blend.x : blend.x + w]
            saved.append((patch, patch.copy()))
            patch += (blend.rgba - patch) * (amount * blend.mask)[..., None]
    try:
        yield
    finally:
        for patch, before in reversed(saved):
            patch[...] = before


def changed_mask(image: MeshImage, source: MeshImage) -> npt.NDArray[np.uint8]:
    """How much a frame differs from the source clip's same frame, [H, W] uint8: 0 below 3 levels, 255 above 20."""
    difference = np.abs(image.rgba.astype(np.int16) - source.rgba.astype(np.int16)).max(-1)
    return np.clip((difference - 3) * 15, 0, 255).astype(np.uint8)
