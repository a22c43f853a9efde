"""A z-buffer renderer for textured triangles: dataset frames, and baking of textures.

Perspective-correct, bilinear, with soft alpha: triangles are blended in the order given, added parts last and far ones
first, and a texel of at least half opacity also writes depth. Kernels release the GIL, so threads render frames in
parallel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.head.subject import PARTS, TexturedRig
from perse_engine.scene import Camera, FloatArray

Array = npt.NDArray[Any]

TWO_SIDED = tuple(p not in ("face", "scalp") for p in PARTS)
"""Closed surfaces hide their back; sheets are seen from both sides."""

TILE_PX = 8
REACH_PX = 2
"""See `Backdrop`."""
OUTSIDE, SLACK = 1e-6, 0.01
"""A sample belongs to a triangle whose edge it misses by this share of its height; samples looked at in addition."""
ZERO, HALF, ONE, WHITE = (np.float32(x) for x in (0, 0.5, 1, 255))
MOST_SAMPLES = 4
"""Per pixel and axis."""
MIN_ALPHA, OPAQUE = 0.02, 0.9999
NEAR_M = 0.05
OUTER, INNER = np.float32(-3 / 32), np.float32(19 / 32)
"""Weights of four samples, to the middle of the inner two: sharper than their mean by what bilinear texels lose."""


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


class Canvas:
    """The samples that a picture is drawn with; kept from one picture to the next. For one thread."""

    def __init__(self, width_px: int, height_px: int, supersample: int = 2) -> None:
        self.size_px, self.supersample = (width_px, height_px), supersample
        shape = (height_px * supersample, width_px * supersample)
        self.colour = np.empty((*shape, 4), np.float32)
        self.depth = np.empty(shape, np.float32)
        self.label = np.empty(shape, np.uint8)
        self.everything = np.ones((-(-height_px // TILE_PX), -(-width_px // TILE_PX)), np.bool_)


def draw(
    look: TexturedRig,
    vertices: FloatArray,
    camera: Camera,
    texture: FloatArray | None = None,
    *,
    supersample: int = 2,
    canvas: Canvas | None = None,
    backdrop: Backdrop | None = None,
) -> MeshImage:
    """Render posed `vertices` [V, 3] (world, metres) of a look.

    Args:
        texture: the look's texture for an expression; its resting texture when None.
        supersample: samples per pixel and axis, 1 to MOST_SAMPLES. Two are weighed so that fine detail stays.
        canvas: of the camera's size and `supersample`; a new one when None.
        backdrop: what is copied outside its stale tiles.
    """
    if not 1 <= supersample <= MOST_SAMPLES:
        raise InvalidValue(f"supersample is {supersample}; expected 1 to {MOST_SAMPLES}.")
    size_px = camera.width_px, camera.height_px
    if canvas is None or (canvas.size_px, canvas.supersample) != (size_px, supersample):
        canvas = Canvas(*size_px, supersample)
    points = camera.resized(*(supersample * side for side in size_px)).project(vertices)
    tiles = canvas.everything if backdrop is None else backdrop.stale
    _clear(tiles, supersample, canvas.colour, canvas.depth, canvas.label)
    _draw(
        points,
        look.faces,
        _drawing_order(look, points),
        np.array(TWO_SIDED)[look.face_part],
        look.uv,
        look.texture if texture is None else texture,
        look.labels,
        tiles,
        supersample,
        canvas.colour,
        canvas.depth,
        canvas.label,
    )
    rgba = (
        np.empty((camera.height_px, camera.width_px, 4), np.uint8) if backdrop is None else backdrop.image.rgba.copy()
    )
    labels = np.empty(rgba.shape[:2], np.uint8) if backdrop is None else backdrop.image.labels.copy()
    _reduce(canvas.colour, canvas.label, supersample, tiles, rgba, labels)
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


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _clear(tiles: Array, n: int, colour: Array, depth: Array, label: Array) -> None:
    height, width = depth.shape
    side = TILE_PX * n
    for i in range(tiles.shape[0]):
        for j in range(tiles.shape[1]):
            if tiles[i, j]:
                for y in range(i * side, min(height, (i + 1) * side)):
                    for x in range(j * side, min(width, (j + 1) * side)):
                        colour[y, x, 0] = colour[y, x, 1] = colour[y, x, 2] = colour[y, x, 3] = 0.0
                        depth[y, x] = np.inf
                        label[y, x] = 0


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _is_any(tiles: Array, side: int, x0: int, x1: int, y0: int, y1: int) -> bool:
    for i in range(y0 // side, y1 // side + 1):
        for j in range(x0 // side, x1 // side + 1):
            if tiles[i, j]:
                return True
    return False


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _cut(low: float, high: float, value: float, slope: float) -> tuple[float, float]:
    """The part of low..high where value + slope * x is above -OUTSIDE; a little more, since every sample is tested."""
    if slope > 0.0:
        low = max(low, (-OUTSIDE - value) / slope - SLACK)
    elif slope < 0.0:
        high = min(high, (-OUTSIDE - value) / slope + SLACK)
    return low, high


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _shift(i: int, n: int) -> float:
    """The samples of a pixel stand on a square that is turned (rotated-grid supersampling): those of a row or column
    are moved by this share of a sample, so that an upright or level edge passes all n * n one by one."""
    return ((n - 1) / 2 - i % n) / n


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _draw(
    points: Array, faces: Array, order: Array, two_sided: Array, uv: Array, texture: Array, texels: Array,
    tiles: Array, n: int, colour: Array, depth: Array, label: Array,
) -> None:  # fmt: skip
    height, width = depth.shape
    last_v, last_u = texture.shape[0] - 1.001, texture.shape[1] - 1.001
    turn = (n - 1) / (2 * n)
    slack = SLACK + turn
    for t in order:
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        if min(az, bz, cz) < NEAR_M:
            continue
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        # Counter-clockwise from outside is clockwise here, where y points down: a negative area faces the camera.
        if area == 0.0 or (area > 0.0 and not two_sided[t]):
            continue
        x0 = int(np.ceil(max(0.0, min(ax, bx, cx) - 0.5 - slack)))
        y0 = int(np.ceil(max(0.0, min(ay, by, cy) - 0.5 - slack)))
        x1 = int(np.floor(min(width - 1.0, max(ax, bx, cx) - 0.5 + slack)))
        y1 = int(np.floor(min(height - 1.0, max(ay, by, cy) - 0.5 + slack)))
        if x1 < x0 or y1 < y0 or not _is_any(tiles, TILE_PX * n, x0, x1, y0, y1):
            continue
        inverse = 1.0 / area
        wa, wb, wc = 1.0 / az, 1.0 / bz, 1.0 / cz
        slope1, slope2 = (cy - ay) * inverse, (ay - by) * inverse
        fall1, fall2 = (ax - cx) * inverse, (bx - ax) * inverse
        more1, more2, more0 = turn * abs(fall1), turn * abs(fall2), turn * abs(fall1 + fall2)
        for y in range(y0, y1 + 1):
            middle, left = y + 0.5, 0.5 + _shift(y, n)
            at1 = ((left - ax) * (cy - ay) - (cx - ax) * (middle - ay)) * inverse
            at2 = ((bx - ax) * (middle - ay) - (left - ax) * (by - ay)) * inverse
            low, high = _cut(x0, x1, at1 + more1, slope1)
            low, high = _cut(low, high, at2 + more2, slope2)
            low, high = _cut(low, high, 1.0 - at1 - at2 + more0, -slope1 - slope2)
            for x in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                px, py = x + left, middle - _shift(x, n)
                l1 = ((px - ax) * (cy - ay) - (cx - ax) * (py - ay)) * inverse
                l2 = ((bx - ax) * (py - ay) - (px - ax) * (by - ay)) * inverse
                l0 = 1.0 - l1 - l2
                if l0 < -OUTSIDE or l1 < -OUTSIDE or l2 < -OUTSIDE:
                    continue
                q0, q1, q2 = l0 * wa, l1 * wb, l2 * wc
                z = 1.0 / (q0 + q1 + q2)
                if z >= depth[y, x]:
                    continue
                q0, q1, q2 = q0 * z, q1 * z, q2 * z
                u = min(max(q0 * uv[a, 0] + q1 * uv[b, 0] + q2 * uv[c, 0] - 0.5, 0.0), last_u)
                v = min(max(q0 * uv[a, 1] + q1 * uv[b, 1] + q2 * uv[c, 1] - 0.5, 0.0), last_v)
                iu, iv = int(u), int(v)
                fu, fv = np.float32(u - iu), np.float32(v - iv)
                w00, w10, w01, w11 = (ONE - fu) * (ONE - fv), fu * (ONE - fv), (ONE - fu) * fv, fu * fv
                alpha = w00 * texture[iv, iu, 3] + w10 * texture[iv, iu + 1, 3]
                alpha += w01 * texture[iv + 1, iu, 3] + w11 * texture[iv + 1, iu + 1, 3]
                if alpha < MIN_ALPHA:
                    continue
                for k in range(3):
                    value = w00 * texture[iv, iu, k] + w10 * texture[iv, iu + 1, k]
                    value += w01 * texture[iv + 1, iu, k] + w11 * texture[iv + 1, iu + 1, k]
                    if alpha < OPAQUE:
                        value = value * alpha + colour[y, x, k] * (ONE - alpha)
                    colour[y, x, k] = value
                colour[y, x, 3] = alpha + colour[y, x, 3] * (ONE - alpha)
                if alpha >= 0.5:
                    depth[y, x] = z
                    label[y, x] = texels[int(v + 0.5), int(u + 0.5)]


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _reduce(colour: Array, label: Array, n: int, tiles: Array, rgba: Array, labels: Array) -> None:
    for i in range(tiles.shape[0]):
        for j in range(tiles.shape[1]):
            if tiles[i, j] and n == 2:
                _reduce_tile(colour, label, tiles, i, j, rgba, labels)
            elif tiles[i, j]:
                _mean_tile(colour, label, n, i, j, rgba, labels)


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _mean_tile(colour: Array, label: Array, n: int, row: int, column: int, rgba: Array, labels: Array) -> None:
    height, width = labels.shape
    for y in range(row * TILE_PX, min(height, (row + 1) * TILE_PX)):
        for x in range(column * TILE_PX, min(width, (column + 1) * TILE_PX)):
            labels[y, x] = _shown(label, y * n, x * n, n)
            for k in range(4):
                total = ZERO
                for j in range(y * n, (y + 1) * n):
                    for i in range(x * n, (x + 1) * n):
                        total += colour[j, i, k]
                rgba[y, x, k] = _byte(total / np.float32(n * n))


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _shown(label: Array, v: int, u: int, n: int) -> np.uint8:
    """What a pixel counts as: what a sample of its middle shows; background needs all."""
    found = label[v + n // 2, u + n // 2]
    if found == 0:
        for j in range(v, v + n):
            for i in range(u, u + n):
                found = found or label[j, i]
    return found


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _reduce_tile(colour: Array, label: Array, tiles: Array, row: int, column: int, rgba: Array, labels: Array) -> None:
    height, width = labels.shape
    top, left = row * TILE_PX, column * TILE_PX
    for y in range(top, min(height, top + TILE_PX)):
        for x in range(left, min(width, left + TILE_PX)):
            is_inner = top < y < top + TILE_PX - 1 and left < x < left + TILE_PX - 1
            # Beside a tile that was not drawn samples are missing; REACH_PX is why the backdrop holds there.
            if not (is_inner or _is_surrounded(tiles, y, x, height, width)):
                continue
            v, u = 2 * y, 2 * x
            found = labels[y, x] = _shown(label, v, u, 2)
            # Across the edge of a region the cubic's negative weights would draw a halo.
            is_cubic = found != 0 and 0 < y < height - 1 and 0 < x < width - 1
            if is_cubic:
                for j in range(4):
                    for i in range(4):
                        if label[v - 1 + j, u - 1 + i] != found:
                            is_cubic = False
            if is_cubic:
                for k in range(4):
                    inner = _across(colour, v, u - 1, k) + _across(colour, v + 1, u - 1, k)
                    outer = _across(colour, v - 1, u - 1, k) + _across(colour, v + 2, u - 1, k)
                    rgba[y, x, k] = _byte(INNER * inner + OUTER * outer)
            else:
                for k in range(4):
                    four = colour[v, u, k] + colour[v, u + 1, k] + colour[v + 1, u, k] + colour[v + 1, u + 1, k]
                    rgba[y, x, k] = _byte(four / np.float32(4))


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _is_surrounded(tiles: Array, y: int, x: int, height: int, width: int) -> bool:
    """Whether a pixel and its neighbours lie on tiles that were drawn."""
    for i in range(max(0, y - 1) // TILE_PX, min(height - 1, y + 1) // TILE_PX + 1):
        for j in range(max(0, x - 1) // TILE_PX, min(width - 1, x + 1) // TILE_PX + 1):
            if not tiles[i, j]:
                return False
    return True


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _across(colour: Array, y: int, x: int, k: int) -> np.float32:
    return INNER * (colour[y, x + 1, k] + colour[y, x + 2, k]) + OUTER * (colour[y, x, k] + colour[y, x + 3, k])


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _byte(value: Any) -> np.uint8:
    return np.uint8(min(max(value * WHITE + HALF, ZERO), WHITE))


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
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


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
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
