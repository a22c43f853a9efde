"""Backward, first step: gradients of the image become, for every (Gaussian, tile) pair, nine sums in a slot of its own.

Front to back with the same transmittance as forward, so nothing is divided out of it. With `rest`, what is still to
come of colour . gradient (at first the whole pixel),

    dL/d(ln alpha) = weight (colour . gradient) - rest alpha / (1 - alpha).

No two tiles share a slot: no atomics, and the same bits for any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import load, load_block, prefetch, store, store_sums
from perse_engine.splatting.cpu.lanes import both, exp2, fma, keep, lowest_bit, mask_bits, minimum, reciprocal, splat
from perse_engine.splatting.cpu.layout import (
    ALPHA_MAX,
    BLUE,
    GREEN,
    LOG2_ALPHA_MIN,
    LOG2_OPACITY,
    RECORD,
    RED,
    SLOT,
    TRANSMITTANCE_MIN,
    XX,
    XY,
    YY,
    Array,
    F,
    X,
    Y,
)

_AHEAD = 12


@kernel(parallel=True)
def blend_backward(
    records: Array,
    boxes: Array,
    first_slot: Array,
    tile_start: Array,
    tile_items: Array,
    block_masks: Array,
    tile_seen: Array,
    width: int,
    height: int,
    image: Array,
    alpha: Array,
    grad_image: Array,
    grad_alpha: Array,
    lane_x: Array,
    lane_y: Array,
    slots: Array,
) -> None:
    """Fill slots [pairs * 12]; image and alpha as `blend` drew them. Pixels and slots are flat."""
    columns, tiles = (width + 15) // 16, ((width + 15) // 16) * ((height + 15) // 16)
    for job in numba.prange(tile_start.shape[0] - 1):
        view, tile = job // tiles, job % tiles
        column, row = tile % columns, tile // columns
        tile_x, tile_y = column * 16, row * 16
        corner = (view * height + tile_y) * width + tile_x
        flat_records, flat_boxes = records.reshape(-1), boxes.reshape(-1)
        start = tile_start[job]
        count = tile_start[job + 1] - start
        if count == 0:
            continue
        grad, rests = np.zeros(1024, np.float32), np.zeros(256, np.float32)
        whole_tile = tile_x + 16 <= width and tile_y + 16 <= height
        for y in range(0 if whole_tile else min(16, height - tile_y)):
            for x in range(min(16, width - tile_x)):
                lane = (y >> 2) * 64 + (x >> 2) * 16 + (y & 3) * 4 + (x & 3)
                pixel = corner + y * width + x
                rest = alpha[pixel] * grad_alpha[pixel]
                for channel in range(3):
                    grad[channel * 256 + lane] = grad_image[3 * pixel + channel]
                    rest += image[3 * pixel + channel] * grad_image[3 * pixel + channel]
                grad[768 + lane] = grad_alpha[pixel]
                rests[lane] = rest
        lx, ly = load(lane_x, 0), load(lane_y, 0)
        zero, one = splat(F(0)), splat(F(1))
        ts = np.empty(256, np.float32)
        alive = 0
        for block in range(16):
            k = block * 16
            px = lx + (F(tile_x + 4 * (block & 3)) + F(0.5))
            py = ly + (F(tile_y + 4 * (block >> 2)) + F(0.5))
            inside = both(px < F(width), py < F(height))
            store(ts, k, keep(inside, one))
            if whole_tile:
                pixel = corner + 4 * (block >> 2) * width + 4 * (block & 3)
                d_red, d_green, d_blue = load_block(grad_image, 3 * pixel, 3 * width, 3)
                (d_alpha,) = load_block(grad_alpha, pixel, width, 1)
                red, green, blue = load_block(image, 3 * pixel, 3 * width, 3)
                (opaque,) = load_block(alpha, pixel, width, 1)
                store(grad, k, d_red)
                store(grad, 256 + k, d_green)
                store(grad, 512 + k, d_blue)
                store(grad, 768 + k, d_alpha)
                store(rests, k, red * d_red + green * d_green + blue * d_blue + opaque * d_alpha)
            if mask_bits(inside):
                alive |= 1 << block
        seen = tile_seen[job]
        for j in range(seen):
            i = tile_items[start + j]
            later = tile_items[start + min(j + _AHEAD, seen - 1)]
            prefetch(flat_records, later * RECORD, 0)
            prefetch(flat_boxes, later * 4, 0)
            prefetch(slots, first_slot[later] * SLOT, 1)
            x0, y0 = boxes[i, 0] >> 4, boxes[i, 2] >> 4
            slot = first_slot[i] + (row - y0) * ((boxes[i, 1] >> 4) - x0 + 1) + (column - x0)
            record = records[i]
            xx, xy, yy = splat(record[XX]), splat(record[XY]), splat(record[YY])
            log2_opacity = splat(record[LOG2_OPACITY])
            red, green, blue = splat(record[RED]), splat(record[GREEN]), splat(record[BLUE])
            g_red, g_green, g_blue = zero, zero, zero
            h_1, h_x, h_y, h_xx, h_xy, h_yy = zero, zero, zero, zero, zero, zero
            blocks = np.int64(block_masks[start + j]) & alive
            while blocks:
                block = lowest_bit(blocks)
                blocks &= blocks - 1
                k = block * 16
                dx = (lx + (F(tile_x + 4 * (block & 3)) + F(0.5))) - record[X]
                dy = (ly + (F(tile_y + 4 * (block >> 2)) + F(0.5))) - record[Y]
                exponent = fma(fma(xx, dx, xy * dy), dx, fma(yy * dy, dy, log2_opacity))
                unclamped = exp2(exponent)
                a = keep(exponent >= LOG2_ALPHA_MIN, minimum(unclamped, splat(ALPHA_MAX)))
                t = load(ts, k)
                weight = a * t
                t = fma(splat(F(-1)), weight, t)
                store(ts, k, t)
                going = t > TRANSMITTANCE_MIN
                if mask_bits(going) == 0:
                    alive &= ~(1 << block)
                weight = keep(going, weight)
                d_red, d_green, d_blue = load(grad, k), load(grad, 256 + k), load(grad, 512 + k)
                gain = weight * fma(red, d_red, fma(green, d_green, fma(blue, d_blue, load(grad, 768 + k))))
                rest = load(rests, k) - gain
                store(rests, k, rest)
                # Where alpha is clamped, it does not answer to the Gaussian.
                h = keep(both(going, unclamped <= ALPHA_MAX), gain - rest * (a * reciprocal(one - a)))
                hx, hy = h * dx, h * dy
                g_red, g_green, g_blue = (
                    fma(weight, d_red, g_red),
                    fma(weight, d_green, g_green),
                    fma(weight, d_blue, g_blue),
                )
                h_1, h_x, h_y = h_1 + h, h_x + hx, h_y + hy
                h_xx, h_xy, h_yy = fma(hx, dx, h_xx), fma(hx, dy, h_xy), fma(hy, dy, h_yy)
            store_sums(slots, slot * SLOT, g_red, g_green, g_blue, h_1, h_x, h_y, h_xx, h_xy, h_yy)
        for j in range(seen, count):
            i = tile_items[start + j]
            x0, y0 = boxes[i, 0] >> 4, boxes[i, 2] >> 4
            slot = first_slot[i] + (row - y0) * ((boxes[i, 1] >> 4) - x0 + 1) + (column - x0)
            slots[slot * SLOT : slot * SLOT + 9] = F(0)
