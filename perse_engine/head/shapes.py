"""Displacement fields on the 468 landmarks for expressions and identity edits, from few handles.

A field minimises bending energy d' (L A^-1 L) d with soft handles (Botsch and Kobbelt 2004): L the cotangent Laplacian
of the person's own mesh with weights clamped, A lumped areas. Upper and lower lip separate because the mouth is a hole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import scipy.sparse.linalg as spl

from perse_engine.head.neutral import find_neutral
from perse_engine.head.shape_handles import (
    EDIT_HANDLES,
    EXPRESSION_HANDLES,
    JAW_FOLLOWS,
    JAW_FOLLOWS_SIDED,
    JAW_STILL,
    Handles,
)
from perse_engine.portrait.points import (
    LEFT_EYE_LOWER,
    LEFT_EYE_UPPER,
    LEFT_EYEBROW,
    OVAL,
    RIGHT_EYE_LOWER,
    RIGHT_EYE_UPPER,
    RIGHT_EYEBROW,
)
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]
Field = Array  # [468, 3] mm

HANDLE_WEIGHT = 1e4
JAW_OPEN_DEG = 17.0
RIGHT_LID_CREASE = (130, 247, 30, 29, 27, 28, 56, 190, 243)


@dataclass(frozen=True)
class ShapeFields:
    """expressions and edits: name -> [468, 3] mm at weight 1; jaw_hinge [3] mm; jaw_angle rad at jawOpen 1;
    source: the weights of the photo's own expression, which the landmarks include."""

    expressions: Mapping[str, Field]
    edits: Mapping[str, Field]
    jaw_hinge: Array
    jaw_angle: float
    source: Mapping[str, float]

    def jaw_motion(self, points: Array) -> dict[str, Array]:
        """How points [..., 3] on the jaw bone move, per jaw shape at weight 1."""
        still = np.zeros_like(points)
        return {
            "jawOpen": _turn(points, self.jaw_hinge, self.jaw_angle),
            "jawLeft": still + np.array([7.0, 0, -1]),
            "jawRight": still + np.array([-7.0, 0, -1]),
            "jawForward": still + np.array([0, 0, 6.0]),
        }


@dataclass(frozen=True)
class GivenShapes:
    """Fields that another head model gives instead of those from handles, [468, 3] mm at weight 1; its jaw's hinge [3]
    mm and angle in rad at jawOpen 1, where it has one. Lids and what is made of other shapes are not given."""

    expressions: Mapping[str, Field] = field(default_factory=dict)
    jaw_hinge: Array | None = None
    jaw_angle: float = 0.0


def shape_fields(landmarks: Array, given: GivenShapes | None = None) -> ShapeFields:
    """Solve every field for one person; landmarks [478, 3] mm in the head frame. Takes 0.2 s."""
    given = given or GivenShapes()
    solver = _Solver(landmarks[:468])
    points = landmarks[:468]
    hinge = (landmarks[234] + landmarks[454]) / 2 + np.array([0, -4.0, 6.0])
    angle = np.radians(JAW_OPEN_DEG)
    if given.jaw_hinge is not None:
        hinge, angle = given.jaw_hinge, abs(given.jaw_angle)
    if _turn(points[152:153], hinge, angle)[0, 1] > 0:
        angle = -angle
    follows = solver.jaw_weights()[:, None]
    out: dict[str, Field] = {
        "jawOpen": follows * _turn(points, hinge, angle),
        "jawLeft": follows * np.array([7.0, 0, -1]),
        "jawRight": follows * np.array([-7.0, 0, -1]),
        "jawForward": follows * np.array([0, 0, 6.0]),
    }
    for handles in EXPRESSION_HANDLES:
        out |= solver.named(handles)
    out |= {name: own for name, own in given.expressions.items() if name in out}
    neutral = find_neutral(points, out, solver)
    for name, opening in neutral.opening.items():
        out[name] = out[name] + opening
    # Lids meet where they are at rest; a photographed smile has pushed them up.
    rest = points - np.sum([w * out[n] for n, w in neutral.weights.items()], axis=0)
    for side in ("Right", "Left"):
        out |= _lids(solver, rest, side)
    out["mouthLeft"], out["mouthRight"] = _sideways(out, follows, 1.0), _sideways(out, follows, -1.0)
    # Closes what jawOpen opened: ARKit's mouthClose is meant to be used together with it.
    out["mouthClose"] = -_mouth_only(out["jawOpen"], points)
    edits: dict[str, Field] = {}
    for handles in EDIT_HANDLES:
        edits |= solver.named(handles)
    return ShapeFields(out, edits, hinge, float(angle), neutral.weights)


def _turn(points: Array, hinge: Array, angle: float) -> Array:
    """Displacement by a rotation about the hinge's left-right axis."""
    c, s = np.cos(angle), np.sin(angle)
    q = points - hinge
    turned = np.stack([q[..., 0], q[..., 1] * c - q[..., 2] * s, q[..., 1] * s + q[..., 2] * c], -1)
    return np.asarray(turned - q)


def _sideways(fields: Mapping[str, Field], follows: Field, sign: float) -> Field:
    """The lips moved to one side: a wide field around the mouth that fades to the cheeks."""
    around = np.abs(fields["mouthPucker"]).sum(1)
    weight = np.clip(around / np.percentile(around, 92), 0, 1)[:, None]
    return np.asarray(np.maximum(weight, 0.35 * follows) * np.array([6.0 * sign, 0, -1.0]))


def _mouth_only(field: Field, points: Array) -> Field:
    """The part of a jaw field that belongs to lips and chin pad, without the bone under the chin."""
    middle = (points[13] + points[14]) / 2
    distance = np.linalg.norm((points - middle) * np.array([0.55, 1, 0.5]), axis=1)
    return field * np.exp(-((distance / 17.0) ** 2))[:, None]


def _lids(solver: _Solver, points: Array, side: str) -> dict[str, Field]:
    mirror = load_topology().mirror
    is_right = side == "Right"
    upper = RIGHT_EYE_UPPER if is_right else LEFT_EYE_UPPER
    lower = RIGHT_EYE_LOWER if is_right else LEFT_EYE_LOWER
    brow = RIGHT_EYEBROW if is_right else LEFT_EYEBROW

    def own(index: int) -> int:
        return index if is_right else int(mirror[index])

    crease = [own(i) for i in RIGHT_LID_CREASE]
    still = dict.fromkeys((*OVAL, *brow, 1, 4, 6, 168, 50, 280), np.zeros(3))
    blink: dict[int, Array] = dict(still) | dict.fromkeys((117, 346), np.zeros(3))
    blink |= {own(i): np.zeros(3) for i in (23, 24, 22, 26, 110, 25)}
    for k in range(9):
        # A little past the lower lid: subdivision smooths both margins, and they must not part again.
        to = -0.02 * points[upper[k]] + 1.02 * points[lower[k]] - points[upper[k]]
        # The lid slides over the eyeball: it comes forward on the way.
        to[2] += 1.4 * np.linalg.norm(to[:2]) / 8
        blink[upper[k]] = to
        blink[lower[k]] = (points[upper[k]] - points[lower[k]]) * 0.10
    for k in range(1, 8):
        blink[crease[k]] = 0.42 * blink[upper[k]]
    wide: dict[int, Array] = dict(still) | dict.fromkeys(lower, np.zeros(3))
    for k in range(1, 8):
        wide[upper[k]] = np.array([0, 3.0 * np.sin(np.pi * k / 8) + 0.2, 0])
        wide[crease[k]] = np.array([0, 1.2 * np.sin(np.pi * k / 8), 0])
    squint: dict[int, Array] = dict.fromkeys((*OVAL, *brow, 1, 4, 6, 168, *upper), np.zeros(3))
    for k in range(1, 8):
        squint[lower[k]] = 0.42 * (points[upper[k]] - points[lower[k]])
    squint |= {own(117): np.array([0, 2, 1.0]), own(118): np.array([0, 2.2, 1.0]), own(50): np.array([0, 2, 1.0])}
    return _gaze_lids(solver, points, side, still, upper, lower, crease) | {
        f"eyeBlink{side}": solver.solve(blink),
        f"eyeWide{side}": solver.solve(wide),
        f"eyeSquint{side}": solver.solve(squint),
    }


def _gaze_lids(
    solver: _Solver, points: Array, side: str, still: Mapping[int, Array],
    upper: tuple[int, ...], lower: tuple[int, ...], crease: list[int],
) -> dict[str, Field]:  # fmt: skip
    """Lids that follow the eye up and down: the upper one nearly as far as the iris goes, the lower one a little."""
    down, up = dict(still), dict(still)
    for k in range(1, 8):
        bow = np.sin(np.pi * k / 8) ** 0.7
        opening = float(np.linalg.norm(points[upper[k]] - points[lower[k]]))
        # Never past the lower lid.
        drop = min(4.2 * bow, 0.55 * opening)
        down[upper[k]], down[lower[k]] = np.array([0, -drop, 0.10 * drop]), np.array([0, -1.7 * bow, 0])
        up[upper[k]], up[lower[k]] = np.array([0, 2.6 * bow, 0]), np.array([0, 0.7 * bow, 0])
        down[crease[k]], up[crease[k]] = np.array([0, -0.35 * drop, 0]), np.array([0, 1.0 * bow, 0])
    return {f"eyeLookDown{side}": solver.solve(down), f"eyeLookUp{side}": solver.solve(up)}


class _Solver:
    """The two quadratic forms of one person's face mesh."""

    def __init__(self, points: Array) -> None:
        laplacian, area = cotangent_laplacian(points)
        self._bending = (laplacian @ sp.diags(1 / area) @ laplacian).tocsc()
        self._mirror = load_topology().mirror

    def solve(self, handles: Mapping[int, Array]) -> Array:
        """The smoothest field through the handles, [468, C]."""
        index = np.array(list(handles))
        values = np.array([np.atleast_1d(handles[i]) for i in index], float)
        weight = np.full(468, 1e-9)
        weight[index] = HANDLE_WEIGHT
        right = np.zeros((468, values.shape[1]))
        right[index] = HANDLE_WEIGHT * values
        solution = spl.spsolve((self._bending + sp.diags(weight)).tocsc(), right)
        return np.asarray(solution).reshape(468, -1)

    def named(self, handles: Handles) -> dict[str, Field]:
        """The field, or both fields of a sided shape ('...Right', '...Left')."""
        still = {i: np.zeros(3) for i in handles.fixed}
        own = {i: np.array(v, float) for i, v in handles.motion.items()}
        other = {int(self._mirror[i]): v * np.array([-1, 1, 1]) for i, v in own.items()}
        if not handles.is_sided:
            return {handles.name: self.solve(still | other | own)}
        mirrored = {int(self._mirror[i]): z for i, z in still.items()}
        return {f"{handles.name}Right": self.solve(still | own), f"{handles.name}Left": self.solve(mirrored | other)}

    def jaw_weights(self) -> Array:
        """How much of the jaw's motion each landmark follows, [468] in 0..1."""
        weights: dict[int, float] = {}
        for index, value in JAW_FOLLOWS_SIDED.items():
            weights[index] = value
            weights[int(self._mirror[index])] = value
        weights = dict.fromkeys(JAW_STILL, 0.0) | JAW_FOLLOWS | weights
        return np.clip(self.solve({i: np.array([v]) for i, v in weights.items()})[:, 0], 0, 1)


def cotangent_laplacian(points: Array) -> tuple[Any, Array]:
    """Weights of the 468 landmarks' mesh as a sparse [468, 468] Laplacian, and their lumped areas [468], mm^2."""
    faces = load_topology().faces
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, o = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        u, w = points[i] - points[o], points[j] - points[o]
        cotangent = (u * w).sum(1) / (np.linalg.norm(np.cross(u, w), axis=1) + 1e-9)
        weight = np.clip(0.5 * cotangent, 0.02, 3)
        rows += [i, j]
        columns += [j, i]
        values += [weight, weight]
    weights = sp.csr_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(468, 468))
    p = points[faces]
    area = np.linalg.norm(np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]), axis=1) / 6
    lumped = np.zeros(468)
    for k in range(3):
        np.add.at(lumped, faces[:, k], area)
    return sp.diags(np.asarray(weights.sum(1)).ravel()) - weights, np.maximum(lumped, 1e-3)
