"""Animating a look: posed by the rig, drawn by the mesh renderer. Pose and expression of every frame are exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel
from perse_engine.head.mesh_changes import Changes, Original
from perse_engine.head.mesh_raster import Backdrop, MeshImage, draw
from perse_engine.head.subject import TexturedRig
from perse_engine.scene import Expression, FloatArray
from perse_engine.synthesis.dataset import Frame

Array = npt.NDArray[Any]
SUPERSAMPLE = 3
"""Samples per pixel and axis. Edges of 2 were 42 dB from those of 8 at 256 px, which no avatar can learn; of 3, 49 dB
(docs/experiments.md)."""


class PortraitAnimator(Protocol):
    """Shows a dressed subject at the moments of a trajectory."""

    def animate(self, look: TexturedRig, frames: tuple[Frame, ...]) -> Iterator[MeshImage]:
        """One picture per frame, in order."""
        ...


@dataclass(frozen=True)
class Shown:
    """A look that has been drawn: posed vertices [V, 3] and pictures by frame index."""

    original: Original
    vertices: Mapping[int, FloatArray]
    pictures: Mapping[int, MeshImage]


class RigAnimator:
    """Renders with the built-in mesh renderer. Thread-safe: it keeps nothing of what it draws.

    What another look of the same subject shows the same is copied from `shown`.
    """

    def __init__(self, supersample: int = SUPERSAMPLE, shown: Shown | None = None) -> None:
        self._supersample, self._shown = supersample, shown

    def starting_from(
        self, look: TexturedRig, frames: Iterable[Frame], pictures: Mapping[int, MeshImage]
    ) -> RigAnimator:
        """An animator of other looks in these frames, given this one's pictures of them."""
        vertices = {f.index: look.rig.posed(f.pose, f.expression) for f in frames}
        return RigAnimator(self._supersample, Shown(Original(look), vertices, pictures))

    def animate(self, look: TexturedRig, frames: tuple[Frame, ...]) -> Iterator[MeshImage]:
        """See `PortraitAnimator`."""
        # Expressions change small rectangles of the texture: patch and restore one copy instead of copying all of it.
        texture = look.texture.copy() if look.blends else look.texture
        shown = self._shown
        changes = Changes(shown.original, look) if shown else None
        for frame in frames:
            camera, backdrop = frame.camera, None
            if shown and changes and frame.index in shown.vertices:
                before = shown.vertices[frame.index]
                vertices = changes.posed(before, frame.pose, frame.expression)
                backdrop = Backdrop(shown.pictures[frame.index], changes.stale(before, vertices, camera))
            else:
                vertices = look.rig.posed(frame.pose, frame.expression)
            with _blended(look, texture, frame.expression):
                yield draw(look, vertices, camera, texture, supersample=self._supersample, backdrop=backdrop)


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
    changed = np.empty(image.labels.shape, np.uint8)
    _changed(image.rgba, source.rgba, changed)
    return changed


@kernel()
def _changed(image: Array, source: Array, changed: Array) -> None:
    for y in range(changed.shape[0]):
        for x in range(changed.shape[1]):
            most = np.int32(0)
            for k in range(4):
                difference = abs(np.int32(image[y, x, k]) - np.int32(source[y, x, k]))
                if difference > most:
                    most = difference
            changed[y, x] = min(max((most - 3) * 15, 0), 255)
