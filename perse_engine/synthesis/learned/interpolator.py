"""What a face interpolator promises: pictures between two pictures of one person, masked."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Face:
    """One end: picture [S, S, 3], its landmarks [478, 2] px or None, the words for it, and a name for what is kept."""

    name: str
    picture: Rgb
    landmarks: Array | None
    prompt: str


class FaceInterpolator(Protocol):
    """Makes pictures between two faces."""

    def between(self, first: Face, second: Face, mask: Array, steps: Sequence[float]) -> list[Rgb]:
        """A picture [S, S, 3] for each step in 0..1 (0 is the first face).

        Outside `mask` [S, S] 0..1, where both faces agree, pictures have the first one's bytes.
        """
        ...

    def forget(self, keep: Container[str] = ()) -> None:
        """Let go of what is kept of the faces so far, but of those whose names are in `keep`."""
        ...
