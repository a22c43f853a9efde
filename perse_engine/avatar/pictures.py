"""The dataset's pictures as training targets, kept in memory while they fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Dataset
from perse_engine.synthesis.storage import read_picture

CACHE_BYTES = 700_000_000


class Pictures:
    """Reads image and alpha; bytes are cached until CACHE_BYTES, then decoded again each time."""

    def __init__(self, dataset: Dataset) -> None:
        self._folder: Path = dataset.folder
        self._cache: dict[tuple[str, int], np.ndarray] = {}
        self._bytes = 0
        self._source = next(c.path for c in dataset.clips if c.kind == "source")

    def target(self, clip: Clip, frame: int) -> tuple[FloatArray, FloatArray]:
        """Premultiplied colours [H, W, 3] and alpha [H, W], float32 0..1."""
        rgba = self._rgba(clip.path, frame).astype(np.float32) * np.float32(1 / 255)
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])

    def changed(self, clip: Clip, frame: int) -> FloatArray:
        """The change mask, [H, W] float32 0..1."""
        return read_picture(self._folder, clip.path, "changed", frame).astype(np.float32) * np.float32(1 / 255)

    def difference(self, clip: Clip, frame: int) -> FloatArray:
        """Mean difference of the colours from the source clip's, [H, W] float32 0..1."""
        own, source = (self._rgba(path, frame)[..., :3].astype(np.float32) for path in (clip.path, self._source))
        return np.asarray(np.abs(own - source).mean(-1) * np.float32(1 / 255))

    def _rgba(self, path: str, frame: int) -> np.ndarray:
        key = (path, frame)
        if key in self._cache:
            return self._cache[key]
        image = read_picture(self._folder, path, "image", frame)
        rgba = np.dstack([image, read_picture(self._folder, path, "alpha", frame)])
        if self._bytes + rgba.nbytes <= CACHE_BYTES:
            self._cache[key] = rgba
            self._bytes += rgba.nbytes
        return rgba
