"""What lies in the arrays between the CPU kernels, and the constants of 3D Gaussian splatting.

A tile is 16 x 16 px: 16 blocks of 4 x 4 px, block b at (b & 3, b >> 2), lane l of a block at (l & 3, l >> 2).
Tile arrays hold block after block, so that a block is one vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.scene import FloatArray
from perse_engine.splatting.backends import BLUR_PX2
from perse_engine.splatting.cloud import GaussianCloud

Array = npt.NDArray[Any]
F = np.float32

TILE = 16
BLOCK = 4
LANES_PER_BLOCK = 16

# The blending rules are gsplat 1.5.3's.
CLASSIC_BLUR_PX2, ANTIALIASED_BLUR_PX2 = F(BLUR_PX2["classic"]), F(BLUR_PX2["antialiased"])
ALPHA_MAX = F(0.999)
ALPHA_MIN = F(1 / 255)
"""Contributions below it are not blended."""
TRANSMITTANCE_MIN = F(1e-4)
"""A pixel ends before the Gaussian that would bring it to or below this."""
NEAR_M = F(0.01)
"""Gaussians whose centre is nearer are not drawn."""
FRUSTUM_MARGIN = F(0.3)
"""The Jacobian of the projection is taken at most this share of the half image beyond the border."""

LOG2_E = F(1.4426950408889634)
LOG2_ALPHA_MIN = F(np.log2(1 / 255))

# A record is one Gaussian in the image: alpha = 2^(xx dx^2 + xy dx dy + yy dy^2 + log2 opacity), one cache line.
RECORD = 16
X, Y, XX, XY, YY, LOG2_OPACITY, RED, GREEN, BLUE, REACH, OPACITY, CONIC_A, CONIC_B, CONIC_C = range(14)
# REACH: a block whose centre has a quadratic form below -REACH is not touched.

# A gradient slot belongs to one (Gaussian, tile) pair: colour 3, and moments of dL/d(ln alpha): 1, x, y, xx, xy, yy.
SLOT = 12


def check_array(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Refuse an array that is not writable C-contiguous float32 of that shape: kernels check no bounds.

    Raises:
        InvalidValue: naming the array.
    """
    if array.shape != shape or array.dtype != F or not (array.flags.c_contiguous and array.flags.writeable):
        raise InvalidValue(
            f"{name} is {array.dtype} of shape {array.shape}; expected writable C-contiguous float32 of shape {shape}."
        )


@dataclass(frozen=True, eq=False)
class GaussianBuffers:
    """The arrays of N Gaussians as kernels take them, or the gradients of a loss by them: float32, C-contiguous.

    Shapes and meaning as in `GaussianCloud`; values are not validated, and whoever owns the buffers may write to them.
    """

    means: FloatArray
    quats: FloatArray
    scales: FloatArray
    opacities: FloatArray
    colours: FloatArray

    @staticmethod
    def allocate(n: int) -> GaussianBuffers:
        """Buffers of zeros for n Gaussians."""
        return GaussianBuffers(*(np.zeros(shape, F) for shape in ((n, 3), (n, 4), (n, 3), (n,), (n, 3))))

    @staticmethod
    def of(cloud: GaussianCloud) -> GaussianBuffers:
        """The arrays of a cloud; copied only where they are read-only, a type that kernels are not compiled for."""
        arrays = (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colours)
        return GaussianBuffers(*(np.require(array, F, ["C", "W"]) for array in arrays))

    def first(self, count: int) -> GaussianBuffers:
        """Views of the first of them."""
        arrays = (self.means, self.quats, self.scales, self.opacities, self.colours)
        return GaussianBuffers(*(array[:count] for array in arrays))

    def check(self) -> None:
        """Refuse arrays that kernels would read past the end of, or compile anew for.

        Raises:
            InvalidValue: a shape, type or memory layout that is not the documented one.
        """
        n = len(self)
        check_array("means", self.means, (n, 3))
        check_array("quats", self.quats, (n, 4))
        check_array("scales", self.scales, (n, 3))
        check_array("opacities", self.opacities, (n,))
        check_array("colours", self.colours, (n, 3))

    def __len__(self) -> int:
        return len(self.means)
