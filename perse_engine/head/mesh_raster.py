"""A z-buffer renderer for textured triangles: dataset frames, and baking of textures.

Perspective-correct, bilinear, with soft alpha: triangles are blended in the order given, added parts last and far ones
first, and a texel of at least half opacity also writes depth. Kernels release the GIL, so threads render frames in
parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel
from perse_engine.errors import InvalidValue
from perse_engine.head.mesh_tiles import TILE_PX, draw_tiles
from perse_engine.head.subject import PARTS, TexturedRig
from perse_engine.scene import Camera, FloatArray

Array = npt.NDArray[Any]

TWO_SIDED = tuple(p not in ("face", "scalp") for p in PARTS)
"""Closed surfaces hide their back; sheets are seen from both sides."""

REACH_PX = 2
"""See `Backdrop`."""
MOST_SAMPLES = 4
"""Per pixel and axis."""


@dataclass(frozen=True)
class MeshImage:
    """rgba [H, W, 4] uint8 premultiplied (over black); labels [H, W] uint8, REGION_LABELS."""

    rgba: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Backdrop:
    """A picture that another look of the same subject gave, and where it does not hold.

    stale: [ceil(H / TILE_PX), ceil(W / TILE_PX)] bool; only there is anything drawn. It has to reach REACH_PX beyond
    every pixel that may differ, since a pixel is made of samples of its neighbours too.
    """

    image: MeshImage
    stale: npt.NDArray[np.bool_]


def draw(
    look: TexturedRig,
    vertices: FloatArray,
    camera: Camera,
    texture: FloatArray | None = None,
    *,
    supersample: int = 2,
    backdrop: Backdrop | None = None,
) -> MeshImage:
    """Render posed `vertices` [V, 3] (world, metres) of a look.

    Args:
        texture: the look's texture for an expression; its resting texture when None.
        supersample: samples per pixel and axis, 1 to MOST_SAMPLES. Two are weighed so that fine detail stays.
        backdrop: what is copied outside its stale tiles.
    """
    if not 1 <= supersample <= MOST_SAMPLES:
        raise InvalidValue(f"supersample is {supersample}; expected 1 to {MOST_SAMPLES}.")
    height, width = camera.height_px, camera.width_px
    points = camera.resized(supersample * width, supersample * height).project(vertices)
    if backdrop is None:
        rgba, labels = np.empty((height, width, 4), np.uint8), np.empty((height, width), np.uint8)
        tiles = np.ones((-(-height // TILE_PX), -(-width // TILE_PX)), np.bool_)
    else:
        rgba, labels, tiles = backdrop.image.rgba.copy(), backdrop.image.labels.copy(), backdrop.stale
    draw_tiles(
        points,
        look.faces,
        _drawing_order(look, points),
        np.array(TWO_SIDED)[look.face_part],
        look.uv,
        look.texture if texture is None else texture,
        look.labels,
        tiles,
        supersample,
        rgba,
        labels,
    )
    return MeshImage(rgba, labels)


def _drawing_order(look: TexturedRig, points: FloatArray) -> npt.NDArray[np.int64]:
    """Soft edges of one added sheet over another: the farther one has to be there already."""
    is_added = look.face_part == PARTS.index("added")
    added = np.flatnonzero(is_added)
    if not len(added):
        return np.arange(len(look.faces))
    depth = points[:, 2][look.faces[added]].sum(1)
    return np.concatenate([np.flatnonzero(~is_added), added[np.argsort(-depth, kind="stable")]])


def depth_map(points: FloatArray, faces: npt.NDArray[np.int32], width_px: int, height_px: int) -> FloatArray:
    """Depth of the nearest triangle at each pixel, [H, W] float32, inf where there is none.

    `points` [V, 3] are (x px, y px, depth).
    """
    depth = np.full((height_px, width_px), np.inf, np.float32)
    _depth(np.ascontiguousarray(points, np.float32), faces, depth)
    return depth


def bake(
    uv: FloatArray, faces: npt.NDArray[np.int32], attributes: Array, size_px: tuple[int, int]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Interpolate vertex attributes [V, A] over the texture, ([H, W, A] float32, covered [H, W]).

    `uv` [V, 2] in texels; size_px is (width, height).
    """
    width, height = size_px
    out = np.zeros((height, width, attributes.shape[1]), np.float32)
    covered = np.zeros((height, width), np.bool_)
    _bake(np.ascontiguousarray(uv, np.float32), faces, np.ascontiguousarray(attributes, np.float32), out, covered)
    return out, covered


@kernel()
def _depth(points: Array, faces: Array, depth: Array) -> None:
    height, width = depth.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, bx, by, cx, cy = points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0:
            continue
        inverse = 1.0 / area
        for y in range(max(0, int(min(ay, by, cy) - 0.5)), min(height - 1, int(max(ay, by, cy) + 0.5)) + 1):
            for x in range(max(0, int(min(ax, bx, cx) - 0.5)), min(width - 1, int(max(ax, bx, cx) + 0.5)) + 1):
                px, py = x + 0.5, y + 0.5
                l1 = ((px - ax) * (cy - ay) - (cx - ax) * (py - ay)) * inverse
                l2 = ((bx - ax) * (py - ay) - (px - ax) * (by - ay)) * inverse
                l0 = 1.0 - l1 - l2
                if l0 >= -1e-6 and l1 >= -1e-6 and l2 >= -1e-6:
                    z = 1.0 / (l0 / points[a, 2] + l1 / points[b, 2] + l2 / points[c, 2])
                    depth[y, x] = min(depth[y, x], z)


@kernel()
def _bake(uv: Array, faces: Array, attributes: Array, out: Array, covered: Array) -> None:
    height, width = covered.shape
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, bx, by, cx, cy = uv[a, 0], uv[a, 1], uv[b, 0], uv[b, 1], uv[c, 0], uv[c, 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0:
            continue
        inverse = 1.0 / area
        for y in range(max(0, int(min(ay, by, cy) - 0.5)), min(height - 1, int(max(ay, by, cy) + 0.5)) + 1):
            for x in range(max(0, int(min(ax, bx, cx) - 0.5)), min(width - 1, int(max(ax, bx, cx) + 0.5)) + 1):
                px, py = x + 0.5, y + 0.5
                l1 = ((px - ax) * (cy - ay) - (cx - ax) * (py - ay)) * inverse
                l2 = ((bx - ax) * (py - ay) - (px - ax) * (by - ay)) * inverse
                l0 = 1.0 - l1 - l2
                # A little outside each triangle, so that no texel between two stays empty.
                if l0 >= -1e-4 and l1 >= -1e-4 and l2 >= -1e-4:
                    for k in range(out.shape[2]):
                        out[y, x, k] = l0 * attributes[a, k] + l1 * attributes[b, k] + l2 * attributes[c, k]
                    covered[y, x] = True
