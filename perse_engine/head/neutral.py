"""What the photographed face does, as expression weights: taking it back gives the neutral face.

neutral = photographed - sum_k w_k shape_k, so the source expression w gives the photo back exactly. The weights are a
bounded least-squares fit that closes the lips, levels the corners of the mouth and narrows a stretched one. What the
shapes cannot close is this person's own way of smiling, and is added to their smile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import lsq_linear

from perse_engine.head.sampling import smoothstep

Array = npt.NDArray[Any]

INNER_PAIRS = ((191, 95), (80, 88), (81, 178), (82, 87), (13, 14), (312, 317), (311, 402), (310, 318), (415, 324))
"""Points of the upper and the lower inner lip that meet when the mouth closes, from the subject's right to left."""
OUTER_PAIRS = ((185, 146), (40, 91), (39, 181), (37, 84), (0, 17), (267, 314), (269, 405), (270, 321), (409, 375))
CORNER_BELOW_LIPS_MM = 1.5
WIDEST_AT_REST_MM = 52.0
"""A mouth wider than this is stretched; adults at rest: 50-54 mm at a pupillary distance of 63 mm (Farkas 1994)."""
OVERLAP_MM = 0.5
"""Closed lips press against each other."""
IS_EXPRESSION = 0.15
"""Smaller weights are the person's own features."""
LEAST_CARRIER = 0.3

SHAPES: Mapping[str, float] = {
    "mouthSmileLeft": 0.3, "mouthSmileRight": 0.3, "mouthUpperUpLeft": 20.0, "mouthUpperUpRight": 20.0,
    "mouthLowerDownLeft": 20.0, "mouthLowerDownRight": 20.0, "jawOpen": 80.0,
}  # fmt: skip
"""What may have happened, and how unlikely it is, in mm of misfit per unit of weight. A smile parts the lips by
itself, with the jaw closed: only a wide gap is the jaw's."""


class FieldSolver(Protocol):
    """The smoothest field through handles; see `shapes`."""

    def solve(self, handles: Mapping[int, Array]) -> Array:
        """Landmark -> motion to [468, 3] mm."""
        ...


@dataclass(frozen=True)
class Neutral:
    """weights of the photo's expression; opening: what each of its shapes does in addition, [468, 3] mm at weight 1."""

    weights: Mapping[str, float]
    opening: Mapping[str, Array]


def find_neutral(points: Array, fields: Mapping[str, Array], solver: FieldSolver) -> Neutral:
    """Explain the photographed face [468, 3] mm (head frame) by the shapes."""
    weights = _explain(points, fields)
    if max(weights.values()) < IS_EXPRESSION:
        return Neutral({}, {})
    rest = points - np.sum([w * fields[name] for name, w in weights.items()], axis=0)
    carriers = _carriers(weights)
    weights |= {name: max(weights[name], LEAST_CARRIER) for name, _ in carriers}
    rest = points - np.sum([w * fields[name] for name, w in weights.items()], axis=0)
    closing = _closing(rest, solver)
    opening = {name: -closing * share(points)[:, None] / weights[name] for name, share in carriers}
    return Neutral({name: w for name, w in weights.items() if w > 0.01}, opening)


def _explain(points: Array, fields: Mapping[str, Array]) -> dict[str, float]:
    names = tuple(SHAPES)
    rows: list[list[float]] = []
    wanted: list[float] = []

    def ask(weight: float, of: Any, value: float) -> None:
        """weight * (of(points) - sum_k w_k of(field_k)) should be weight * value."""
        rows.append([weight * float(of(fields[name])) for name in names])
        wanted.append(weight * (float(of(points)) - value))

    for upper, lower in INNER_PAIRS:
        ask(1.0, lambda p, u=upper, low=lower: p[u, 1] - p[low, 1], 0.0)
    for corner in (61, 291):
        ask(1.6, lambda p, c=corner: p[c, 1] - (p[13, 1] + p[14, 1]) / 2, -CORNER_BELOW_LIPS_MM)
    width = float(points[291, 0] - points[61, 0])
    ask(0.5, lambda p: p[291, 0] - p[61, 0], min(width, WIDEST_AT_REST_MM))
    regular = np.diag(list(SHAPES.values()))
    fit = lsq_linear(np.vstack([rows, regular]), np.r_[wanted, np.zeros(len(names))], bounds=(0.0, 1.0))
    return {name: float(w) for name, w in zip(names, fit.x, strict=True)}


def _carriers(weights: Mapping[str, float]) -> list[tuple[str, Any]]:
    """Which shapes open the lips for what is left, and their share of it at every landmark."""

    def right(points: Array) -> Array:
        return smoothstep(points[:, 0], 10.0, -10.0)

    smile = weights["mouthSmileLeft"] + weights["mouthSmileRight"]
    if smile / 2 < IS_EXPRESSION and weights["jawOpen"] > IS_EXPRESSION:
        return [("jawOpen", lambda points: np.ones(len(points)))]
    return [("mouthSmileRight", right), ("mouthSmileLeft", lambda points: 1 - right(points))]


def _closing(rest: Array, solver: FieldSolver) -> Array:
    """The smooth field that brings the lips together, [468, 3] mm."""
    handles: dict[int, Array] = {i: np.zeros(3) for i in (1, 2, 4, 98, 327, 61, 291, 152, 199, 50, 280, 205, 425, 6)}
    handles |= {i: np.zeros(3) for i in (33, 263, 133, 362, 145, 374, 234, 454, 172, 397, 78, 308)}
    for (upper, lower), (above, below) in zip(INNER_PAIRS, OUTER_PAIRS, strict=True):
        edge = 1.0 if (upper, lower) not in (INNER_PAIRS[0], INNER_PAIRS[-1]) else 0.5
        apart = rest[lower] - rest[upper]
        apart[1] -= OVERLAP_MM * edge
        handles[upper], handles[lower] = 0.5 * apart, -0.5 * apart
        handles[above], handles[below] = 0.35 * apart, -0.35 * apart
    return solver.solve(handles)
