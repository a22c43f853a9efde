"""The contact sheet of a dataset."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.synthesis.dataset import Clip, Dataset
from perse_engine.synthesis.storage import read_images

BACKGROUND = 214
COLUMNS = 6


def dataset_sheet(dataset: Dataset, *, cell_px: int = 128) -> npt.NDArray[np.uint8]:
    """A row per clip, a few frames each, the path written on the first, [H, W, 3] uint8."""
    return np.vstack([_row(dataset, clip, cell_px) for clip in dataset.clips])


def _row(dataset: Dataset, clip: Clip, cell_px: int) -> npt.NDArray[np.uint8]:
    places = np.linspace(0, len(clip.frames) - 1, COLUMNS).astype(int)
    cells = []
    for place in places:
        images = read_images(dataset, clip, clip.frames[place])
        over = images.image + ((255 - images.alpha.astype(np.uint16)) * BACKGROUND // 255).astype(np.uint8)[..., None]
        cells.append(cv2.resize(over, (cell_px, cell_px), interpolation=cv2.INTER_AREA))
    cv2.putText(cells[0], clip.path, (2, 9), cv2.FONT_HERSHEY_SIMPLEX, 0.28, (0, 0, 0), 1, cv2.LINE_AA)
    return np.hstack(cells)
