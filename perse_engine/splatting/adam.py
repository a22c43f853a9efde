"""Adam for arrays of per-Gaussian rows, and for low-rank bases over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perse_engine.compiled import PARALLEL_WORK
from perse_engine.errors import InvalidValue
from perse_engine.scene import FloatArray
from perse_engine.splatting.cpu.adam_kernels import adam_rows


@dataclass(frozen=True, slots=True)
class AdamSettings:
    """beta2 is 0.99, not 0.999: trainings here have hundreds to a few thousand steps (research prototype).

    epsilon is a tenth of the median gradient of a size or an opacity: what is all but hidden keeps still, instead of
    taking whole steps along noise (docs/experiments.md, What is hidden keeps still).
    """

    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8


class Adam:
    """Adam on parameters [N, D], or on bases [K, N, D], changed in place; a learning rate per column.

    Attributes:
        parameters: float32, C-contiguous; the caller's own array.
        first, second: Adam's moments, shape of the parameters; with `steps` the whole state of a checkpoint.
        steps: how many steps were taken.
    """

    def __init__(
        self,
        parameters: FloatArray,
        learning_rates: FloatArray,
        *,
        decays: FloatArray | None = None,
        settings: AdamSettings | None = None,
    ) -> None:
        """Start with zero moments.

        Args:
            parameters: [N, D], or [K, N, D] for `step_basis`.
            learning_rates: [D].
            decays: [D], share of a parameter that is lost per step (decoupled); none when None.
            settings: the constants of Adam.

        Raises:
            InvalidValue: parameters that are not float32 and C-contiguous, or rates of another length than D.
        """
        if parameters.dtype != np.float32 or not parameters.flags.c_contiguous or parameters.ndim not in (2, 3):
            raise InvalidValue("Parameters must be C-contiguous float32 of shape [N, D] or [K, N, D].")
        self.parameters = parameters
        self.first, self.second = np.zeros_like(parameters), np.zeros_like(parameters)
        self.steps = 0
        self._settings = settings or AdamSettings()
        self._rates = self._per_column(learning_rates)
        none = np.zeros(parameters.shape[-1], np.float32)
        self._decays = self._per_column(none if decays is None else decays)

    def step(self, gradient: FloatArray, *, rate_factor: float = 1.0) -> None:
        """One step along gradient [N, D], with learning rates times `rate_factor` (schedules)."""
        if self.parameters.ndim != 2:
            raise InvalidValue("Bases need their coefficients.", hint="Use step_basis.")
        self._step(gradient, np.ones(1, np.float32), rate_factor)

    def step_basis(self, coefficients: FloatArray, gradient: FloatArray, *, rate_factor: float = 1.0) -> None:
        """One step of bases [K, N, D] that enter as sum_k coefficients[k] bases[k].

        gradient [N, D] is that by the sum, so the bases' is coefficients outer gradient; it is never stored.
        """
        if self.parameters.ndim != 3 or coefficients.shape != self.parameters.shape[:1]:
            raise InvalidValue(f"{coefficients.shape} coefficients do not fit bases {self.parameters.shape}.")
        self._step(gradient, np.ascontiguousarray(coefficients, np.float32), rate_factor)

    def _step(self, gradient: FloatArray, coefficients: FloatArray, rate_factor: float) -> None:
        if gradient.shape != self.parameters.shape[-2:]:
            raise InvalidValue(f"Gradient {gradient.shape} does not fit parameters {self.parameters.shape}.")
        self.steps += 1
        s = self._settings
        corrections = (1 / (1 - s.beta1**self.steps), 1 / (1 - s.beta2**self.steps))
        rows = (len(coefficients), -1)
        with PARALLEL_WORK:
            adam_rows(
                self.parameters.reshape(rows),
                np.ascontiguousarray(gradient, np.float32).reshape(-1),
                coefficients,
                self.first.reshape(rows),
                self.second.reshape(rows),
                self._rates * np.float32(rate_factor),
                self._decays,
                np.array([s.beta1, s.beta2, *corrections, s.epsilon], np.float32),
            )

    def _per_column(self, values: FloatArray) -> FloatArray:
        if values.shape != self.parameters.shape[-1:]:
            raise InvalidValue(f"{values.shape} values per column do not fit parameters {self.parameters.shape}.")
        return np.tile(np.ascontiguousarray(values, np.float32), 16)
