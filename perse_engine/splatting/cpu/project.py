"""Forward, first step: Gaussians in the world become records in the image, 16 at a time."""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import load, load_columns, store, store_columns, store_table
from perse_engine.splatting.cpu.lanes import (
    absolute,
    both,
    ceil,
    floor,
    keep,
    log2,
    mask_bits,
    maximum,
    minimum,
    numbers,
    select,
    splat,
    sqrt,
)
from perse_engine.splatting.cpu.layout import (
    ALPHA_MIN,
    ANTIALIASED_BLUR_PX2,
    CLASSIC_BLUR_PX2,
    FRUSTUM_MARGIN,
    LOG2_ALPHA_MIN,
    LOG2_E,
    NEAR_M,
    RECORD,
    RED,
    TILE,
    Array,
    F,
)


@kernel()
def padded(array: Array, start: int, count: int, columns: int) -> Array:
    """`count` rows of a flat array from row `start` on, padded with ones to a group of 16."""
    rows = np.ones(16 * columns, np.float32)
    rows[: count * columns] = array[start * columns : (start + count) * columns]
    return rows


@kernel(parallel=True)
def project(
    means: Array,
    quats: Array,
    scales: Array,
    opacities: Array,
    colours: Array,
    sets: int,
    cameras: Array,
    width: int,
    height: int,
    antialiased: bool,
    records: Array,
    boxes: Array,
    depths: Array,
    tile_counts: Array,
) -> int:
    """Fill records [V, S, 16], boxes [V, S, 4] int32, depths [V, S], tile_counts [V, S] int32; S is N rounded up to 16.

    All arrays are flat but cameras [V, 16]: fx, fy, cx, cy, then three rows of world-to-camera. The Gaussians are
    `sets` sets of N: one for all views, or one per view. A box is the first and last column, the first and last row, of
    pixels; first > last, and 0 tiles: not drawn. Returns how many Gaussians hold a number that is not finite.
    """
    n = opacities.shape[0] // sets
    views, groups = cameras.shape[0], (n + 15) // 16
    zero, one, two, half = F(0), F(1), F(2), F(0.5)
    w, h = F(width), F(height)
    blur_px2 = ANTIALIASED_BLUR_PX2 if antialiased else CLASSIC_BLUR_PX2
    not_finite = 0
    for job in numba.prange(views * groups):
        view, group = job // groups, job % groups
        first = group * 16 + (view * n if sets > 1 else 0)
        lanes = min(16, n - group * 16)
        i = 16 * job
        fx, fy, cx, cy = cameras[view, 0], cameras[view, 1], cameras[view, 2], cameras[view, 3]
        v00, v01, v02, v03 = cameras[view, 4], cameras[view, 5], cameras[view, 6], cameras[view, 7]
        v10, v11, v12, v13 = cameras[view, 8], cameras[view, 9], cameras[view, 10], cameras[view, 11]
        v20, v21, v22, v23 = cameras[view, 12], cameras[view, 13], cameras[view, 14], cameras[view, 15]
        margin_x, margin_y = FRUSTUM_MARGIN * half * w / fx, FRUSTUM_MARGIN * half * h / fy
        right, left = (w - cx) / fx + margin_x, -(cx / fx + margin_x)
        bottom, top = (h - cy) / fy + margin_y, -(cy / fy + margin_y)
        # The last group reads its rows from copies that are padded to 16.
        m_, q_, s_, o_, c_, at = means, quats, scales, opacities, colours, first
        if lanes < 16:
            m_, q_, s_ = padded(means, first, lanes, 3), padded(quats, first, lanes, 4), padded(scales, first, lanes, 3)
            o_, c_, at = padded(opacities, first, lanes, 1), padded(colours, first, lanes, 3), 0
        m0, m1, m2 = load_columns(m_, 3 * at, 3)
        qw, qx, qy, qz = load_columns(q_, 4 * at, 4)
        s0, s1, s2 = load_columns(s_, 3 * at, 3)
        red, green, blue = load_columns(c_, 3 * at, 3)
        opacity = load(o_, at)
        # 0 x is 0 for finite x only.
        nought = (m0 + m1 + m2 + qw + qx + qy + qz + s0 + s1 + s2 + red + green + blue + opacity) * zero
        finite = mask_bits(nought >= zero)
        for k in range(lanes):
            not_finite += 1 - ((finite >> k) & 1)
        # Camera space; the image point; the slope at which the Jacobian is taken.
        tx = m0 * v00 + m1 * v01 + m2 * v02 + v03
        ty = m0 * v10 + m1 * v11 + m2 * v12 + v13
        tz = m0 * v20 + m1 * v21 + m2 * v22 + v23
        inverse_z = one / tz
        x, y = tx * inverse_z, ty * inverse_z
        slope_x, slope_y = (
            minimum(maximum(x, splat(left)), splat(right)),
            minimum(maximum(y, splat(top)), splat(bottom)),
        )
        # Rotation of the Gaussian, columns are its axes.
        length = one / sqrt(qw * qw + qx * qx + qy * qy + qz * qz)
        qw, qx, qy, qz = qw * length, qx * length, qy * length, qz * length
        r00, r01, r02 = one - (qy * qy + qz * qz) * two, (qx * qy - qw * qz) * two, (qx * qz + qw * qy) * two
        r10, r11, r12 = (qx * qy + qw * qz) * two, one - (qx * qx + qz * qz) * two, (qy * qz - qw * qx) * two
        r20, r21, r22 = (qx * qz - qw * qy) * two, (qy * qz + qw * qx) * two, one - (qx * qx + qy * qy) * two
        # Rows p and q of J V; u = p R S and w = q R S are the Gaussian's axes in the image; covariance (u; w)(u; w)^T.
        px, py = inverse_z * fx, inverse_z * fy
        p0, p1, p2 = px * (v00 - slope_x * v20), px * (v01 - slope_x * v21), px * (v02 - slope_x * v22)
        q0, q1, q2 = py * (v10 - slope_y * v20), py * (v11 - slope_y * v21), py * (v12 - slope_y * v22)
        u0, u1, u2 = (
            s0 * (p0 * r00 + p1 * r10 + p2 * r20),
            s1 * (p0 * r01 + p1 * r11 + p2 * r21),
            s2 * (p0 * r02 + p1 * r12 + p2 * r22),
        )
        w0, w1, w2 = (
            s0 * (q0 * r00 + q1 * r10 + q2 * r20),
            s1 * (q0 * r01 + q1 * r11 + q2 * r21),
            s2 * (q0 * r02 + q1 * r12 + q2 * r22),
        )
        sharp_xx, sharp_yy = u0 * u0 + u1 * u1 + u2 * u2, w0 * w0 + w1 * w1 + w2 * w2
        cov_xx, cov_xy, cov_yy = sharp_xx + blur_px2, u0 * w0 + u1 * w1 + u2 * w2, sharp_yy + blur_px2
        # The determinant by Lagrange's identity: xx yy - xy^2 would cancel to noise for needles.
        c0, c1, c2 = u1 * w2 - u2 * w1, u2 * w0 - u0 * w2, u0 * w1 - u1 * w0
        sharp = c0 * c0 + c1 * c1 + c2 * c2
        determinant = sharp + (sharp_xx + sharp_yy) * blur_px2 + blur_px2 * blur_px2
        inverse = one / determinant
        a, b, c = cov_yy * inverse, zero - cov_xy * inverse, cov_xx * inverse
        mean_x, mean_y = x * fx + cx, y * fy + cy
        # What a Gaussian grows by the blur, it loses in opacity: all cut-offs below know what is left.
        peak = opacity * sqrt(sharp * inverse) if antialiased else opacity
        log2_opacity = log2(maximum(peak, splat(ALPHA_MIN)))
        # alpha reaches 1/255 where the quadratic form falls to -span; its box is exact, plus a rounding error.
        span = log2_opacity - LOG2_ALPHA_MIN
        two_tau = span * (two / LOG2_E)
        extent_x, extent_y = sqrt(two_tau * cov_xx) * F(1.0001) + F(1e-3), sqrt(two_tau * cov_yy) * F(1.0001) + F(1e-3)
        # sqrt(-form) is a norm: over a block it moves by at most its value for the block's half diagonal (1.5, 1.5) px.
        reach = sqrt(span) + sqrt((a + c + absolute(b) * two) * (F(1.125) * LOG2_E))
        x_first, x_last = (
            maximum(ceil(mean_x - extent_x - half), splat(zero)),
            minimum(floor(mean_x + extent_x - half), splat(w - one)),
        )
        y_first, y_last = (
            maximum(ceil(mean_y - extent_y - half), splat(zero)),
            minimum(floor(mean_y + extent_y - half), splat(h - one)),
        )
        drawn = both(both(peak >= ALPHA_MIN, tz >= NEAR_M), both(x_first <= x_last, y_first <= y_last))
        drawn = both(drawn, both(inverse > zero, extent_x + extent_y < F(np.inf)))
        drawn = both(drawn, numbers(zero) < F(lanes))
        x_first, x_last = select(drawn, x_first, splat(one)), keep(drawn, x_last)
        y_first, y_last = keep(drawn, y_first), keep(drawn, y_last)
        tiles_x = floor(x_last * F(1 / TILE)) - floor(x_first * F(1 / TILE)) + one
        tiles_y = floor(y_last * F(1 / TILE)) - floor(y_first * F(1 / TILE)) + one
        store_columns(boxes, 4 * i, (x_first, x_last, y_first, y_last))
        store_columns(tile_counts, i, (keep(drawn, tiles_x * tiles_y),))
        store(depths, i, tz)
        # In the order of layout.py.
        xx, xy, yy = a * (-half * LOG2_E), b * -LOG2_E, c * (-half * LOG2_E)
        reach = reach * reach * F(1.0001)
        columns = (mean_x, mean_y, xx, xy, yy, log2_opacity, red, green, blue, reach, opacity, a, b, c, tz, tz)
        store_table(records, RECORD * i, columns)
    # Gaussians that all views share were counted once for each.
    return not_finite // (views // sets)


@kernel(parallel=True)
def put_colours(colours: Array, sets: int, records: Array, views: int, rows: int) -> None:
    """Write other colours, flat [sets N, 3], into the records [V, S, 16], flat."""
    n = colours.shape[0] // (3 * sets)
    for job in numba.prange(views * ((n + 15) // 16)):
        view, group = job // ((n + 15) // 16), job % ((n + 15) // 16)
        for row in range(group * 16, min(group * 16 + 16, n)):
            source, target = 3 * (row + (view * n if sets > 1 else 0)), RECORD * (view * rows + row) + RED
            for channel in range(3):
                records[target + channel] = colours[source + channel]
