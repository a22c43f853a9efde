"""Adam's step, fused, 16 numbers at a time.

Rows of D numbers are worked off 16 rows together: that is D whole vectors, whose learning rates repeat from one group
of rows to the next. The constants come as an array: beta1, beta2, 1 / (1 - beta1^t), 1 / (1 - beta2^t), epsilon.
"""

from __future__ import annotations

import numba
import numpy as np

from perse_engine.compiled import kernel
from perse_engine.splatting.cpu.lane_memory import load, store
from perse_engine.splatting.cpu.lanes import splat, sqrt
from perse_engine.splatting.cpu.layout import Array, F


@kernel(parallel=True)
def adam_rows(
    parameters: Array,
    gradient: Array,
    coefficients: Array,
    first: Array,
    second: Array,
    rates: Array,
    decays: Array,
    constants: Array,
) -> None:
    """Step parameters [K, M] (M = N D) whose gradient is coefficients [K] outer gradient [M], which is never stored.

    first, second [K, M] are Adam's moments; rates and decays [16 D] are those of the columns, 16 times. A decay is the
    share that a parameter loses per step, apart from the gradient.
    """
    per_group = rates.shape[0]
    numbers = gradient.shape[0]
    one = F(1)
    beta1, beta2, correction1, correction2, epsilon = (
        constants[0],
        constants[1],
        constants[2],
        constants[3],
        constants[4],
    )
    flat_p, flat_m, flat_v = parameters.reshape(-1), first.reshape(-1), second.reshape(-1)
    for group in numba.prange((numbers + per_group - 1) // per_group):
        start = group * per_group
        whole = min(per_group, (numbers - start) & ~15)
        for k in range(coefficients.shape[0]):
            coefficient = coefficients[k]
            row = k * numbers
            for j in range(0, whole, 16):
                at = row + start + j
                g = load(gradient, start + j) * coefficient
                m = load(flat_m, at) * beta1 + g * (one - beta1)
                v = load(flat_v, at) * beta2 + g * g * (one - beta2)
                store(flat_m, at, m)
                store(flat_v, at, v)
                step = load(rates, j) * (m * correction1) / (sqrt(v * correction2) + epsilon)
                store(flat_p, at, load(flat_p, at) * (splat(one) - load(decays, j)) - step)
            for j in range(whole, min(per_group, numbers - start)):
                at = row + start + j
                scalar = gradient[start + j] * coefficient
                flat_m[at] = flat_m[at] * beta1 + scalar * (one - beta1)
                flat_v[at] = flat_v[at] * beta2 + scalar * scalar * (one - beta2)
                denominator = np.sqrt(flat_v[at] * correction2) + epsilon
                flat_p[at] = flat_p[at] * (one - decays[j]) - rates[j] * (flat_m[at] * correction1) / denominator
