"""Where long hair falls over the shoulders: it lies on the chest instead of hanging before it like a ribbon."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, maximum_filter

from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.remembered import remembered

Array = npt.NDArray[Any]

CELL_M = 0.008
LEFT_M, BOTTOM_M = -0.32, -0.48
CELLS = 61, 81
"""Of the map of the chest: rows and columns."""
BACK_M = -0.12
"""What lies further back is none of the chest."""
OVER_M, OVER_COLLARS_M = 0.012, 0.032
"""How far over the chest it lies, and further up: there may be collars and hoods."""
IN_FRONT_DEG = 82.0, 87.0
"""From where on, counted from the back, it falls before the shoulder."""
GATHERS_DEG = 88.0, 122.0
GATHERS = 0.30
"""How far its border falls towards the breastbone, of its distance."""

THINS, THINS_OVER_M = 0.5, 0.10
"""How much narrower its borders are at the tips, and from how far above them on."""


def draped(subject: Subject, grid: Array, turn: Array, mouth_y: float) -> Array:
    """A curtain [R, C, 3] whose borders lie on the chest; turn [1, C] radians from the back."""
    x, y, z = (grid[..., i] for i in range(3))
    fallen = smoothstep(mouth_y - y, 0.02, 0.15)
    x = x * (1 - GATHERS * fallen * smoothstep(np.abs(turn), *np.radians(GATHERS_DEG)))
    thin = THINS * smoothstep(y.min() + THINS_OVER_M - y, 0, THINS_OVER_M)
    for side in (turn[0] < -np.radians(IN_FRONT_DEG[0]), turn[0] > np.radians(IN_FRONT_DEG[0])):
        x[:, side] += thin[:, side] * (x[:, side].mean(1, keepdims=True) - x[:, side])
    depth, has = (
        map_coordinates(layer, [(y - BOTTOM_M) / CELL_M, (x - LEFT_M) / CELL_M], order=1, mode="nearest")
        for layer in chest(subject)
    )
    over = OVER_M + (OVER_COLLARS_M - OVER_M) * smoothstep(y - mouth_y, -0.20, -0.10)
    before = smoothstep(np.abs(turn), *np.radians(IN_FRONT_DEG)) * has
    return np.stack([x, y, z + before * np.maximum(depth + over - z, 0)], -1)


@remembered
def chest(subject: Subject) -> Array:
    """How far forward the torso reaches at every height and side, metres, and where there is one, [2, *CELLS]."""
    look = subject.look
    torso = look.rig.vertices[np.unique(look.faces[look.face_part == PARTS.index("torso")])].astype(np.float64)
    cells = np.round((torso[:, [1, 0]] - [BOTTOM_M, LEFT_M]) / CELL_M).astype(int)
    inside = ((cells >= 0) & (cells < CELLS)).all(1) & (torso[:, 2] > BACK_M)
    depth = np.full(CELLS, -np.inf)
    np.maximum.at(depth, tuple(cells[inside].T), torso[inside, 2])
    # Below the picture's lower edge it goes on as it is there.
    first = int(np.argmax(np.isfinite(depth).sum(1) > CELLS[1] // 4))
    depth[: first + 2] = depth[first + 2]
    nearest = distance_transform_edt(~np.isfinite(depth), return_distances=False, return_indices=True)
    has = gaussian_filter(np.isfinite(depth).astype(np.float64), 1.5)
    return np.stack([gaussian_filter(maximum_filter(depth[tuple(nearest)], 3), 1.2), smoothstep(has, 0.0, 0.3)])
