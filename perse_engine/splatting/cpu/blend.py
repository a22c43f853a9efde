"""Forward, third step: every tile blends its Gaussians front to back, a block of 16 px per vector.

Blending stops per block. The transmittance t goes on falling in pixels that have ended, so that no comparison lies on
the chain from one Gaussian to the next; `frozen` is its value at the end of the pixel.
"""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import append_where, load, prefetch, store, store_block
from perse_engine.splatting.cpu.lanes import both, exp2, fma, keep, lowest_bit, mask_bits, minimum, select, splat
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
_CHUNK = 128


@kernel(parallel=True)
def blend(
    records: Array,
    boxes: Array,
    tile_start: Array,
    tile_items: Array,
    block_masks: Array,
    tile_seen: Array,
    width: int,
    height: int,
    background: Array,
    lane_x: Array,
    lane_y: Array,
    image: Array,
    alpha: Array,
) -> None:
    """Fill image [V H W 3] and alpha [V H W], flat; records [V S, 16], boxes [V S, 4], tile_start [V tiles + 1].

    For the backward: tile_seen [V tiles] int64, how many of a tile's Gaussians were looked at before all its pixels
    ended, and of those block_masks [pairs] uint16, the blocks that they may touch. lane_x, lane_y [16]: the lanes'
    places in a block.
    """
    columns, tiles = (width + 15) // 16, ((width + 15) // 16) * ((height + 15) // 16)
    for job in numba.prange(tile_start.shape[0] - 1):
        view, tile = job // tiles, job % tiles
        tile_x, tile_y = (tile % columns) * 16, (tile // columns) * 16
        corner = (view * height + tile_y) * width + tile_x
        flat = records.reshape(-1)
        start = tile_start[job]
        count = tile_start[job + 1] - start
        x_end, y_end = min(16, width - tile_x), min(16, height - tile_y)
        whole_tile = x_end == 16 and y_end == 16
        if count == 0:
            for y in range(y_end):
                for pixel in range(corner + y * width, corner + y * width + x_end):
                    for channel in range(3):
                        image[3 * pixel + channel] = background[channel]
                    alpha[pixel] = F(0)
            continue
        lx, ly = load(lane_x, 0), load(lane_y, 0)
        items = np.empty(_CHUNK + 16, np.int32)
        # Per block: transmittance, its value at the end of the pixel, red, green, blue.
        state = np.zeros(5 * 256, np.float32)
        alive = 0
        for block in range(16):
            px = lx + (F(tile_x + 4 * (block & 3)) + F(0.5))
            py = ly + (F(tile_y + 4 * (block >> 2)) + F(0.5))
            inside = both(px < F(width), py < F(height))
            store(state, block * 16, keep(inside, splat(F(1))))
            store(state, 256 + block * 16, keep(inside, splat(F(1))))
            if mask_bits(inside):
                alive |= 1 << block
        # In chunks, because most of what lies behind the front surface is never looked at.
        done = 0
        while done < count and alive:
            chunk = start + done
            size = min(_CHUNK, count - done)
            done += size
            # Here a lane is a block: which blocks does each Gaussian touch?
            for j in range(size):
                i = tile_items[chunk + j]
                prefetch(flat, tile_items[chunk + min(j + _AHEAD, size - 1)] * RECORD, 0)
                record = records[i]
                dx = fma(lx, splat(F(4)), splat(F(tile_x + 2) - record[X]))
                dy = fma(ly, splat(F(4)), splat(F(tile_y + 2) - record[Y]))
                form = fma(fma(splat(record[XX]), dx, dy * record[XY]), dx, dy * dy * record[YY])
                x0, x1 = max(boxes[i, 0] - tile_x, 0) >> 2, min(boxes[i, 1] - tile_x, 15) >> 2
                y0, y1 = max(boxes[i, 2] - tile_y, 0) >> 2, min(boxes[i, 3] - tile_y, 15) >> 2
                in_columns = ((2 << x1) - (1 << x0)) * 0x1111
                in_rows = (16 << (4 * y1)) - (1 << (4 * y0))
                block_masks[chunk + j] = mask_bits(form >= -record[REACH]) & in_columns & in_rows
            whole = size & ~15
            blocks = alive
            while blocks:
                block = lowest_bit(blocks)
                blocks &= blocks - 1
                # The Gaussians of this block, in order.
                touching = 0
                for j in range(0, whole, 16):
                    touching += append_where(items, touching, tile_items, chunk + j, block_masks, block)
                for j in range(whole, size):
                    items[touching] = tile_items[chunk + j]
                    touching += (block_masks[chunk + j] >> block) & 1
                k = block * 16
                px = lx + (F(tile_x + 4 * (block & 3)) + F(0.5))
                py = ly + (F(tile_y + 4 * (block >> 2)) + F(0.5))
                t, frozen = load(state, k), load(state, 256 + k)
                red, green, blue = load(state, 512 + k), load(state, 768 + k), load(state, 1024 + k)
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
                        alive &= ~(1 << block)
                        break
                store(state, k, t)
                store(state, 256 + k, frozen)
                store(state, 512 + k, red)
                store(state, 768 + k, green)
                store(state, 1024 + k, blue)
        tile_seen[job] = done
        # Tiles that the image cuts are drawn here first, block after block, channel after channel.
        cut = np.empty(0 if whole_tile else 1024, np.float32)
        for block in range(16):
            k = block * 16
            frozen = load(state, 256 + k)
            red = fma(frozen, splat(background[0]), load(state, 512 + k))
            green = fma(frozen, splat(background[1]), load(state, 768 + k))
            blue = fma(frozen, splat(background[2]), load(state, 1024 + k))
            opaque = splat(F(1)) - frozen
            if whole_tile:
                pixel = corner + 4 * (block >> 2) * width + 4 * (block & 3)
                store_block(image, 3 * pixel, 3 * width, (red, green, blue))
                store_block(alpha, pixel, width, (opaque,))
            else:
                store(cut, block * 16, red)
                store(cut, 256 + block * 16, green)
                store(cut, 512 + block * 16, blue)
                store(cut, 768 + block * 16, opaque)
        if whole_tile:
            continue
        for y in range(y_end):
            for x in range(x_end):
                lane = (y >> 2) * 64 + (x >> 2) * 16 + (y & 3) * 4 + (x & 3)
                pixel = corner + y * width + x
                for channel in range(3):
                    image[3 * pixel + channel] = cut[channel * 256 + lane]
                alpha[pixel] = cut[768 + lane]
