"""What two looks of one subject show differently, so that only that is posed and drawn anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel
from perse_engine.head.mesh_raster import REACH_PX, TWO_SIDED
from perse_engine.head.mesh_tiles import NEAR_M, TILE_PX
from perse_engine.head.rig import Rig
from perse_engine.head.subject import TextureBlend, TexturedRig
from perse_engine.scene import Camera, Expression, FloatArray, Pose

Array = npt.NDArray[Any]


class Original:
    """A look that others are compared with."""

    def __init__(self, look: TexturedRig) -> None:
        self.look = look
        height, width = look.labels.shape
        corners = look.uv[look.faces]
        # What bilinear sampling may touch, and one texel around it.
        low = np.floor(corners.min(1) - 0.5).astype(np.int64) - 1
        high = np.ceil(corners.max(1) - 0.5).astype(np.int64) + 2
        self.rectangles = np.hstack([np.clip(end, 0, (width, height)) for end in (low, high)])
        """Texels that each face may show: x0, y0, x1, y1, ends excluded, [F, 4]."""


class Changes:
    """From look `before` to look `after`, which may move and repaint triangles of it and add others.

    A triangle counts as changed if any of its vertices moves differently or takes its colour elsewhere, or if any texel
    that it may show is another one, seen or not. All others then look the same to the bit.
    """

    def __init__(self, original: Original, after: TexturedRig) -> None:
        before = original.look
        own, count = len(before.rig.vertices), len(before.faces)
        if _extends(before, after):
            moved = _moved(before.rig, after.rig)
            elsewhere = moved | (after.uv[:own] != before.uv).any(1)
            is_changed = elsewhere[before.faces].any(1) | _shows_any(original, _repainted(before, after))
            gone = np.flatnonzero(is_changed & moved[before.faces].any(1))
            new = np.concatenate([np.flatnonzero(is_changed), np.arange(count, len(after.faces))])
            self._kept = own
            self._moved = np.concatenate([np.flatnonzero(moved), np.arange(own, len(after.rig.vertices))])
        else:
            gone, new = np.arange(count), np.arange(len(after.faces))
            self._kept = 0
            self._moved = np.arange(len(after.rig.vertices))
        self._part = _part_of(after.rig, self._moved)
        self._count = len(after.rig.vertices)
        self._gone, self._new = _Patch(before, gone), _Patch(after, new)

    def posed(self, before: FloatArray, pose: Pose, expression: Expression) -> FloatArray:
        """Vertices [V, 3] of `after`, given those of `before` in the same pose and expression."""
        vertices = np.empty((self._count, 3), np.float32)
        vertices[: self._kept] = before[: self._kept]
        if len(self._moved):
            vertices[self._moved] = self._part.posed(pose, expression)
        return vertices

    def stale(self, before: FloatArray, after: FloatArray, camera: Camera) -> npt.NDArray[np.bool_]:
        """The tiles of a `Backdrop` with `before`'s picture on which to draw `after`; posed vertices of both."""
        tiles = np.zeros((-(-camera.height_px // TILE_PX), -(-camera.width_px // TILE_PX)), np.bool_)
        self._gone.mark(before, camera, tiles)
        self._new.mark(after, camera, tiles)
        return tiles


class _Patch:
    """Some faces of a look."""

    def __init__(self, look: TexturedRig, chosen: npt.NDArray[np.int64]) -> None:
        self._vertices, faces = np.unique(look.faces[chosen], return_inverse=True)
        self._faces = faces.reshape(-1, 3)
        self._two_sided = np.array(TWO_SIDED)[look.face_part[chosen]]

    def mark(self, vertices: FloatArray, camera: Camera, tiles: npt.NDArray[np.bool_]) -> None:
        if len(self._faces):
            points = camera.project(vertices[self._vertices])
            _mark(points, self._faces, self._two_sided, camera.width_px, camera.height_px, tiles)


def _extends(before: TexturedRig, after: TexturedRig) -> bool:
    """Whether the first vertices, faces and texels of `after` are those of `before`."""
    count, (height, width) = len(before.faces), before.labels.shape
    return (
        len(after.faces) >= count
        and len(after.rig.vertices) >= len(before.rig.vertices)
        and after.labels.shape[0] >= height
        and after.labels.shape[1] == width
        and after.rig.shape_names == before.rig.shape_names
        and np.array_equal(after.rig.bone_pivots, before.rig.bone_pivots)
        and np.array_equal(after.faces[:count], before.faces)
        and np.array_equal(after.face_part[:count], before.face_part)
    )


def _moved(before: Rig, after: Rig) -> npt.NDArray[np.bool_]:
    """Vertices of `before` that `after` has elsewhere in some pose or expression, [V]."""
    own = len(before.vertices)
    if after is before:
        return np.zeros(own, np.bool_)
    moved = (after.vertices[:own] != before.vertices).any(1) | (after.bone_weights[:own] != before.bone_weights).any(1)
    if after.shapes is not before.shapes:
        for a, b in zip(after.shapes, before.shapes, strict=True):
            if not np.array_equal(a[:own], b):
                moved |= (a[:own] != b).any(1)
    return np.asarray(moved)


def _part_of(rig: Rig, chosen: npt.NDArray[np.int64]) -> Rig:
    if len(chosen) == len(rig.vertices):
        return rig
    shapes = np.ascontiguousarray(rig.shapes[:, chosen])
    return Rig(rig.vertices[chosen], rig.shape_names, shapes, rig.bone_pivots, rig.bone_weights[chosen])


def _repainted(before: TexturedRig, after: TexturedRig) -> npt.NDArray[np.bool_]:
    """Texels of `before` that are others in `after`, at rest or in some expression, [H, W]."""
    changed: npt.NDArray[np.bool_] = np.empty(before.labels.shape, np.bool_)
    _compare(before.texture, after.texture, before.labels, after.labels, changed)
    if len(before.blends) != len(after.blends):
        for blend in (*before.blends, *after.blends):
            changed[_window(blend)] |= blend.mask > 0
        return changed
    for old, new in zip(before.blends, after.blends, strict=True):
        if old is new:
            continue
        if (old.driver, old.x, old.y) == (new.driver, new.x, new.y) and np.array_equal(old.mask, new.mask):
            changed[_window(old)] |= (old.rgba != new.rgba).any(-1) & (old.mask > 0)
        else:
            changed[_window(old)] |= old.mask > 0
            changed[_window(new)] |= new.mask > 0
    return changed


def _window(blend: TextureBlend) -> tuple[slice, slice]:
    height, width = blend.mask.shape
    return slice(blend.y, blend.y + height), slice(blend.x, blend.x + width)


def _shows_any(original: Original, texels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Faces that may show any of `texels` [H, W], [F]."""
    sums = np.empty((texels.shape[0] + 1, texels.shape[1] + 1), np.int32)
    _sum_up(texels, sums)
    x0, y0, x1, y1 = original.rectangles.T
    return np.asarray(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0] > 0)


@kernel()
def _compare(before: Array, after: Array, labels_before: Array, labels_after: Array, changed: Array) -> None:
    for y in range(changed.shape[0]):
        for x in range(changed.shape[1]):
            is_other = labels_before[y, x] != labels_after[y, x]
            for k in range(4):
                is_other |= before[y, x, k] != after[y, x, k]
            changed[y, x] = is_other


@kernel()
def _sum_up(texels: Array, sums: Array) -> None:
    """sums[y, x] = how many of texels[:y, :x]."""
    sums[0] = 0
    for y in range(texels.shape[0]):
        row = sums[y, 0] = 0
        for x in range(texels.shape[1]):
            row += texels[y, x]
            sums[y + 1, x + 1] = sums[y, x + 1] + row
    sums[:, 0] = 0


@kernel()
def _mark(points: Array, faces: Array, two_sided: Array, width: int, height: int, tiles: Array) -> None:
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        if min(points[a, 2], points[b, 2], points[c, 2]) < NEAR_M:
            continue
        if not two_sided[t] and (bx - ax) * (cy - ay) - (cx - ax) * (by - ay) > 0.0:
            continue
        # Half a pixel more than REACH_PX, for samples that belong to a triangle although they lie just outside.
        x0, x1 = min(ax, bx, cx) - REACH_PX - 0.5, max(ax, bx, cx) + REACH_PX + 0.5
        y0, y1 = min(ay, by, cy) - REACH_PX - 0.5, max(ay, by, cy) + REACH_PX + 0.5
        if x1 < 0.0 or y1 < 0.0 or x0 >= width or y0 >= height:
            continue
        for i in range(int(max(y0, 0.0)) // TILE_PX, int(min(y1, height - 1.0)) // TILE_PX + 1):
            for j in range(int(max(x0, 0.0)) // TILE_PX, int(min(x1, width - 1.0)) // TILE_PX + 1):
                tiles[i, j] = True
