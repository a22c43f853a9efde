"""How the mesh renderer draws: block by block of the picture, so that the samples of a block stay in the processor's
cache. Whole pictures of samples took 1.4 to 1.7 times as long (docs/experiments.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel

Array = npt.NDArray[Any]

TILE_PX = 8
"""What is drawn or left out as a whole."""
BLOCK_TILES = 4
"""Side of a block."""
OUTSIDE, SLACK = 1e-6, 0.01
"""A sample belongs to a triangle whose edge it misses by this share of its height; samples looked at in addition."""
ZERO, HALF, ONE, WHITE = (np.float32(x) for x in (0, 0.5, 1, 255))
MIN_ALPHA, OPAQUE = np.float32(0.02), np.float32(0.9999)
NEAR_M = 0.05
OUTER, INNER = np.float32(-3 / 32), np.float32(19 / 32)
"""Weights of four samples, to the middle of the inner two: sharper than their mean by what bilinear texels lose."""


@kernel()
def draw_tiles(
    points: Array, faces: Array, order: Array, two_sided: Array, uv: Array, texture: Array, texels: Array,
    tiles: Array, n: int, rgba: Array, labels: Array,
) -> None:  # fmt: skip
    """Draw on some `tiles` of the picture rgba [H, W, 4] and labels [H, W]; points [V, 3] are in samples, n a pixel."""
    height, width = labels.shape
    starts, chosen, columns = _blocks(points, faces, order, two_sided, tiles, n, width, height)
    # Two samples are weighed with those of the pixels around.
    border = 1 if n == 2 else 0
    side = (TILE_PX * BLOCK_TILES + 2 * border) * n
    colour = np.empty((side, side, 4), np.float32)
    depth = np.empty((side, side), np.float32)
    label = np.empty((side, side), np.uint8)
    shifts = _shifts(side, n)
    for block in range(len(starts) - 1):
        top, bottom, left, right = _drawn(tiles, block // columns * BLOCK_TILES, block % columns * BLOCK_TILES)
        if bottom <= top:
            continue
        y0, x0 = max(top * TILE_PX - border, 0) * n, max(left * TILE_PX - border, 0) * n
        y1, x1 = min(bottom * TILE_PX + border, height) * n, min(right * TILE_PX + border, width) * n
        colour[: y1 - y0, : x1 - x0] = ZERO
        depth[: y1 - y0, : x1 - x0] = np.inf
        label[: y1 - y0, : x1 - x0] = 0
        for t in chosen[starts[block] : starts[block + 1]]:
            _triangle(points, faces[t], uv, texture, texels, shifts, x0, x1, y0, y1, colour, depth, label)
        for row in range(top, bottom):
            for column in range(left, right):
                if tiles[row, column] and n == 2:
                    _weigh_tile(colour, label, row, column, x0, y0, rgba, labels)
                elif tiles[row, column]:
                    _mean_tile(colour, label, n, row, column, x0, y0, rgba, labels)


@kernel()
def _shifts(count: int, n: int) -> Array:
    """The samples of a pixel stand on a square that is turned (rotated-grid supersampling): those of a row or column
    are moved by this share of a sample, so that an upright or level edge passes all n * n one by one."""
    shifts = np.empty(count)
    for i in range(count):
        shifts[i] = ((n - 1) / 2 - i % n) / n
    return shifts


@kernel()
def _blocks(
    points: Array, faces: Array, order: Array, two_sided: Array, tiles: Array, n: int, width: int, height: int
) -> tuple[Array, Array, int]:
    """What each block with tiles to draw may show, in order: chosen[starts[b] : starts[b + 1]]; columns of blocks."""
    side = TILE_PX * BLOCK_TILES
    rows, columns = -(-tiles.shape[0] // BLOCK_TILES), -(-tiles.shape[1] // BLOCK_TILES)
    wanted = np.zeros((rows, columns), np.bool_)
    for row in range(tiles.shape[0]):
        for column in range(tiles.shape[1]):
            if tiles[row, column]:
                wanted[row // BLOCK_TILES, column // BLOCK_TILES] = True
    starts = np.zeros(rows * columns + 1, np.int64)
    spans = np.zeros((len(order), 4), np.int32)
    # Samples stand up to half a pixel beside where they are counted; weighing reaches a pixel further.
    more = 0.5 + SLACK + (1.0 if n == 2 else 0.0)
    for k in range(len(order)):
        t = order[k]
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ax, ay = np.float64(points[a, 0]), np.float64(points[a, 1])
        bx, by = np.float64(points[b, 0]), np.float64(points[b, 1])
        cx, cy = np.float64(points[c, 0]), np.float64(points[c, 1])
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        # Counter-clockwise from outside is clockwise here, where y points down: a negative area faces the camera.
        if area == 0.0 or (area > 0.0 and not two_sided[t]) or min(points[a, 2], points[b, 2], points[c, 2]) < NEAR_M:
            continue
        x0, x1 = min(ax, bx, cx) / n - more, max(ax, bx, cx) / n + more
        y0, y1 = min(ay, by, cy) / n - more, max(ay, by, cy) / n + more
        if x1 < 0.0 or y1 < 0.0 or x0 >= width or y0 >= height:
            continue
        spans[k, 0], spans[k, 1] = int(max(y0, 0.0)) // side, int(min(y1, height - 1.0)) // side + 1
        spans[k, 2], spans[k, 3] = int(max(x0, 0.0)) // side, int(min(x1, width - 1.0)) // side + 1
        for row in range(spans[k, 0], spans[k, 1]):
            for column in range(spans[k, 2], spans[k, 3]):
                if wanted[row, column]:
                    starts[row * columns + column + 1] += 1
    for block in range(rows * columns):
        starts[block + 1] += starts[block]
    chosen = np.empty(starts[-1], np.int32)
    filled = starts[:-1].copy()
    for k in range(len(order)):
        for row in range(spans[k, 0], spans[k, 1]):
            for column in range(spans[k, 2], spans[k, 3]):
                if wanted[row, column]:
                    chosen[filled[row * columns + column]] = order[k]
                    filled[row * columns + column] += 1
    return starts, chosen, columns


@kernel()
def _drawn(tiles: Array, first_row: int, first_column: int) -> tuple[int, int, int, int]:
    """The rectangle of a block's tiles outside which nothing is drawn: top, bottom, left, right, in tiles."""
    top, bottom, left, right = tiles.shape[0], 0, tiles.shape[1], 0
    for row in range(first_row, min(first_row + BLOCK_TILES, tiles.shape[0])):
        for column in range(first_column, min(first_column + BLOCK_TILES, tiles.shape[1])):
            if tiles[row, column]:
                top, bottom = min(top, row), max(bottom, row + 1)
                left, right = min(left, column), max(right, column + 1)
    return top, bottom, left, right


@kernel()
def _triangle(
    points: Array, corners: Array, uv: Array, texture: Array, texels: Array, shifts: Array, left: int, right: int,
    top: int, bottom: int, colour: Array, depth: Array, label: Array,
) -> None:  # fmt: skip
    """Draw a triangle into the samples left..right, top..bottom of the picture, which colour, depth and label hold."""
    a, b, c = corners[0], corners[1], corners[2]
    ax, ay, az = np.float64(points[a, 0]), np.float64(points[a, 1]), np.float64(points[a, 2])
    bx, by, bz = np.float64(points[b, 0]), np.float64(points[b, 1]), np.float64(points[b, 2])
    cx, cy, cz = np.float64(points[c, 0]), np.float64(points[c, 1]), np.float64(points[c, 2])
    turn = shifts[0]
    slack = SLACK + turn
    x0 = int(np.ceil(max(float(left), min(ax, bx, cx) - 0.5 - slack)))
    y0 = int(np.ceil(max(float(top), min(ay, by, cy) - 0.5 - slack)))
    x1 = int(np.floor(min(right - 1.0, max(ax, bx, cx) - 0.5 + slack)))
    y1 = int(np.floor(min(bottom - 1.0, max(ay, by, cy) - 0.5 + slack)))
    if x1 < x0 or y1 < y0:
        return
    inverse = 1.0 / ((bx - ax) * (cy - ay) - (cx - ax) * (by - ay))
    slope1, slope2 = (cy - ay) * inverse, (ay - by) * inverse
    fall1, fall2 = (ax - cx) * inverse, (bx - ax) * inverse
    more1, more2, more0 = turn * abs(fall1), turn * abs(fall2), turn * abs(fall1 + fall2)
    across1, across2, across0 = 1.0 / slope1, 1.0 / slope2, -1.0 / (slope1 + slope2)
    # What is divided by depth is linear in the picture.
    wa, wb, wc = 1.0 / az, 1.0 / bz, 1.0 / cz
    ua, va = uv[a, 0] * wa, uv[a, 1] * wa
    ub, vb = uv[b, 0] * wb - ua, uv[b, 1] * wb - va
    uc, vc = uv[c, 0] * wc - ua, uv[c, 1] * wc - va
    wb, wc = wb - wa, wc - wa
    last_v, last_u = texture.shape[0] - 1.001, texture.shape[1] - 1.001
    for y in range(y0, y1 + 1):
        # Indices without a sign need no look whether they count from the end.
        j = np.uint64(y - top)
        aside, down = 0.5 + shifts[j] - ax, y + 0.5 - ay
        at1, at2 = aside * slope1 + down * fall1, aside * slope2 + down * fall2
        low, high = _cut(x0, x1, at1 + more1, slope1, across1)
        low, high = _cut(low, high, at2 + more2, slope2, across2)
        low, high = _cut(low, high, 1.0 - at1 - at2 + more0, -slope1 - slope2, across0)
        for x in range(int(np.ceil(low)), int(np.floor(high)) + 1):
            i = np.uint64(x - left)
            l1 = at1 + x * slope1 - shifts[i] * fall1
            l2 = at2 + x * slope2 - shifts[i] * fall2
            if min(l1, l2, 1.0 - l1 - l2) < -OUTSIDE:
                continue
            z = 1.0 / (wa + l1 * wb + l2 * wc)
            if z >= depth[j, i]:
                continue
            u = min(max((ua + l1 * ub + l2 * uc) * z - 0.5, 0.0), last_u)
            v = min(max((va + l1 * vb + l2 * vc) * z - 0.5, 0.0), last_v)
            fu, fv = np.float32(u - int(u)), np.float32(v - int(v))
            iu, iv = np.uint64(int(u)), np.uint64(int(v))
            ju, jv = iu + np.uint64(1), iv + np.uint64(1)
            w00, w10, w01, w11 = (ONE - fu) * (ONE - fv), fu * (ONE - fv), (ONE - fu) * fv, fu * fv
            alpha = w00 * texture[iv, iu, 3] + w10 * texture[iv, ju, 3]
            alpha += w01 * texture[jv, iu, 3] + w11 * texture[jv, ju, 3]
            if alpha < MIN_ALPHA:
                continue
            for k in range(3):
                value = w00 * texture[iv, iu, k] + w10 * texture[iv, ju, k]
                value += w01 * texture[jv, iu, k] + w11 * texture[jv, ju, k]
                if alpha < OPAQUE:
                    value = value * alpha + colour[j, i, k] * (ONE - alpha)
                colour[j, i, k] = value
            colour[j, i, 3] = alpha + colour[j, i, 3] * (ONE - alpha)
            if alpha >= HALF:
                depth[j, i] = z
                label[j, i] = texels[int(v + 0.5), int(u + 0.5)]


@kernel()
def _cut(low: float, high: float, value: float, slope: float, across: float) -> tuple[float, float]:
    """The part of low..high where value + slope * x is above -OUTSIDE; a little more, since every sample is tested.
    `across` is 1 / slope."""
    if slope > 0.0:
        low = max(low, (-OUTSIDE - value) * across - SLACK)
    elif slope < 0.0:
        high = min(high, (-OUTSIDE - value) * across + SLACK)
    return low, high


@kernel()
def _mean_tile(
    colour: Array, label: Array, n: int, row: int, column: int, left: int, top: int, rgba: Array, labels: Array
) -> None:
    height, width = labels.shape
    share = ONE / np.float32(n * n)
    for y in range(row * TILE_PX, min(height, (row + 1) * TILE_PX)):
        for x in range(column * TILE_PX, min(width, (column + 1) * TILE_PX)):
            v, u = y * n - top, x * n - left
            labels[y, x] = _shown(label, v, u, n)
            for k in range(4):
                total = ZERO
                for j in range(v, v + n):
                    for i in range(u, u + n):
                        total += colour[j, i, k]
                rgba[y, x, k] = _byte(total * share)


@kernel()
def _weigh_tile(
    colour: Array, label: Array, row: int, column: int, left: int, top: int, rgba: Array, labels: Array
) -> None:
    height, width = labels.shape
    for y in range(row * TILE_PX, min(height, (row + 1) * TILE_PX)):
        for x in range(column * TILE_PX, min(width, (column + 1) * TILE_PX)):
            v, u = 2 * y - top, 2 * x - left
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


@kernel()
def _shown(label: Array, v: int, u: int, n: int) -> np.uint8:
    """What a pixel counts as: what a sample of its middle shows; background needs all."""
    found = label[v + n // 2, u + n // 2]
    if found == 0:
        for j in range(v, v + n):
            for i in range(u, u + n):
                found = found or label[j, i]
    return found


@kernel()
def _across(colour: Array, y: int, x: int, k: int) -> np.float32:
    return INNER * (colour[y, x + 1, k] + colour[y, x + 2, k]) + OUTER * (colour[y, x, k] + colour[y, x + 3, k])


@kernel()
def _byte(value: Any) -> np.uint8:
    return np.uint8(min(max(value * WHITE + HALF, ZERO), WHITE))
