"""Backward, second step: slots are summed and carried back through the projection, 16 Gaussians at a time."""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import load, load_columns, load_table, store, store_columns
from perse_engine.splatting.cpu.lanes import both, keep, maximum, minimum, splat, sqrt
from perse_engine.splatting.cpu.layout import (
    ANTIALIASED_BLUR_PX2,
    CLASSIC_BLUR_PX2,
    FRUSTUM_MARGIN,
    RECORD,
    SLOT,
    Array,
    F,
)
from perse_engine.splatting.cpu.project import padded


@kernel(parallel=True)
def project_backward(
    means: Array,
    quats: Array,
    scales: Array,
    sets: int,
    cameras: Array,
    width: int,
    height: int,
    antialiased: bool,
    records: Array,
    tile_counts: Array,
    first_slot: Array,
    slots: Array,
    grad_means: Array,
    grad_quats: Array,
    grad_scales: Array,
    grad_opacities: Array,
    grad_colours: Array,
) -> None:
    """Fill the gradients, summed over the views of a set; exact zeros for Gaussians that no view draws.

    All arrays but cameras are flat; records and slots as `project` and `blend_backward` left them.
    """
    n = grad_opacities.shape[0] // sets
    groups, views = (n + 15) // 16, cameras.shape[0] // sets
    zero, one, two, half = F(0), F(1), F(2), F(0.5)
    w, h = F(width), F(height)
    blur_px2 = ANTIALIASED_BLUR_PX2 if antialiased else CLASSIC_BLUR_PX2
    for job in numba.prange(sets * groups):
        part, group = job // groups, job % groups
        first = part * n + group * 16
        lanes = min(16, n - group * 16)
        m, q, s, at = means, quats, scales, first
        gm, gq, gs, go, gc = grad_means, grad_quats, grad_scales, grad_opacities, grad_colours
        if lanes < 16:
            # The last group works on padded copies.
            m, q, s, at = (
                padded(means, first, lanes, 3),
                padded(quats, first, lanes, 4),
                padded(scales, first, lanes, 3),
                0,
            )
            gm, gq, gs, go, gc = np.empty(48, F), np.empty(64, F), np.empty(48, F), np.empty(16, F), np.empty(48, F)
        m0, m1, m2 = load_columns(m, 3 * at, 3)
        qw, qx, qy, qz = load_columns(q, 4 * at, 4)
        s0, s1, s2 = load_columns(s, 3 * at, 3)
        length = one / sqrt(qw * qw + qx * qx + qy * qy + qz * qz)
        qw, qx, qy, qz = qw * length, qx * length, qy * length, qz * length
        r00, r01, r02 = one - (qy * qy + qz * qz) * two, (qx * qy - qw * qz) * two, (qx * qz + qw * qy) * two
        r10, r11, r12 = (qx * qy + qw * qz) * two, one - (qx * qx + qz * qz) * two, (qy * qz - qw * qx) * two
        r20, r21, r22 = (qx * qz - qw * qy) * two, (qy * qz + qw * qx) * two, one - (qx * qx + qy * qy) * two
        nought = splat(zero)
        t_m0, t_m1, t_m2, t_s0, t_s1, t_s2, t_o = nought, nought, nought, nought, nought, nought, nought
        t_w, t_x, t_y, t_z, t_red, t_green, t_blue = nought, nought, nought, nought, nought, nought, nought
        for view in range(part * views, (part + 1) * views):
            i = 16 * (view * groups + group)
            # A row per Gaussian: the sum of its slots.
            sums, shown = np.zeros(256, np.float32), np.zeros(16, np.float32)
            for k in range(lanes):
                total = splat(zero)
                start = first_slot[i + k]
                for slot in range(start, start + tile_counts[i + k]):
                    total = total + load(slots, slot * SLOT)
                store(sums, k * 16, total)
                shown[k] = F(tile_counts[i + k])
            drawn = load(shown, 0) > zero
            red, green, blue, h_1, h_x, h_y, h_xx, h_xy, h_yy, _, _, _, _, _, _, _ = load_table(sums, 0)
            _, _, _, _, _, _, _, _, _, _, opacity, a, b, c, _, _ = load_table(records, RECORD * i)
            fx, fy, cx, cy = cameras[view, 0], cameras[view, 1], cameras[view, 2], cameras[view, 3]
            v00, v01, v02, v03 = cameras[view, 4], cameras[view, 5], cameras[view, 6], cameras[view, 7]
            v10, v11, v12, v13 = cameras[view, 8], cameras[view, 9], cameras[view, 10], cameras[view, 11]
            v20, v21, v22, v23 = cameras[view, 12], cameras[view, 13], cameras[view, 14], cameras[view, 15]
            margin_x, margin_y = FRUSTUM_MARGIN * half * w / fx, FRUSTUM_MARGIN * half * h / fy
            right, left = (w - cx) / fx + margin_x, -(cx / fx + margin_x)
            bottom, top = (h - cy) / fy + margin_y, -(cy / fy + margin_y)
            # As in `project`.
            tx = m0 * v00 + m1 * v01 + m2 * v02 + v03
            ty = m0 * v10 + m1 * v11 + m2 * v12 + v13
            tz = m0 * v20 + m1 * v21 + m2 * v22 + v23
            inverse_z = one / tz
            x, y = tx * inverse_z, ty * inverse_z
            slope_x, slope_y = (
                minimum(maximum(x, splat(left)), splat(right)),
                minimum(maximum(y, splat(top)), splat(bottom)),
            )
            px, py = inverse_z * fx, inverse_z * fy
            j0, j1, j2 = v00 - slope_x * v20, v01 - slope_x * v21, v02 - slope_x * v22
            k0, k1, k2 = v10 - slope_y * v20, v11 - slope_y * v21, v12 - slope_y * v22
            p0, p1, p2, q0, q1, q2 = px * j0, px * j1, px * j2, py * k0, py * k1, py * k2
            # The axes in the image per unit of scale, and scaled.
            e0, e1, e2 = p0 * r00 + p1 * r10 + p2 * r20, p0 * r01 + p1 * r11 + p2 * r21, p0 * r02 + p1 * r12 + p2 * r22
            f0, f1, f2 = q0 * r00 + q1 * r10 + q2 * r20, q0 * r01 + q1 * r11 + q2 * r21, q0 * r02 + q1 * r12 + q2 * r22
            u0, u1, u2, w0, w1, w2 = s0 * e0, s1 * e1, s2 * e2, s0 * f0, s1 * f1, s2 * f2
            # Moments -> image point and conic; conic -> covariance: -C G C.
            g_mean_x, g_mean_y = a * h_x + b * h_y, b * h_x + c * h_y
            g_a, g_b, g_c = h_xx * -half, h_xy * -half, h_yy * -half
            t00, t01, t10, t11 = a * g_a + b * g_b, a * g_b + b * g_c, b * g_a + c * g_b, b * g_b + c * g_c
            g_xx, g_xy, g_yy = zero - (t00 * a + t01 * b), zero - (t00 * b + t01 * c), zero - (t10 * b + t11 * c)
            # Covariance -> scaled axes -> scales, J V and rotation.
            gu0, gu1, gu2 = (g_xx * u0 + g_xy * w0) * two, (g_xx * u1 + g_xy * w1) * two, (g_xx * u2 + g_xy * w2) * two
            gw0, gw1, gw2 = (g_yy * w0 + g_xy * u0) * two, (g_yy * w1 + g_xy * u1) * two, (g_yy * w2 + g_xy * u2) * two
            if antialiased:
                # h_1 is the gradient by ln alpha, which holds (ln det(sharp) - ln det(blurred)) / 2: one formula for
                # both, since they nearly cancel for large Gaussians. det(sharp) = |u x w|^2 is not 0: what is drawn
                # has at least (1/255)^2 of the blurred one.
                c0, c1, c2 = u1 * w2 - u2 * w1, u2 * w0 - u0 * w2, u0 * w1 - u1 * w0
                sharp = c0 * c0 + c1 * c1 + c2 * c2
                square_sum = u0 * u0 + u1 * u1 + u2 * u2 + w0 * w0 + w1 * w1 + w2 * w2
                gained = (square_sum + blur_px2) * blur_px2
                share = h_1 / (sharp + gained)
                cross, blur = share * gained / sharp, share * blur_px2
                gu0, gu1, gu2 = (
                    gu0 + cross * (w1 * c2 - w2 * c1) - blur * u0,
                    gu1 + cross * (w2 * c0 - w0 * c2) - blur * u1,
                    gu2 + cross * (w0 * c1 - w1 * c0) - blur * u2,
                )
                gw0, gw1, gw2 = (
                    gw0 + cross * (c1 * u2 - c2 * u1) - blur * w0,
                    gw1 + cross * (c2 * u0 - c0 * u2) - blur * w1,
                    gw2 + cross * (c0 * u1 - c1 * u0) - blur * w2,
                )
            g_s0, g_s1, g_s2 = gu0 * e0 + gw0 * f0, gu1 * e1 + gw1 * f1, gu2 * e2 + gw2 * f2
            a0, a1, a2, b0, b1, b2 = gu0 * s0, gu1 * s1, gu2 * s2, gw0 * s0, gw1 * s1, gw2 * s2
            g00, g01, g02 = p0 * a0 + q0 * b0, p0 * a1 + q0 * b1, p0 * a2 + q0 * b2
            g10, g11, g12 = p1 * a0 + q1 * b0, p1 * a1 + q1 * b1, p1 * a2 + q1 * b2
            g20, g21, g22 = p2 * a0 + q2 * b0, p2 * a1 + q2 * b1, p2 * a2 + q2 * b2
            gp0, gp1, gp2 = (
                r00 * a0 + r01 * a1 + r02 * a2,
                r10 * a0 + r11 * a1 + r12 * a2,
                r20 * a0 + r21 * a1 + r22 * a2,
            )
            gq0, gq1, gq2 = (
                r00 * b0 + r01 * b1 + r02 * b2,
                r10 * b0 + r11 * b1 + r12 * b2,
                r20 * b0 + r21 * b1 + r22 * b2,
            )
            # J V -> the point in the camera; a clamped slope does not move with it.
            g_inverse_z = (gp0 * j0 + gp1 * j1 + gp2 * j2) * fx + (gq0 * k0 + gq1 * k1 + gq2 * k2) * fy
            free_x, free_y = both(x >= left, x <= right), both(y >= top, y <= bottom)
            g_x = keep(free_x, zero - px * (gp0 * v20 + gp1 * v21 + gp2 * v22)) + g_mean_x * fx
            g_y = keep(free_y, zero - py * (gq0 * v20 + gq1 * v21 + gq2 * v22)) + g_mean_y * fy
            g_tx, g_ty = g_x * inverse_z, g_y * inverse_z
            g_tz = zero - (g_inverse_z + g_x * tx + g_y * ty) * inverse_z * inverse_z
            # Rotation -> quaternion, and its component along the quaternion removed.
            n_w = (qx * (g21 - g12) + qy * (g02 - g20) + qz * (g10 - g01)) * two
            n_x = (qy * (g01 + g10) + qz * (g02 + g20) + qw * (g21 - g12) - qx * (g11 + g22) * two) * two
            n_y = (qx * (g01 + g10) + qz * (g12 + g21) + qw * (g02 - g20) - qy * (g00 + g22) * two) * two
            n_z = (qx * (g02 + g20) + qy * (g12 + g21) + qw * (g10 - g01) - qz * (g00 + g11) * two) * two
            along = n_w * qw + n_x * qx + n_y * qy + n_z * qz
            g_m0, g_m1 = g_tx * v00 + g_ty * v10 + g_tz * v20, g_tx * v01 + g_ty * v11 + g_tz * v21
            g_m2 = g_tx * v02 + g_ty * v12 + g_tz * v22
            n_w, n_x, n_y, n_z = (
                (n_w - along * qw) * length,
                (n_x - along * qx) * length,
                (n_y - along * qy) * length,
                (n_z - along * qz) * length,
            )
            t_m0, t_m1, t_m2 = t_m0 + keep(drawn, g_m0), t_m1 + keep(drawn, g_m1), t_m2 + keep(drawn, g_m2)
            t_s0, t_s1, t_s2 = t_s0 + keep(drawn, g_s0), t_s1 + keep(drawn, g_s1), t_s2 + keep(drawn, g_s2)
            t_w, t_x, t_y, t_z = (
                t_w + keep(drawn, n_w),
                t_x + keep(drawn, n_x),
                t_y + keep(drawn, n_y),
                t_z + keep(drawn, n_z),
            )
            t_o = t_o + keep(drawn, h_1 / opacity)
            t_red, t_green, t_blue = t_red + red, t_green + green, t_blue + blue
        store_columns(gm, 3 * at, (t_m0, t_m1, t_m2))
        store_columns(gq, 4 * at, (t_w, t_x, t_y, t_z))
        store_columns(gs, 3 * at, (t_s0, t_s1, t_s2))
        store_columns(gc, 3 * at, (t_red, t_green, t_blue))
        store(go, at, t_o)
        if lanes < 16:
            for k in range(lanes):
                grad_opacities[first + k] = go[k]
            for k in range(3 * lanes):
                grad_means[3 * first + k], grad_scales[3 * first + k] = gm[k], gs[k]
                grad_colours[3 * first + k] = gc[k]
            for k in range(4 * lanes):
                grad_quats[4 * first + k] = gq[k]
