"""Eyeglasses as they were found on the work image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Stroke:
    """A piece of the frame on the work image: px [N, 2] along its middle, half_px [N]; a rim is closed, and what
    something else covers from its last point on is cut."""

    px: Array
    half_px: Array
    is_closed: bool = False
    is_cut: bool = False


@dataclass(frozen=True)
class Film:
    """A lens as a thin layer: colour [3], sRGB 0..1, and opacity."""

    colour: Array
    opacity: float


@dataclass(frozen=True)
class Eyewear:
    """Eyeglasses on the work image: rims of the right and left eye, bars between them, temples as far as one sees them
    (right and left; None where one does not), and what the lenses are like where one sees that they are there."""

    rims: tuple[Stroke, Stroke]
    bridges: tuple[Stroke, ...]
    temples: tuple[Stroke | None, Stroke | None]
    film: Film | None = None

    def strokes(self) -> tuple[Stroke, ...]:
        """Every piece that the photo shows."""
        return (*self.rims, *self.bridges, *(t for t in self.temples if t is not None))
