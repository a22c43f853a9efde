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

from perse_engine.head.subject import PARTS, TexturedRig
from perse_engine.scene import Camera, FloatArray

Array = npt.NDArray[Any]

TWO_SIDED = tuple(p not in ("face", "scalp") for p in PARTS)
"""Closed surfaces hide their back; sheets are seen from both sides."""

MIN_ALPHA = 0.02
NEAR_M = 0.05
CUBIC = np.array([-1, 9, 9, -1], np.float32) / np.float32(16)
"""Four samples across, to the middle of the inner two: of a wave of two pixels this keeps four fifths of the energy,
and their mean half."""


@dataclass(frozen=True)
class MeshImage:
    """rgba [H, W, 4] uint8 premultiplied (over black); labels [H, W] uint8, REGION_LABELS."""

    rgba: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def draw(
    look: TexturedRig,
    vertices: FloatArray,
    camera: Camera,
    texture: FloatArray | None = None,
    *,
    supersample: int = 2,
) -> MeshImage:
    """Render posed `vertices` [V, 3] (world, metres) of a look.

    Args:
        texture: the look's texture for an expression; its resting texture when None.
        supersample: samples per pixel and axis. Two are weighed so that fine detail stays, others are averaged.
    """
    width, height = camera.width_px * supersample, camera.height_px * supersample
    points = camera.resized(width, height).project(vertices)
    colour = np.zeros((height, width, 4), np.float32)
    depth = np.full((height, width), np.inf, np.float32)
    label = np.zeros((height, width), np.uint8)
    faces, part = look.faces, look.face_part
    added = np.flatnonzero(part == PARTS.index("added"))
    if len(added):
        # Soft edges of one sheet over another: the farther one has to be there already.
        far_first = added[np.argsort(-points[faces[added], 2].sum(1), kind="stable")]
        order = np.concatenate([np.flatnonzero(part != PARTS.index("added")), far_first])
        faces, part = faces[order], part[order]
    _draw(
        points,
        faces,
        np.array(TWO_SIDED)[part],
        look.uv,
        look.texture if texture is None else texture,
        look.labels,
        colour,
        depth,
        label,
    )
    rgba = np.empty((camera.height_px, camera.width_px, 4), np.uint8)
    labels = np.empty((camera.height_px, camera.width_px), np.uint8)
    _reduce(colour, label, supersample, rgba, labels)
    return MeshImage(rgba, labels)


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
def _draw(
    points: Array, faces: Array, two_sided: Array, uv: Array, texture: Array, texels: Array,
    colour: Array, depth: Array, label: Array,
) -> None:  # fmt: skip
    height, width = depth.shape
    last_v, last_u = texture.shape[0] - 1.001, texture.shape[1] - 1.001
    for t in range(faces.shape[0]):
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
        x0, x1 = max(0, int(np.floor(min(ax, bx, cx) - 0.5))), min(width - 1, int(np.ceil(max(ax, bx, cx) - 0.5)))
        y0, y1 = max(0, int(np.floor(min(ay, by, cy) - 0.5))), min(height - 1, int(np.ceil(max(ay, by, cy) - 0.5)))
        inverse = 1.0 / area
        wa, wb, wc = 1.0 / az, 1.0 / bz, 1.0 / cz
        for y in range(y0, y1 + 1):
            py = y + 0.5
            for x in range(x0, x1 + 1):
                px = x + 0.5
                l1 = ((px - ax) * (cy - ay) - (cx - ax) * (py - ay)) * inverse
                l2 = ((bx - ax) * (py - ay) - (px - ax) * (by - ay)) * inverse
                l0 = 1.0 - l1 - l2
                if l0 < -1e-6 or l1 < -1e-6 or l2 < -1e-6:
                    continue
                q0, q1, q2 = l0 * wa, l1 * wb, l2 * wc
                z = 1.0 / (q0 + q1 + q2)
                if z >= depth[y, x]:
                    continue
                q0, q1, q2 = q0 * z, q1 * z, q2 * z
                u = min(max(q0 * uv[a, 0] + q1 * uv[b, 0] + q2 * uv[c, 0] - 0.5, 0.0), last_u)
                v = min(max(q0 * uv[a, 1] + q1 * uv[b, 1] + q2 * uv[c, 1] - 0.5, 0.0), last_v)
                iu, iv = int(u), int(v)
                fu, fv = u - iu, v - iv
                w00, w10, w01, w11 = (1 - fu) * (1 - fv), fu * (1 - fv), (1 - fu) * fv, fu * fv
                alpha = (
                    w00 * texture[iv, iu, 3]
                    + w10 * texture[iv, iu + 1, 3]
                    + w01 * texture[iv + 1, iu, 3]
                    + w11 * texture[iv + 1, iu + 1, 3]
                )
                if alpha < MIN_ALPHA:
                    continue
                for k in range(3):
                    value = (
                        w00 * texture[iv, iu, k]
                        + w10 * texture[iv, iu + 1, k]
                        + w01 * texture[iv + 1, iu, k]
                        + w11 * texture[iv + 1, iu + 1, k]
                    )
                    colour[y, x, k] = value * alpha + colour[y, x, k] * (1 - alpha)
                colour[y, x, 3] = alpha + colour[y, x, 3] * (1 - alpha)
                if alpha >= 0.5:
                    depth[y, x] = z
                    label[y, x] = texels[int(v + 0.5), int(u + 0.5)]


@nb.njit(nogil=True, cache=True, fastmath=True, error_model="numpy")
def _reduce(colour: Array, label: Array, n: int, rgba: Array, labels: Array) -> None:
    height, width = labels.shape
    mean = np.full(n, 1.0 / n, np.float32)
    for y in range(height):
        for x in range(width):
            # A pixel counts as what its middle sample shows; background needs all samples.
            found = label[y * n + n // 2, x * n + n // 2]
            for j in range(n):
                for i in range(n):
                    if found == 0:
                        found = label[y * n + j, x * n + i]
            labels[y, x] = found
            # Across the edge of a region the cubic's negative weights would draw a halo.
            is_cubic = n == 2 and found != 0 and 0 < y < height - 1 and 0 < x < width - 1
            if is_cubic:
                for j in range(4):
                    for i in range(4):
                        is_cubic = is_cubic and label[2 * y - 1 + j, 2 * x - 1 + i] == found
            weights = CUBIC if is_cubic else mean
            y0, x0 = (2 * y - 1, 2 * x - 1) if is_cubic else (y * n, x * n)
            r, g, b, a = 0.0, 0.0, 0.0, 0.0
            for j in range(len(weights)):
                for i in range(len(weights)):
                    w = weights[j] * weights[i]
                    r += w * colour[y0 + j, x0 + i, 0]
                    g += w * colour[y0 + j, x0 + i, 1]
                    b += w * colour[y0 + j, x0 + i, 2]
                    a += w * colour[y0 + j, x0 + i, 3]
            rgba[y, x, 0] = np.uint8(min(max(r * 255.0 + 0.5, 0.0), 255.0))
            rgba[y, x, 1] = np.uint8(min(max(g * 255.0 + 0.5, 0.0), 255.0))
            rgba[y, x, 2] = np.uint8(min(max(b * 255.0 + 0.5, 0.0), 255.0))
            rgba[y, x, 3] = np.uint8(min(max(a * 255.0 + 0.5, 0.0), 255.0))


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
