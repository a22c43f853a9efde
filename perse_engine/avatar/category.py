"""One category's part of the latent space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.latent import CodeNetwork
from perse_engine.scene import FloatArray


@dataclass(frozen=True)
class CategoryModel:
    """One category's part of the latent space.

    Attributes:
        network: codes to K coefficients.
        codes: variant id -> [32] float32; the source's code is 0.
        rows: [n] int32, the Gaussians that the category can change.
        mask: [n] 0..1, how much, from the dataset's change masks.
        covers: [V, n] 0..1, how much of what lies below each trained variant hides (rules sharing between categories);
            one row for all of them in older avatars.
        basis: [K, n, 14].
        reveals: [V, n] 0..1, how much of a Gaussian each trained variant shows as skin that the source look does not;
            None if none does.
        tones: [V, 3, 4], the category skin's alone: what each trained variant makes of bare skin (`revealed`).
    """

    network: CodeNetwork
    codes: Mapping[str, FloatArray]
    rows: npt.NDArray[np.int32]
    mask: FloatArray
    covers: FloatArray
    basis: FloatArray
    reveals: FloatArray | None = None
    tones: FloatArray | None = None

    def cover(self, code: FloatArray, count: int) -> FloatArray:
        """How much of what lies below a code's look hides, of each of `count` Gaussians, [count] in 0..1."""
        out = np.zeros(count, np.float32)
        out[self.rows] = self.covers[0] if len(self.covers) == 1 else self.network.mixed(code, self.covers)
        return out
