"""Forward, second step: Gaussians in order of depth, and for every tile the list of those that may touch it."""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.splatting.compiled import kernel
from perse_engine.splatting.cpu.layout import Array

# Three passes of 11 bits sort any positive float32; a head's depths usually need two.
_RADIX_BITS = 11


@kernel()
def number_pairs(tile_counts: Array, first_slot: Array) -> int:
    """Fill first_slot [N] int64, the number of a Gaussian's first (Gaussian, tile) pair; returns how many there are."""
    pairs = 0
    for i in range(tile_counts.shape[0]):
        first_slot[i] = pairs
        pairs += tile_counts[i]
    return pairs


@kernel()
def sort_by_depth(tile_counts: Array, depth_bits: Array, order: Array, spare: Array) -> int:
    """Fill order [N + 1] int32 with the drawn Gaussians, nearest first, ties by index; returns how many.

    depth_bits [N] uint32 are the bits of positive float32, which sort like the numbers. spare [N + 1] is scratch.
    """
    drawn = 0
    lowest, highest = np.uint32(0xFFFFFFFF), np.uint32(0)
    for i in range(tile_counts.shape[0]):
        order[drawn] = i
        if tile_counts[i] > 0:
            drawn += 1
            lowest, highest = min(lowest, depth_bits[i]), max(highest, depth_bits[i])
    if drawn == 0:
        return 0
    bits = 1
    while bits < 32 and (np.uint32(highest - lowest) >> np.uint32(bits)) > 0:
        bits += 1
    passes = (bits + _RADIX_BITS - 1) // _RADIX_BITS
    width = (bits + passes - 1) // passes
    mask = np.uint32((1 << width) - 1)
    position = np.empty((1 << _RADIX_BITS) + 1, np.int64)
    source, target = order, spare
    for step in range(passes):
        shift = np.uint32(step * width)
        position[:] = 0
        for j in range(drawn):
            position[(((depth_bits[source[j]] - lowest) >> shift) & mask) + 1] += 1
        for digit in range(1 << width):
            position[digit + 1] += position[digit]
        for j in range(drawn):
            digit = ((depth_bits[source[j]] - lowest) >> shift) & mask
            target[position[digit]] = source[j]
            position[digit] += 1
        source, target = target, source
    if passes & 1:
        order[:drawn] = spare[:drawn]
    return drawn


@kernel(parallel=True)
def fill_tiles(
    boxes: Array,
    order: Array,
    drawn: int,
    tile_columns: int,
    cursors: Array,
    tile_start: Array,
    tile_items: Array,
) -> None:
    """Fill tile_start [tiles + 1] int64 and tile_items [pairs + 1] int32: the Gaussians of every tile, nearest first.

    The order is cut into as many parts as cursors [parts, tiles + 16] int32 has rows. Parts count, then write, side by
    side; a tile holds them one after the other, so the lists do not depend on their number.
    """
    parts, tiles = cursors.shape[0], tile_start.shape[0] - 1
    for part in numba.prange(parts):
        cursor = cursors[part]
        cursor[:] = 0
        for j in range(drawn * part // parts, drawn * (part + 1) // parts):
            i = order[j]
            x0, x1, y0, y1 = boxes[i, 0] >> 4, boxes[i, 1] >> 4, boxes[i, 2] >> 4, boxes[i, 3] >> 4
            if x1 - x0 <= 1 and y1 - y0 <= 1:
                # Nearly all: four additions of 0 or 1 instead of loops whose ends nobody can predict.
                wide, high = x1 - x0, y1 - y0
                cursor[y0 * tile_columns + x0] += 1
                cursor[y0 * tile_columns + x1] += wide
                cursor[y1 * tile_columns + x0] += high
                cursor[y1 * tile_columns + x1] += wide & high
            else:
                for y in range(y0, y1 + 1):
                    for x in range(x0, x1 + 1):
                        cursor[y * tile_columns + x] += 1
    pairs = 0
    for tile in range(tiles):
        tile_start[tile] = pairs
        for part in range(parts):
            count = cursors[part, tile]
            cursors[part, tile] = pairs
            pairs += count
    tile_start[tiles] = pairs
    for part in numba.prange(parts):
        cursor = cursors[part]
        for j in range(drawn * part // parts, drawn * (part + 1) // parts):
            i = order[j]
            for y in range(boxes[i, 2] >> 4, (boxes[i, 3] >> 4) + 1):
                for x in range(boxes[i, 0] >> 4, (boxes[i, 1] >> 4) + 1):
                    tile = y * tile_columns + x
                    tile_items[cursor[tile]] = i
                    cursor[tile] += 1
