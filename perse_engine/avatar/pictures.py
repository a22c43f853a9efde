"""The dataset's pictures as training targets, kept in memory while they fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.compiled import kernel
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Dataset, Frame
from perse_engine.synthesis.storage import read_picture
from perse_engine.vocabulary import REGION_LABELS

CACHE_BYTES = 700_000_000
AHEAD = 3

Target = tuple[FloatArray, FloatArray]
"""Premultiplied colours [H, W, 3] and alpha [H, W], float32 0..1."""


@dataclass(frozen=True)
class Sight:
    """What a step learns from: the frame with the camera that took it, its posed vertices [V, 3], the picture."""

    frame: Frame
    vertices: FloatArray
    target: Target


class Pictures:
    """Reads image and alpha; bytes are cached until CACHE_BYTES, then decoded again each time."""

    def __init__(self, dataset: Dataset) -> None:
        self._folder: Path = dataset.folder
        self._cache: dict[tuple[str, int], np.ndarray] = {}
        self._bytes = 0
        self._source = next(c.path for c in dataset.clips if c.kind == "source")

    def target(self, clip: Clip, frame: int, shrink: int = 1) -> Target:
        """The picture; with `shrink` of 2 half as wide, each pixel the mean of four."""
        rgba = self._rgba(clip.path, frame)
        size = rgba.shape[0] // shrink, rgba.shape[1] // shrink
        colours, alpha = np.empty((*size, 3), np.float32), np.empty(size, np.float32)
        _mean(rgba, shrink, colours, alpha)
        return colours, alpha

    def in_order(self, plan: Iterable[tuple[Clip, int, int]]) -> Generator[Target]:
        """The targets (clip, frame, shrink) one after the other; a thread decodes the next ones meanwhile."""
        waiting: deque[Future[Target]] = deque()
        with ThreadPoolExecutor(1) as pool:
            try:
                for clip, frame, shrink in plan:
                    waiting.append(pool.submit(self.target, clip, frame, shrink))
                    if len(waiting) > AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def changed(self, clip: Clip, frame: int) -> FloatArray:
        """The change mask, [H, W] float32 0..1."""
        return read_picture(self._folder, clip.path, "changed", frame).astype(np.float32) * np.float32(1 / 255)

    def showing(self, category: str) -> Callable[[Clip, int], FloatArray]:
        """Where a clip's frame shows the category itself, [H, W] float32 0 or 1; mouths have no label."""
        label = REGION_LABELS.get(category)

        def shown(clip: Clip, frame: int) -> FloatArray:
            return (read_picture(self._folder, clip.path, "region", frame) == label).astype(np.float32)

        return shown

    def difference(self, clip: Clip, frame: int) -> FloatArray:
        """Mean difference of the colours from the source clip's, [H, W] float32 0..1."""
        apart = cv2.absdiff(self._rgba(clip.path, frame), self._rgba(self._source, frame))
        return np.asarray(apart.astype(np.float32) @ np.array([1, 1, 1, 0], np.float32) * np.float32(1 / (3 * 255)))

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


@kernel()
def _mean(rgba: npt.NDArray[Any], n: int, colours: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> None:
    scale = np.float32(1 / 255) / np.float32(n * n)
    for y in range(alpha.shape[0]):
        for x in range(alpha.shape[1]):
            for k in range(4):
                total = 0
                for j in range(n):
                    for i in range(n):
                        total += rgba[y * n + j, x * n + i, k]
                if k < 3:
                    colours[y, x, k] = np.float32(total) * scale
                else:
                    alpha[y, x] = np.float32(total) * scale
