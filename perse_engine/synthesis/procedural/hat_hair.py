"""Hair under a hat: pressed in, or it would come through the cloth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.head.sampling import resample_grid, smoothstep
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.hat_ring import AXIS_Z, TILT, Cloth, Crown
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

INSIDE_M = 0.0025
"""So far under the cloth."""
FROM_M, WHOLLY_M = -0.022, 0.0
"""Heights about the edge between which it is pressed more and more."""


def press_hair(outfit: Outfit, crown: Crown, cloth: Cloth, edge: float) -> None:
    """Bring added hair and the scalp, as styles have moved it, under what there is of the cloth."""
    added = [k for k, part in enumerate(outfit.parts) if part.label == REGION_LABELS["hair"]]
    look = outfit.subject.look
    scalp = np.unique(look.faces[look.face_part == PARTS.index("scalp")])
    middle = np.array([0.0, crown.base + edge + TILT * AXIS_Z, AXIS_Z])
    above = resample_grid(cloth.above[..., None], *cloth.grid.shape[:2])[..., 0]
    ways = cloth.grid[above > 0] - middle
    far = np.linalg.norm(ways, axis=1)
    ways_to = cKDTree(ways / far[:, None])

    def pressed(points: Array) -> Array:
        away = points - middle
        distance = np.linalg.norm(away, axis=1)
        most = far[ways_to.query(away / distance[:, None])[1]] - INSIDE_M
        height = points[:, 1] - crown.base - TILT * points[:, 2] - edge
        share = smoothstep(height, FROM_M, WHOLLY_M) * (1 - np.minimum(most / distance, 1))
        return np.asarray(points - share[:, None] * away)

    for k in added:
        outfit.parts[k] = replace(outfit.parts[k], vertices=pressed(outfit.parts[k].vertices))
    now = (look.rig.vertices[scalp] + outfit.offset[scalp]).astype(np.float64)
    outfit.offset[scalp] += (pressed(now) - now).astype(np.float32)
