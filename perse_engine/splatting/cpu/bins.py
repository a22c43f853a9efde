"""Forward, second step: Gaussians in order of depth, and for every tile the list of those that may touch it."""

from __future__ import annotations

import numpy as np

from perse_engine.splatting.compiled import kernel
from perse_engine.splatting.cpu.layout import Array

# Three passes of 11 bits sort any positive float32; a head's depths usually need two.
_RADIX_BITS = 11


@kernel()
def count_pairs(boxes: Array, tile_columns: int, first_slot: Array, tile_start: Array) -> int:
    """Number the (Gaussian, tile) pairs: first_slot [N] int64 is a Gaussian's first, tile_start [tiles + 1] a tile's.

    Returns how many pairs there are.
    """
    tile_start[:] = 0
    pairs = 0
    for i in range(boxes.shape[0]):
        first_slot[i] = pairs
        if boxes[i, 0] > boxes[i, 1]:
            continue
        x0, x1, y0, y1 = boxes[i, 0] >> 4, boxes[i, 1] >> 4, boxes[i, 2] >> 4, boxes[i, 3] >> 4
        pairs += (x1 - x0 + 1) * (y1 - y0 + 1)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                tile_start[y * tile_columns + x + 1] += 1
    for tile in range(tile_start.shape[0] - 1):
        tile_start[tile + 1] += tile_start[tile]
    return pairs


@kernel()
def sort_by_depth(boxes: Array, depth_bits: Array, order: Array, spare: Array) -> int:
    """Fill order [N] int32 with the drawn Gaussians, nearest first, ties by index; returns how many.

    depth_bits [N] uint32 are the bits of positive float32, which sort like the numbers. spare [N] int32 is scratch.
    """
    drawn = 0
    lowest, highest = np.uint32(0xFFFFFFFF), np.uint32(0)
    for i in range(boxes.shape[0]):
        if boxes[i, 0] <= boxes[i, 1]:
            order[drawn] = i
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


@kernel()
def fill_tiles(boxes: Array, order: Array, drawn: int, tile_columns: int, tile_start: Array, tile_items: Array) -> None:
    """Fill tile_items [pairs] int32: the Gaussians of every tile, nearest first."""
    cursor = tile_start[:-1].copy()
    for j in range(drawn):
        i = order[j]
        for y in range(boxes[i, 2] >> 4, (boxes[i, 3] >> 4) + 1):
            for x in range(boxes[i, 0] >> 4, (boxes[i, 1] >> 4) + 1):
                tile = y * tile_columns + x
                tile_items[cursor[tile]] = i
                cursor[tile] += 1
