"""Forward, second step: Gaussians in order of depth, and for every tile the list of those that may touch it."""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.layout import Array

# Three passes of 11 bits sort any positive float32; a head's depths usually need two.
_RADIX_BITS = 11


@kernel()
def number_pairs(tile_counts: Array, first_slot: Array) -> int:
    """Fill first_slot [V S] int64, a Gaussian's first (Gaussian, tile) pair; returns how many pairs there are."""
    pairs = 0
    for i in range(tile_counts.shape[0]):
        first_slot[i] = pairs
        pairs += tile_counts[i]
    return pairs


@kernel(parallel=True)
def sort_by_depth(tile_counts: Array, depth_bits: Array, order: Array, spare: Array, drawn: Array) -> None:
    """Fill order [V, S + 1] int32 with the drawn Gaussians of each view, nearest first, ties by row; drawn [V] int64.

    Gaussians are numbered over all views: view * S + row. tile_counts [V, S]; depth_bits [V, S] uint32 are the bits of
    positive float32, which sort like the numbers; spare like order is scratch.
    """
    rows = tile_counts.shape[1]
    for view in numba.prange(tile_counts.shape[0]):
        counts, bits_of = tile_counts[view], depth_bits[view]
        source, target = order[view], spare[view]
        count = 0
        lowest, highest = np.uint32(0xFFFFFFFF), np.uint32(0)
        for i in range(rows):
            source[count] = i
            if counts[i] > 0:
                count += 1
                lowest, highest = min(lowest, bits_of[i]), max(highest, bits_of[i])
        drawn[view] = count
        bits = 1
        while bits < 32 and highest > lowest and (np.uint32(highest - lowest) >> np.uint32(bits)) > 0:
            bits += 1
        passes = (bits + _RADIX_BITS - 1) // _RADIX_BITS
        width = (bits + passes - 1) // passes
        mask = np.uint32((1 << width) - 1)
        position = np.empty((1 << _RADIX_BITS) + 1, np.int64)
        for step in range(passes):
            shift = np.uint32(step * width)
            # The last pass turns rows into numbers.
            base = view * rows if step == passes - 1 else 0
            position[:] = 0
            for j in range(count):
                position[(((bits_of[source[j]] - lowest) >> shift) & mask) + 1] += 1
            for digit in range(1 << width):
                position[digit + 1] += position[digit]
            for j in range(count):
                digit = ((bits_of[source[j]] - lowest) >> shift) & mask
                target[position[digit]] = source[j] + base
                position[digit] += 1
            source, target = target, source
        if passes & 1:
            order[view, :count] = spare[view, :count]


@kernel(parallel=True)
def fill_tiles(
    boxes: Array,
    order: Array,
    drawn: Array,
    tile_columns: int,
    cursors: Array,
    tile_start: Array,
    tile_items: Array,
) -> None:
    """Fill tile_start [V tiles + 1] int64 and tile_items [pairs] int32: the Gaussians of every tile, nearest first.

    The order of a view is cut into as many parts as cursors [V, parts, tiles + 16] int32 has. Parts count, then write,
    side by side; a tile holds them one after the other, so the lists do not depend on their number.
    """
    views, parts = cursors.shape[0], cursors.shape[1]
    tiles = (tile_start.shape[0] - 1) // views
    for job in numba.prange(views * parts):
        view, part = job // parts, job % parts
        cursor, items, count = cursors[view, part], order[view], drawn[view]
        cursor[:] = 0
        for j in range(count * part // parts, count * (part + 1) // parts):
            i = items[j]
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
    for view in range(views):
        for tile in range(tiles):
            tile_start[view * tiles + tile] = pairs
            for part in range(parts):
                count = cursors[view, part, tile]
                cursors[view, part, tile] = pairs
                pairs += count
    tile_start[views * tiles] = pairs
    for job in numba.prange(views * parts):
        view, part = job // parts, job % parts
        cursor, items, count = cursors[view, part], order[view], drawn[view]
        for j in range(count * part // parts, count * (part + 1) // parts):
            i = items[j]
            for y in range(boxes[i, 2] >> 4, (boxes[i, 3] >> 4) + 1):
                for x in range(boxes[i, 0] >> 4, (boxes[i, 1] >> 4) + 1):
                    tile = y * tile_columns + x
                    tile_items[cursor[tile]] = i
                    cursor[tile] += 1
