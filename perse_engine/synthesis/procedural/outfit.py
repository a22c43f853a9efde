"""A look in the making: categories change it one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel
from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.rig import BONES, Rig
from perse_engine.head.subject import PARTS, Subject, TextureBlend, TexturedRig

Array = npt.NDArray[Any]

LEAST = 0.004
"""Less of a change is not seen."""


@dataclass(frozen=True)
class AddedPart:
    """Surface that a category brings: vertices [V, 3] world metres at rest, faces [F, 3], uv [V, 2] texels of
    texture [H, W, 4], label, bone weights [V, 4]; appears [H, W]: the weight from which each texel shows, of what is
    cut to a length rather than moved."""

    vertices: Array
    faces: npt.NDArray[np.int32]
    uv: Array
    texture: Array
    label: int
    bone_weights: Array
    appears: Array | None = None


@dataclass
class Chart:
    """Another texture [H, W, 4] and labels [H, W] for some of the rig's vertices: indices [N], uv [N, 2] texels."""

    indices: npt.NDArray[np.int64]
    uv: Array
    texture: Array
    labels: npt.NDArray[np.uint8]


@dataclass
class Outfit:
    """Mutable: texture and labels are copies; `head` is the view of the head's atlas in the texture. Who wants the
    parts alone need not wait for the shadows that they cast."""

    subject: Subject
    texture: Array
    labels: npt.NDArray[np.uint8]
    offset: Array
    blends: list[TextureBlend]
    parts: list[AddedPart] = field(default_factory=list)
    charts: dict[str, Chart] = field(default_factory=dict)
    casts_shadows: bool = True

    @staticmethod
    def of(subject: Subject, *, casts_shadows: bool = True) -> Outfit:
        """Start from the source look."""
        look = subject.look
        texture, labels, offset = look.texture.copy(), look.labels.copy(), np.zeros_like(look.rig.vertices)
        return Outfit(subject, texture, labels, offset, list(look.blends), casts_shadows=casts_shadows)

    @property
    def head(self) -> Array:
        """The head's atlas, [A, A, 3], to read: `paint` and `recolour` change the patches of expressions with it."""
        view = self._head.view()
        view.flags.writeable = False
        return view

    @property
    def _head(self) -> Array:
        return self.texture[:ATLAS_PX, :ATLAS_PX, :3]

    @property
    def head_labels(self) -> npt.NDArray[np.uint8]:
        """Labels of the head's atlas, [A, A] view."""
        return self.labels[:ATLAS_PX, :ATLAS_PX]

    def landmark(self, index: int) -> Array:
        """See `Subject.landmark`: what this look moves does not count."""
        return self.subject.landmark(index)

    def recolour(self, mask: Array, change: Callable[[Array], Array]) -> None:
        """Blend `change(lab)` into the head by mask [A, A], in CIE Lab; the lids' patches follow.

        `change` is given texels [1, N, 3].
        """
        blend_changed(self._head, mask, change)
        for i, blend, window in self._patches_under(mask):
            rgba = blend.rgba.copy()
            blend_changed(rgba[..., :3], mask[window], change)
            self.blends[i] = replace(blend, rgba=rgba)

    def paint(self, picture: Array, mask: Array) -> None:
        """Blend `picture` [A, A, 3] or a colour [3] into the head by mask [A, A]; patches of expressions follow."""
        window = _window_of(mask)
        if window is None:
            return
        picture = np.broadcast_to(picture, self._head.shape)
        _blend(self._head[window], picture[window], mask[window])
        for i, blend, window in self._patches_under(mask):
            rgba = blend.rgba.copy()
            _blend(rgba[..., :3], picture[window], mask[window])
            self.blends[i] = replace(blend, rgba=rgba)

    def _patches_under(self, mask: Array) -> Iterator[tuple[int, TextureBlend, tuple[slice, slice]]]:
        """Expressions' patches of the head that a mask [A, A] touches, and where they lie."""
        for i, blend in enumerate(self.blends):
            height, width = blend.mask.shape
            window = (slice(blend.y, blend.y + height), slice(blend.x, blend.x + width))
            if blend.x + width <= ATLAS_PX and blend.y + height <= ATLAS_PX and mask[window].any():
                yield i, blend, window

    def move(self, shape: str, amount: float) -> None:
        """Add an identity shape of the subject."""
        self.offset += amount * self.subject.edit_shapes[shape]

    def finish(self) -> TexturedRig:
        """Merge added parts into one textured rig."""
        look = self.subject.look
        rig = look.rig.with_offset(self.offset) if self.offset.any() else look.rig
        if not self.parts and not self.charts:
            return replace(look, rig=rig, texture=self.texture, labels=self.labels, blends=tuple(self.blends))
        texture, labels, corners = self._packed()
        own = look.uv.copy()
        for chart in self.charts.values():
            own[chart.indices] = chart.uv + np.array(corners.pop(0))
        vertices, faces, uv = [rig.vertices], [look.faces], [own]
        weights = [rig.bone_weights]
        count = len(rig.vertices)
        for part, (x, y) in zip(self.parts, corners, strict=True):
            vertices.append(part.vertices.astype(np.float32))
            faces.append((part.faces + count).astype(np.int32))
            uv.append((part.uv + np.array([x, y])).astype(np.float32))
            weights.append(part.bone_weights.astype(np.float32))
            count += len(part.vertices)
        extra = count - len(rig.vertices)
        shapes = np.concatenate([rig.shapes, np.zeros((len(rig.shapes), extra, 3), np.float32)], 1)
        added = np.full(sum(len(p.faces) for p in self.parts), PARTS.index("added"), np.uint8)
        merged = Rig(np.vstack(vertices), rig.shape_names, shapes, rig.bone_pivots, np.vstack(weights))
        return TexturedRig(
            merged, np.vstack(faces), np.concatenate([look.face_part, added]), np.vstack(uv), texture, labels,
            tuple(self.blends),
        )  # fmt: skip

    def _packed(self) -> tuple[Array, npt.NDArray[np.uint8], list[tuple[int, int]]]:
        """Stack the charts' and then the parts' textures below the subject's."""
        height, width = self.labels.shape
        pieces: list[tuple[Array, Any]] = [(c.texture, c.labels) for c in self.charts.values()]
        pieces += [(p.texture, np.uint8(p.label)) for p in self.parts]
        corners: list[tuple[int, int]] = []
        x, y, shelf = 0, height, 0
        placed: dict[tuple[int, int], tuple[int, int]] = {}
        for rgba, label in pieces:
            # Parts of one material share their texture.
            key = (id(rgba), id(label) if isinstance(label, np.ndarray) else int(label))
            if key not in placed:
                h, w = rgba.shape[:2]
                if x + w > width:
                    x, y, shelf = 0, y + shelf, 0
                placed[key] = (x, y)
                x, shelf = x + w, max(shelf, h)
            corners.append(placed[key])
        texture = np.zeros((y + shelf, width, 4), np.float32)
        labels = np.zeros((y + shelf, width), np.uint8)
        texture[:height], labels[:height] = self.texture, self.labels
        for (rgba, label), (left, top) in zip(pieces, corners, strict=True):
            h, w = rgba.shape[:2]
            texture[top : top + h, left : left + w] = rgba
            labels[top : top + h, left : left + w] = label
        return texture, labels, corners


def _window_of(mask: Array) -> tuple[slice, slice] | None:
    """The rectangle outside which a mask is 0; None where it is 0 everywhere."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def rigid_to(count: int, bone: str) -> Array:
    """Bone weights [count, 4] of vertices that follow one bone."""
    weights = np.zeros((count, len(BONES)), np.float32)
    weights[:, BONES.index(bone)] = 1
    return weights


def to_lab(rgb: Array) -> Array:
    """sRGB 0..1 [H, W, 3] to CIE Lab (L 0..100)."""
    return cv2.cvtColor(np.clip(rgb, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)


def lab_of(colour: tuple[float, float, float]) -> Array:
    """One sRGB colour in CIE Lab, [3]."""
    return to_lab(np.array(colour, np.float32)[None, None])[0, 0]


def from_lab(lab: Array) -> Array:
    """CIE Lab [H, W, 3] to sRGB 0..1."""
    return np.clip(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB), 0, 1)


def blend_changed(rgb: Array, mask: Array, change: Callable[[Array], Array]) -> None:
    """Blend `change(lab)` of texels [1, N, 3] into rgb [H, W, 3] by mask [H, W]."""
    own = _texels(rgb, mask)
    if len(own):
        _mix(rgb, mask, from_lab(change(to_lab(own[None])))[0])


@kernel()
def _texels(rgb: Array, mask: Array) -> Array:
    """The texels inside, [N, 3]."""
    count = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            count += mask[y, x] > LEAST
    found = np.empty((count, 3), np.float32)
    k = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x] > LEAST:
                for c in range(3):
                    found[k, c] = rgb[y, x, c]
                k += 1
    return found


@kernel()
def _mix(rgb: Array, mask: Array, new: Array) -> None:
    k = 0
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            share = np.float32(mask[y, x])
            if mask[y, x] > LEAST:
                for c in range(3):
                    rgb[y, x, c] += (new[k, c] - rgb[y, x, c]) * share
                k += 1


def _blend(rgb: Array, picture: Array, mask: Array) -> None:
    rgb += (np.clip(picture, 0, 1) - rgb) * mask[..., None]
