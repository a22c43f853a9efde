"""A cloud of Gaussians in the world frame: what a baked look is, and what is rasterised and exported."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from perse_engine.errors import InvalidValue
from perse_engine.scene import FloatArray


@dataclass(frozen=True, eq=False)
class GaussianCloud:
    """N Gaussians with activated values (no logits, no logarithms), float32, C-contiguous.

    Attributes:
        means: [N, 3] metres, world frame (right-handed, y up, the face looks along +z, the subject's left is +x).
        quats: [N, 4] wxyz, rotation from the Gaussian's axes to the world; any length but 0.
        scales: [N, 3] standard deviation along the Gaussian's own axes, metres, >= 0.
        opacities: [N] in 0..1.
        colours: [N, 3] sRGB; 0..1 is displayable, learned colours may lie outside.

    Raises:
        InvalidValue: when shapes do not fit together, a number is not finite, or a value leaves its range.
    """

    means: FloatArray
    quats: FloatArray
    scales: FloatArray
    opacities: FloatArray
    colours: FloatArray

    def __post_init__(self) -> None:
        for field, shape in _SHAPES.items():
            array = np.ascontiguousarray(getattr(self, field), np.float32)
            expected = (len(self), *shape)
            if array.shape != expected:
                raise InvalidValue(f"Gaussian {field} have shape {array.shape}; expected {expected}.")
            if not np.isfinite(array).all():
                raise InvalidValue(f"Gaussian {field} hold a number that is not finite.")
            object.__setattr__(self, field, array)
        if (self.scales < 0).any():
            raise InvalidValue("Gaussian scales must not be negative.", hint="Scales are activated, not logarithms.")
        if ((self.opacities < 0) | (self.opacities > 1)).any():
            raise InvalidValue("Gaussian opacities must lie in 0..1.", hint="Opacities are activated, not logits.")
        if (np.abs(self.quats).sum(1) == 0).any():
            raise InvalidValue("A quaternion of length 0 is no rotation.")

    def __len__(self) -> int:
        return len(self.means)

    def take(self, index: np.ndarray) -> GaussianCloud:
        """The Gaussians at `index` (integers [M] or booleans [N])."""
        return GaussianCloud(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def normalised_quats(self) -> FloatArray:
        """Unit quaternions [N, 4] wxyz with w >= 0."""
        # In float64, where the square of the smallest float32 does not vanish.
        quats = self.quats.astype(np.float64)
        quats *= np.where(quats[:, :1] < 0, -1.0, 1.0) / np.linalg.norm(quats, axis=1, keepdims=True)
        return quats.astype(np.float32)


_SHAPES: dict[str, tuple[int, ...]] = {"means": (3,), "quats": (4,), "scales": (3,), "opacities": (), "colours": (3,)}
