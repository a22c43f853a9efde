"""L1, alpha and SSIM losses of one image with their gradients.

Images come as rows of interleaved channels, [H, 3 W]: a neighbour pixel is three numbers away.
"""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import load, store
from perse_engine.splatting.cpu.lanes import keep, numbers, splat
from perse_engine.splatting.cpu.layout import Array, F

RADIUS = 3
WINDOW = 2 * RADIUS + 1
# (0.01, 0.03) squared, for a data range of 1: the constants of Wang et al. 2004.
C1, C2 = F(1e-4), F(9e-4)

# A row of scratch has room for the window at its left, and for the window and a whole vector at its right.
MARGIN = 16
PADDING = MARGIN + 32
# Rows are done in bands, each by one thread. Windows are summed anew for every row: a running sum would carry the
# rounding errors of dark rows, whose terms are a thousand times larger, into bright ones.
BAND = 32
# Rows live in rings of a power of two.
_RING = 8
SCRATCH_ROWS = _RING * 2 + 5 + _RING * 3 + 3
_X, _Y, _SUMS, _TERMS, _TERM_SUMS = 0, _RING, 2 * _RING, 2 * _RING + 5, 5 * _RING + 5


@kernel(parallel=True)
def l1_rows(image: Array, target: Array, weight: float, grad: Array, row_sums: Array) -> None:
    """grad [H, C] = weight sign(image - target); row_sums [H] = sum |image - target|."""
    step = F(weight)
    for row in numba.prange(image.shape[0]):
        total = F(0)
        for column in range(image.shape[1]):
            difference = image[row, column] - target[row, column]
            total += abs(difference)
            grad[row, column] = step * (F(difference > 0) - F(difference < 0))
        row_sums[row] = total


@kernel(parallel=True)
def ssim_rows(image: Array, target: Array, weight: float, scratch: Array, grad: Array, row_sums: Array) -> None:
    """grad [H, 3 W] += weight d(sum SSIM) / d(image); row_sums [H] = sum of SSIM over the row.

    SSIM with a 7 x 7 box, zeros outside the image; image, target and grad are flat.
    scratch [bands, SCRATCH_ROWS * (3 W + PADDING)] is zero before its first use.
    """
    height = row_sums.shape[0]
    width = image.shape[0] // height
    stride = width + PADDING
    area = F(1 / (WINDOW * WINDOW))
    one, two = F(1), F(2)
    for band in numba.prange(scratch.shape[0]):
        first = band * BAND
        end = min(first + BAND, height)
        rows = scratch[band]
        # Three stages run down the band, one after the other: `newest` enters the statistics, whose window is centred
        # on `middle`; the window over the middle rows is centred on `row`, whose gradient it completes.
        for newest in range(first - 2 * RADIUS, end + 2 * RADIUS):
            x_new, y_new = (_X + (newest & 7)) * stride + MARGIN, (_Y + (newest & 7)) * stride + MARGIN
            inside = 0 <= newest < height
            for column in range(width):
                rows[x_new + column] = image[newest * width + column] if inside else F(0)
                rows[y_new + column] = target[newest * width + column] if inside else F(0)
            middle = newest - RADIUS
            if middle < first - RADIUS:
                continue
            sums = _SUMS * stride + MARGIN
            for column in range(0, width, 16):
                s_x, s_y, s_xx, s_yy, s_xy = splat(F(0)), splat(F(0)), splat(F(0)), splat(F(0)), splat(F(0))
                for k in range(_RING):
                    # The ring holds the window and one row more, which left it.
                    if k != (middle + RADIUS + 1) & 7:
                        x = load(rows, (_X + k) * stride + MARGIN + column)
                        y = load(rows, (_Y + k) * stride + MARGIN + column)
                        s_x, s_y = s_x + x, s_y + y
                        s_xx, s_yy, s_xy = s_xx + x * x, s_yy + y * y, s_xy + x * y
                at = sums + column
                store(rows, at, s_x)
                store(rows, at + stride, s_y)
                store(rows, at + 2 * stride, s_xx)
                store(rows, at + 3 * stride, s_yy)
                store(rows, at + 4 * stride, s_xy)

            terms = (_TERMS + (middle & 7)) * stride + MARGIN
            counted = splat(F(0))
            for column in range(0, width, 16):
                s_x, s_y, s_xx, s_yy, s_xy = splat(F(0)), splat(F(0)), splat(F(0)), splat(F(0)), splat(F(0))
                for k in range(column - 3 * RADIUS, column + 3 * RADIUS + 1, 3):
                    at = sums + k
                    s_x, s_y = s_x + load(rows, at), s_y + load(rows, at + stride)
                    s_xx, s_yy = s_xx + load(rows, at + 2 * stride), s_yy + load(rows, at + 3 * stride)
                    s_xy = s_xy + load(rows, at + 4 * stride)
                m_x, m_y = s_x * area, s_y * area
                v_x, v_y, v_xy = s_xx * area - m_x * m_x, s_yy * area - m_y * m_y, s_xy * area - m_x * m_y
                a1, a2 = m_x * m_y * two + C1, v_xy * two + C2
                b1, b2 = m_x * m_x + m_y * m_y + C1, v_x + v_y + C2
                inverse_b1, inverse_b2 = one / b1, one / b2
                similarity = a1 * a2 * inverse_b1 * inverse_b2
                # dS/dx at a pixel of the window is (t0 + 2 x t1 + y t2) / 49.
                t1 = splat(F(0)) - similarity * inverse_b2
                t2 = a1 * inverse_b1 * inverse_b2 * two
                t0 = (m_y * a2 * inverse_b1 * inverse_b2 - m_x * similarity * inverse_b1 - m_x * t1) * two - m_y * t2
                # A window centred outside the image does not exist.
                exists = numbers(F(column)) < F(width if 0 <= middle < height else 0)
                store(rows, terms + column, keep(exists, t0))
                store(rows, terms + _RING * stride + column, keep(exists, t1))
                store(rows, terms + 2 * _RING * stride + column, keep(exists, t2))
                counted = counted + keep(exists, similarity)
            if first <= middle < end:
                lanes = np.empty(16, np.float32)
                store(lanes, 0, counted)
                row_sums[middle] = lanes.sum()

            row = middle - RADIUS
            if row < first:
                continue
            term_sums = _TERM_SUMS * stride + MARGIN
            for term in range(3):
                for column in range(0, width, 16):
                    total = splat(F(0))
                    for k in range(_RING):
                        if k != (row + RADIUS + 1) & 7:
                            total = total + load(rows, (_TERMS + term * _RING + k) * stride + MARGIN + column)
                    store(rows, term_sums + term * stride + column, total)
            x_row, y_row = (_X + (row & 7)) * stride + MARGIN, (_Y + (row & 7)) * stride + MARGIN
            result = np.empty(16, np.float32)
            for column in range(0, width, 16):
                g0, g1, g2 = splat(F(0)), splat(F(0)), splat(F(0))
                for k in range(column - 3 * RADIUS, column + 3 * RADIUS + 1, 3):
                    at = term_sums + k
                    g0, g1, g2 = g0 + load(rows, at), g1 + load(rows, at + stride), g2 + load(rows, at + 2 * stride)
                x, y = load(rows, x_row + column), load(rows, y_row + column)
                g = (g0 + x * g1 * two + y * g2) * (F(weight) * area)
                at = row * width + column
                if column + 16 <= width:
                    store(grad, at, load(grad, at) + g)
                else:
                    store(result, 0, g)
                    for k in range(width - column):
                        grad[at + k] += result[k]
