"""Kernels around the rasteriser: bind Gaussians to the posed rig, and back; gather and scatter rows.

Hand-written gradients; numpy twins are in the tests.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel

Array = npt.NDArray[Any]
F = np.float32

MOST_OPACITY = F(1.2)
"""Before clamping; above, no gradient."""
KEPT = 16
"""Floats per Gaussian that `bind` leaves for `bind_back`: frame 9, growth, frame quaternion 4, two spare."""


@kernel(parallel=True)
def bind(
    rows: Array, vertices: Array, triangles: Array, bary: Array, rest_area: Array, x: Array,
    means: Array, quats: Array, scales: Array, opacities: Array, colours: Array, kept: Array,
) -> None:  # fmt: skip
    """Rows [M] of properties x [N, 14] on posed vertices [V, 3] to world Gaussians [M].

    A triangle's frame has its first edge and its normal as axes; growth is sqrt(area / rest_area), clamped to 0.5..2.
    """
    for at in nb.prange(rows.shape[0]):
        i = rows[at]
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        a0, a1, a2 = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        u0, u1, u2 = vertices[b, 0] - a0, vertices[b, 1] - a1, vertices[b, 2] - a2
        v0, v1, v2 = vertices[c, 0] - a0, vertices[c, 1] - a1, vertices[c, 2] - a2
        n0, n1, n2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
        area = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2) + F(1e-20)
        px = a0 + bary[i, 1] * u0 + bary[i, 2] * v0
        py = a1 + bary[i, 1] * u1 + bary[i, 2] * v1
        pz = a2 + bary[i, 1] * u2 + bary[i, 2] * v2
        lu = F(1) / (np.sqrt(u0 * u0 + u1 * u1 + u2 * u2) + F(1e-20))
        u0, u1, u2 = u0 * lu, u1 * lu, u2 * lu
        n0, n1, n2 = n0 / area, n1 / area, n2 / area
        w0, w1, w2 = n1 * u2 - n2 * u1, n2 * u0 - n0 * u2, n0 * u1 - n1 * u0
        g = min(max(np.sqrt(area / rest_area[i]), F(0.5)), F(2))
        d0, d1, d2 = x[i, 0] * g, x[i, 1] * g, x[i, 2] * g
        means[at, 0] = px + u0 * d0 + w0 * d1 + n0 * d2
        means[at, 1] = py + u1 * d0 + w1 * d1 + n1 * d2
        means[at, 2] = pz + u2 * d0 + w2 * d1 + n2 * d2
        # The frame's quaternion, columns (u, w, n).
        t = u0 + w1 + n2
        if t > F(0):
            s = np.sqrt(t + F(1)) * F(2)
            qw, qx, qy, qz = F(0.25) * s, (w2 - n1) / s, (n0 - u2) / s, (u1 - w0) / s
        elif u0 > w1 and u0 > n2:
            s = np.sqrt(F(1) + u0 - w1 - n2) * F(2)
            qw, qx, qy, qz = (w2 - n1) / s, F(0.25) * s, (w0 + u1) / s, (n0 + u2) / s
        elif w1 > n2:
            s = np.sqrt(F(1) + w1 - u0 - n2) * F(2)
            qw, qx, qy, qz = (n0 - u2) / s, (w0 + u1) / s, F(0.25) * s, (n1 + w2) / s
        else:
            s = np.sqrt(F(1) + n2 - u0 - w1) * F(2)
            qw, qx, qy, qz = (u1 - w0) / s, (n0 + u2) / s, (n1 + w2) / s, F(0.25) * s
        e, f, h, k = x[i, 3], x[i, 4], x[i, 5], x[i, 6]
        quats[at, 0] = qw * e - qx * f - qy * h - qz * k
        quats[at, 1] = qw * f + qx * e + qy * k - qz * h
        quats[at, 2] = qw * h - qx * k + qy * e + qz * f
        quats[at, 3] = qw * k + qx * h - qy * f + qz * e
        for j in range(3):
            scales[at, j] = np.exp(min(x[i, 7 + j], F(-4.1997051))) * g
            colours[at, j] = x[i, 11 + j]
        opacities[at] = min(max(x[i, 10], F(0)), F(1))
        kept[at, 0], kept[at, 1], kept[at, 2] = u0, u1, u2
        kept[at, 3], kept[at, 4], kept[at, 5] = w0, w1, w2
        kept[at, 6], kept[at, 7], kept[at, 8] = n0, n1, n2
        kept[at, 9], kept[at, 10], kept[at, 11], kept[at, 12], kept[at, 13] = g, qw, qx, qy, qz


@kernel(parallel=True)
def bind_back(
    rows: Array, kept: Array, x: Array, scales: Array,
    grad_means: Array, grad_quats: Array, grad_scales: Array, grad_opacities: Array, grad_colours: Array,
    grad_x: Array,
) -> None:  # fmt: skip
    """Gradients by rows of x [N, 14] from those by the world Gaussians [M] of the last `bind`; other rows stay."""
    for at in nb.prange(rows.shape[0]):
        i, k = rows[at], kept[at]
        g, qw, qx, qy, qz = k[9], k[10], k[11], k[12], k[13]
        m0, m1, m2 = grad_means[at, 0], grad_means[at, 1], grad_means[at, 2]
        grad_x[i, 0] = g * (k[0] * m0 + k[1] * m1 + k[2] * m2)
        grad_x[i, 1] = g * (k[3] * m0 + k[4] * m1 + k[5] * m2)
        grad_x[i, 2] = g * (k[6] * m0 + k[7] * m1 + k[8] * m2)
        e, f, h, l = grad_quats[at, 0], grad_quats[at, 1], grad_quats[at, 2], grad_quats[at, 3]
        grad_x[i, 3] = qw * e + qx * f + qy * h + qz * l
        grad_x[i, 4] = qw * f - qx * e - qy * l + qz * h
        grad_x[i, 5] = qw * h + qx * l - qy * e - qz * f
        grad_x[i, 6] = qw * l - qx * h + qy * f - qz * e
        for j in range(3):
            grad_x[i, 7 + j] = grad_scales[at, j] * scales[at, j] if x[i, 7 + j] < F(-4.1997051) else F(0)
            grad_x[i, 11 + j] = grad_colours[at, j]
        o, go = x[i, 10], grad_opacities[at]
        # A clamped opacity only feels what pulls it back. Far beyond, it says from which weight on a Gaussian shows,
        # and would drift for good.
        stays = (o >= F(1) and go < F(0)) or (o <= F(0) and go > F(0)) or o > MOST_OPACITY
        grad_x[i, 10] = F(0) if stays else go


@kernel(parallel=True)
def add_basis(
    x: Array, rows: Array, weights: Array, columns: Array, basis: Array, active: Array, coefficients: Array
) -> None:
    """x[rows[i], columns[j]] += weights[i, j] * sum_k coefficients[k] basis[active[k], i, j]; rows are distinct.

    One pass instead of a BLAS product and an addition: BLAS brings threads of its own, and with other work on the
    cores those made it ten times slower.
    """
    for i in nb.prange(rows.shape[0]):
        row = rows[i]
        for j in range(columns.shape[0]):
            total = F(0)
            for k in range(active.shape[0]):
                total += coefficients[k] * basis[active[k], i, j]
            x[row, columns[j]] += weights[i, j] * total


@kernel(parallel=True)
def project_on_basis(basis: Array, grad: Array, parts: Array) -> None:
    """parts[p, k] = share of sum_ij basis[k, i, j] grad[i, j] from the p-th cut of the rows; [P, K] float64."""
    count = parts.shape[0]
    for part in nb.prange(count):
        first, end = grad.shape[0] * part // count, grad.shape[0] * (part + 1) // count
        for k in range(basis.shape[0]):
            total = np.float64(0)
            for i in range(first, end):
                row = F(0)
                for j in range(grad.shape[1]):
                    row += basis[k, i, j] * grad[i, j]
                total += row
            parts[part, k] = total


@kernel(parallel=True)
def take_rows(grad_x: Array, rows: Array, weights: Array, columns: Array, out: Array) -> None:
    """out[i, j] = weights[i, j] * grad_x[rows[i], columns[j]]: the gradient by what is added to x there."""
    for i in nb.prange(rows.shape[0]):
        for j in range(columns.shape[0]):
            out[i, j] = weights[i, j] * grad_x[rows[i], columns[j]]


@kernel()
def weigh_columns(mask: Array, share: Array, shared: Array, out: Array) -> None:
    """out[i, j] = mask[i], times share[i] where column j is shared."""
    for i in range(mask.shape[0]):
        for j in range(shared.shape[0]):
            out[i, j] = mask[i] * share[i] if shared[j] else mask[i]
