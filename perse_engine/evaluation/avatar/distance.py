"""How far apart two pictures look: what smoothness is measured in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch

from perse_engine.evaluation.networks import open_network
from perse_engine.perception.lpips import Lpips

Array = npt.NDArray[Any]

OCTAVES = 4


class Distance(Protocol):
    """A distance between [H, W, 3] pictures 0..1 of one size; `name` stands in every table."""

    name: str

    def __call__(self, a: Array, b: Array) -> float:
        """0 for equal pictures."""
        ...


class OctaveDistance:
    """Mean absolute difference at full size, a half, a quarter and an eighth, averaged: needs no weights.

    The coarse octaves see what moved or changed as a whole, where single pixels only see that they differ.
    """

    name = f"mean absolute difference over {OCTAVES} octaves"

    def __call__(self, a: Array, b: Array) -> float:
        """0 for equal pictures, 1 for black against white."""
        difference = np.ascontiguousarray(a, np.float32) - np.ascontiguousarray(b, np.float32)
        total = 0.0
        for octave in range(OCTAVES):
            if octave:
                height, width = difference.shape[:2]
                size = (max(width // 2, 1), max(height // 2, 1))
                difference = np.asarray(cv2.resize(difference, size, interpolation=cv2.INTER_AREA))
            total += float(np.abs(difference).mean())
        return total / OCTAVES


def open_distance(model: Path) -> Distance:
    """LPIPS from a .safetensors file; any other file is read as ONNX.

    Raises:
        BackendMissing, CorruptFile, InvalidValue: see `Lpips.load` and `NetworkDistance`.
    """
    return LpipsDistance(Lpips.load(model)) if model.suffix == ".safetensors" else NetworkDistance(model)


class LpipsDistance:
    """LPIPS by our own definition of its networks."""

    def __init__(self, lpips: Lpips) -> None:
        self._lpips, self.name = lpips, f"LPIPS ({lpips.name.removeprefix('lpips-')})"

    def __call__(self, a: Array, b: Array) -> float:
        """0 for equal pictures."""
        first, second = (torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1)[None], np.float32)) for p in (a, b))
        with torch.inference_mode():
            return float(self._lpips(first, second)[0])


class NetworkDistance:
    """LPIPS, or another network of its conventions, from an ONNX file: two inputs [1, 3, H, W] in -1..1, one number.

    Raises:
        BackendMissing: onnxruntime is not installed.
        InvalidValue: the file is not such a model.
    """

    def __init__(self, model: Path) -> None:
        self._session = open_network(model, "distance network", inputs=2)
        self.name = f"the network {model.name}"

    def __call__(self, a: Array, b: Array) -> float:
        """The network's number."""
        names = [i.name for i in self._session.get_inputs()]
        values = [np.ascontiguousarray((2 * p - 1).transpose(2, 0, 1)[None], np.float32) for p in (a, b)]
        return float(np.asarray(self._session.run(None, dict(zip(names, values, strict=True)))[0]).ravel()[0])
