"""What a latent encoder promises: pictures and words as vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]


class LatentEncoder(Protocol):
    """Rows have length 1; the dot product of two says how near they are, -1..1."""

    def images(self, pictures: Sequence[Rgb]) -> Array:
        """Pictures [S, S, 3] to [B, D] float32."""
        ...

    def texts(self, texts: Sequence[str]) -> Array:
        """Words to [B, D] float32, comparable with `images`."""
        ...


def attribute_gains(encoder: LatentEncoder, portrait: Rgb, pictures: Sequence[Rgb], texts: Sequence[str]) -> Array:
    """How much nearer each picture is to its text than the portrait is, [B]; positive is nearer."""
    vectors = encoder.images([portrait, *pictures])
    words = encoder.texts(texts)
    return np.asarray(((vectors[1:] - vectors[:1]) * words).sum(1))
