"""How the hairs of eyebrows grow: along the person's own brow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.synthesis.procedural.outfit import Outfit

Array = npt.NDArray[Any]

BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
INNER, OUTER = (55, 285), (46, 276)


def brow_lines(outfit: Outfit) -> list[Array]:
    """The middle of the right and the left brow from low to high x, [5, 3] metres each."""
    lines = []
    for brow in BROWS:
        edges = zip(brow[:5], _under(brow), strict=True)
        line = np.array([(outfit.landmark(a) + outfit.landmark(b)) / 2 for a, b in edges])
        lines.append(line[np.argsort(line[:, 0])])
    return lines


def brow_growth(outfit: Outfit) -> Callable[[Array, Array], Array]:
    """Directions of growth at points [N, 3] with normals [N, 3]: along the brow, upright at its inner end."""
    lines = brow_lines(outfit)
    middle = (outfit.landmark(INNER[0])[0] + outfit.landmark(INNER[1])[0]) / 2
    inner = abs(outfit.landmark(INNER[0])[0] - middle)
    outer = abs(outfit.landmark(OUTER[0])[0] - middle)

    def growth(points: Array, normals: Array) -> Array:
        side = np.sign(points[:, 0] - middle)
        along = np.clip((np.abs(points[:, 0] - middle) - inner) / (outer - inner), -0.2, 1.2)
        is_right = side < 0
        height = np.where(is_right, *(np.interp(points[:, 0], line[:, 0], line[:, 1]) for line in lines))
        slope = np.where(is_right, *(np.interp(points[:, 0], *_slopes(line)) for line in lines))
        # Beyond the tail nobody knows how high the brow would be.
        above = np.clip((points[:, 1] - height) / 0.004, -1, 1) * smoothstep(along, 1.0, 0.75)
        rise = side * slope + 1.0 - 1.0 * smoothstep(along, -0.15, 0.45) - 0.40 * above
        return np.stack([side, rise, np.zeros(len(points))], -1)

    return growth


def _slopes(line: Array) -> tuple[Array, Array]:
    """Where a brow's pieces lie and how steep they are, by x."""
    step = np.diff(line, axis=0)
    return (line[1:, 0] + line[:-1, 0]) / 2, step[:, 1] / step[:, 0]


def _under(brow: tuple[int, ...]) -> tuple[int, ...]:
    """The lower edge's landmarks in the order of the upper edge's."""
    return brow[9], brow[8], brow[7], brow[6], brow[5]
