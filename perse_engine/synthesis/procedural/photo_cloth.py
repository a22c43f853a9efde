"""What the photo's torso wears: where it begins, and how its cloth follows when that edge moves."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, median_filter

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.outfit import lab_of, to_lab
from perse_engine.synthesis.procedural.torso_chart import HEIGHT, WIDTH
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

BAND_PX = 9
"""Cloth begins where the photo shows so much of it below each other."""
MISSED_PX, SURER = 64, 0.7
"""How far above its label cloth is looked for, and how much more like itself than like skin it has to be."""
RIM_M = 0.004
"""The edge itself is blurred with skin; above it cloth goes on as it is so far below."""
REACH_M = 0.15
"""Cloth follows its edge less and less on the way down."""
DETAIL_PX, DETAIL_ENDS = 24.0, 0.7
"""What is smaller, a tie or a collar, is gone at this weight: or it would shine through the new cloth."""


def photo_cloth(labels: npt.NDArray[np.uint8], colours: Array, skin: Array) -> npt.NDArray[np.bool_]:
    """Where the chart [H, W] shows the photo's cloth: what is labelled so, and what goes on above it in the same colour
    instead of the skin's [3]. A dark collar in the neck's shade is often taken for skin."""
    cloth = np.asarray(labels == REGION_LABELS["cloth"])
    first = np.argmax(cloth, 0)
    columns = np.flatnonzero(cloth.any(0) & (first > 0))
    lab, skin_lab = to_lab(colours), lab_of((float(skin[0]), float(skin[1]), float(skin[2])))
    rows = first[columns] - np.arange(1, MISSED_PX + 1)[:, None]
    above = lab[np.maximum(rows, 0), columns]
    below = lab[np.minimum(first[columns] + np.arange(BAND_PX)[:, None], HEIGHT - 1), columns].mean(0)
    is_like = np.linalg.norm(above - below, axis=-1) < SURER * np.linalg.norm(above - skin_lab, axis=-1)
    goes_on = np.logical_and.accumulate(is_like & (rows >= 0), 0)
    out = cloth.copy()
    at = np.broadcast_to(columns, rows.shape)
    out[rows[goes_on], at[goes_on]] = True
    return out


def upper_edge(cloth: npt.NDArray[np.bool_], heights: Array, otherwise: Array) -> Array:
    """Height of the edge of cloth [H, W] in every column of the chart [W], metres; `otherwise` [W] if there is none."""
    is_cloth = cloth.astype(np.float32)
    below = cv2.blur(is_cloth, (1, BAND_PX), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    begins = (below > 0.7) & (is_cloth > 0)
    columns = np.flatnonzero(begins.any(0))
    if len(columns) < WIDTH // 8:
        return otherwise
    edge = heights[np.argmax(begins, 0)[columns], columns]
    line = np.interp(np.arange(WIDTH), columns, edge)
    return np.asarray(gaussian_filter1d(median_filter(line, 41, mode="nearest"), 10, mode="nearest"))


def followed(cloth: Array, heights: Array, edge: Array, moved: Array, weight: float) -> Array:
    """The photo's cloth [H, W, 3] everywhere, when its edge [W] has moved to heights `moved` [H, W]; its detail fades
    with the weight."""
    shift = (edge - moved) * np.exp(-np.maximum(moved - heights, 0) / REACH_M)
    wanted = np.minimum(heights + shift, edge - RIM_M)
    # Rows of a chart go down, but for some on the shoulders.
    down = np.maximum.accumulate(-heights, 0) + 1e-9 * np.arange(HEIGHT)[:, None]
    rows = np.stack([np.interp(-wanted[:, c], down[:, c], np.arange(HEIGHT)) for c in range(WIDTH)], 1)
    columns = np.broadcast_to(np.arange(WIDTH, dtype=np.float32), rows.shape)
    there = cv2.remap(cloth, columns, rows.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    coarse = cv2.GaussianBlur(there, (0, 0), DETAIL_PX)
    return np.asarray(coarse + (there - coarse) * smoothstep(weight, DETAIL_ENDS, 0.0))
