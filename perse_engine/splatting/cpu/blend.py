"""Forward, third step: every tile blends its Gaussians front to back, a block of 16 px per vector.

Blending stops per block. The transmittance t goes on falling in pixels that have ended, so that no comparison lies on
the chain from one Gaussian to the next; `frozen` is its value at the end of the pixel.
"""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.splatting.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import append_where, load, prefetch, store, store_block
from perse_engine.splatting.cpu.lanes import both, exp2, fma, keep, mask_bits, minimum, select, splat
from perse_engine.splatting.cpu.layout import (
    ALPHA_MAX,
    BLUE,
    GREEN,
    LOG2_ALPHA_MIN,
    LOG2_OPACITY,
    REACH,
    RECORD,
    RED,
    TRANSMITTANCE_MIN,
    XX,
    XY,
    YY,
    Array,
    F,
    X,
    Y,
)

# A record is fetched this many Gaussians ahead of its use: they lie in the order of the cloud, not of depth.
_AHEAD = 12


@kernel(parallel=True)
def blend(
    records: Array,
    boxes: Array,
    tile_start: Array,
    tile_items: Array,
    block_masks: Array,
    width: int,
    height: int,
    background: Array,
    lane_x: Array,
    lane_y: Array,
    image: Array,
    alpha: Array,
    tile_transmittance: Array,
    tile_colours: Array,
) -> None:
    """Fill image [H, W, 3] and alpha [H, W]; keep what the backward needs.

    block_masks [pairs] uint16: blocks that a Gaussian may touch; tile_transmittance [tiles, 256] and tile_colours
    [tiles, 768] (with background) in tile order. lane_x, lane_y [16]: the lanes' places in a block.
    """
    columns = (width + 15) // 16
    for tile in numba.prange(tile_start.shape[0] - 1):
        tile_x, tile_y = (tile % columns) * 16, (tile // columns) * 16
        flat = records.reshape(-1)
        start = tile_start[tile]
        count = tile_start[tile + 1] - start
        x_end, y_end = min(16, width - tile_x), min(16, height - tile_y)
        whole_tile = x_end == 16 and y_end == 16
        flat_image, flat_alpha = image.reshape(-1), alpha.reshape(-1)
        if count == 0:
            for y in range(y_end):
                for x in range(x_end):
                    for channel in range(3):
                        image[tile_y + y, tile_x + x, channel] = background[channel]
                    alpha[tile_y + y, tile_x + x] = F(0)
            continue
        lx, ly = load(lane_x, 0), load(lane_y, 0)
        # Here a lane is a block: which blocks does each Gaussian touch?
        for j in range(count):
            i = tile_items[start + j]
            prefetch(flat, tile_items[start + min(j + _AHEAD, count - 1)] * RECORD, 0)
            record = records[i]
            dx = fma(lx, splat(F(4)), splat(F(tile_x + 2) - record[X]))
            dy = fma(ly, splat(F(4)), splat(F(tile_y + 2) - record[Y]))
            form = fma(fma(splat(record[XX]), dx, dy * record[XY]), dx, dy * dy * record[YY])
            x0, x1 = max(boxes[i, 0] - tile_x, 0) >> 2, min(boxes[i, 1] - tile_x, 15) >> 2
            y0, y1 = max(boxes[i, 2] - tile_y, 0) >> 2, min(boxes[i, 3] - tile_y, 15) >> 2
            in_columns = ((2 << x1) - (1 << x0)) * 0x1111
            in_rows = (16 << (4 * y1)) - (1 << (4 * y0))
            block_masks[start + j] = mask_bits(form >= -record[REACH]) & in_columns & in_rows

        items = np.empty(count + 16, np.int32)
        transmittance, colours = tile_transmittance[tile], tile_colours[tile]
        whole = count & ~15
        for block in range(16):
            # The Gaussians of this block, in order.
            touching = 0
            for j in range(0, whole, 16):
                touching += append_where(items, touching, tile_items, start + j, block_masks, block)
            for j in range(whole, count):
                items[touching] = tile_items[start + j]
                touching += (block_masks[start + j] >> block) & 1
            px = lx + (F(tile_x + 4 * (block & 3)) + F(0.5))
            py = ly + (F(tile_y + 4 * (block >> 2)) + F(0.5))
            t = keep(both(px < F(width), py < F(height)), splat(F(1)))
            frozen = t
            red, green, blue = splat(F(0)), splat(F(0)), splat(F(0))
            for j in range(touching):
                record = records[items[j]]
                dx, dy = px - record[X], py - record[Y]
                exponent = fma(
                    fma(splat(record[XX]), dx, dy * record[XY]),
                    dx,
                    fma(dy * record[YY], dy, splat(record[LOG2_OPACITY])),
                )
                a = keep(exponent >= LOG2_ALPHA_MIN, minimum(exp2(exponent), splat(ALPHA_MAX)))
                weight = a * t
                t = fma(splat(F(-1)), weight, t)
                going = t > TRANSMITTANCE_MIN
                weight = keep(going, weight)
                frozen = select(going, t, frozen)
                red = fma(weight, splat(record[RED]), red)
                green = fma(weight, splat(record[GREEN]), green)
                blue = fma(weight, splat(record[BLUE]), blue)
                if mask_bits(going) == 0:
                    break
            red = fma(frozen, splat(background[0]), red)
            green = fma(frozen, splat(background[1]), green)
            blue = fma(frozen, splat(background[2]), blue)
            store(transmittance, block * 16, frozen)
            store(colours, block * 16, red)
            store(colours, 256 + block * 16, green)
            store(colours, 512 + block * 16, blue)
            pixel = (tile_y + 4 * (block >> 2)) * width + tile_x + 4 * (block & 3)
            if whole_tile:
                store_block(flat_image, 3 * pixel, 3 * width, (red, green, blue))
                store_block(flat_alpha, pixel, width, (splat(F(1)) - frozen,))
        if whole_tile:
            continue
        for y in range(y_end):
            for x in range(x_end):
                lane = (y >> 2) * 64 + (x >> 2) * 16 + (y & 3) * 4 + (x & 3)
                for channel in range(3):
                    image[tile_y + y, tile_x + x, channel] = colours[channel * 256 + lane]
                alpha[tile_y + y, tile_x + x] = F(1) - transmittance[lane]
