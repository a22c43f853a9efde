"""Eyes, mouth and nose on FLAME's mean head, found from its joints and skinning weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile
from perse_engine.head.flame.model import JOINTS, FlameModel
from perse_engine.head.mesh_raster import bake

Array = npt.NDArray[Any]

STEP_MM = 0.5
REACH_MM = (70.0, 30.0, 130.0)
"""The map from the front: to both sides, above and below the middle between the eyes."""
REACH_PX = 10
"""How far from the eyeball's visible edge skin is looked for."""
PARTS_LIPS = 0.25
"""Where the jaw's weight changes by this much from one step down to the next, the lips part."""
MOUTH_MM = (-95.0, -35.0)
"""The mouth is that far below the eyes: height 0 is between them."""
EYE_LANDMARKS = {"eyeRight": (33, 133, 159, 145), "eyeLeft": (362, 263, 386, 374)}
"""The corner towards -x, the corner towards +x, the middle of the upper and of the lower lid."""


def skin_faces(model: FlameModel) -> npt.NDArray[np.bool_]:
    """Which triangles are not the eyeballs', [F]."""
    return np.asarray(~_is_eyeball(model)[model.faces].all(1))


def is_jaw(model: FlameModel) -> npt.NDArray[np.bool_]:
    """Which vertices follow the jaw more than the head, [V]."""
    return np.asarray(model.weights[:, JOINTS.index("jaw")] > 0.5)


def find_features(model: FlameModel) -> dict[int, Array]:
    """Landmark -> [3] m on the mean head: corners and lids of the eyes, the line of the mouth, the tip of the nose.

    Raises:
        CorruptFile: the mesh shows none.
    """
    front = _Front(model)
    found: dict[int, Array] = {}
    for joint, landmarks in EYE_LANDMARKS.items():
        found |= dict(zip(landmarks, front.eye(model.joints()[JOINTS.index(joint)]), strict=True))
    right, middle, left = front.mouth()
    found |= {78: right, 13: middle, 14: middle, 308: left}
    found[4] = front.nose(float(middle[1]))
    return found


def _is_eyeball(model: FlameModel) -> npt.NDArray[np.bool_]:
    return np.asarray(model.weights[:, 3:].sum(1) > 0.5)


class _Front:
    """The mean head from the front, far away: place, eyeball or not, and the jaw's weight of what is nearest."""

    def __init__(self, model: FlameModel) -> None:
        points = 1000 * model.template.astype(np.float64)
        eyes = 1000 * model.joints()[3:]
        self._middle = eyes.mean(0)
        side, above, below = REACH_MM
        corner = np.array([self._middle[0] - side, self._middle[1] + above])
        size = (round(2 * side / STEP_MM), round((above + below) / STEP_MM))
        flat = np.stack([points[:, 0] - corner[0], corner[1] - points[:, 1]], 1) / STEP_MM
        # Far triangles first: near ones are painted over them. Those behind the eyes are no face.
        depth = points[model.faces, 2].mean(1)
        order = np.argsort(depth)
        order = order[depth[order] > self._middle[2] - 60]
        attributes = np.c_[points, _is_eyeball(model), model.weights[:, JOINTS.index("jaw")]]
        values, self._covered = bake(flat, model.faces[order], attributes, size)
        self._place, self._is_eye, self._jaw = values[..., :3], values[..., 3] > 0.5, values[..., 4]

    def eye(self, joint: Array) -> tuple[Array, Array, Array, Array]:
        """Both corners and the middles of both lids of the opening around a joint, m."""
        near = np.linalg.norm(self._place[..., :2] - 1000 * joint[:2], axis=-1) < 20
        rows, columns = np.nonzero(self._is_eye & near & self._covered)
        if len(rows) < 20:
            raise CorruptFile("No open eyes were found on the FLAME mesh from its front.")
        first, last = columns.min(), columns.max()
        middle = columns == (first + last) // 2
        ends = (
            (int(np.median(rows[columns == first])), first), (int(np.median(rows[columns == last])), last),
            (rows[middle].min(), (first + last) // 2), (rows[middle].max(), (first + last) // 2),
        )  # fmt: skip
        right, left, upper, lower = (self._skin_beside(row, column) for row, column in ends)
        return right, left, upper, lower

    def mouth(self) -> tuple[Array, Array, Array]:
        """The right corner, the middle and the left corner of the line between the lips, m."""
        height = self._place[..., 1] - self._middle[1]
        inside = self._covered & (height > MOUTH_MM[0]) & (height < MOUTH_MM[1])
        jump = np.diff(self._jaw, axis=0) * (inside[1:] & inside[:-1])
        row = jump.argmax(0)
        columns = np.flatnonzero(jump.max(0) > PARTS_LIPS)
        if len(columns) < 20:
            raise CorruptFile("No mouth was found on the FLAME mesh: its jaw's weights do not part the lips.")
        ends = columns.min(), (columns.min() + columns.max()) // 2, columns.max()
        right, middle, left = (self._place[row[c], c] / 1000 for c in ends)
        return right, middle, left

    def nose(self, mouth_m: float) -> Array:
        """The point furthest to the front between eyes and mouth, m."""
        height = self._place[..., 1]
        inside = self._covered & (height < self._middle[1]) & (height > 1000 * mouth_m + 10)
        inside &= np.abs(self._place[..., 0] - self._middle[0]) < 15
        if not inside.any():
            raise CorruptFile("No nose was found on the FLAME mesh.")
        row, column = np.unravel_index(np.where(inside, self._place[..., 2], -np.inf).argmax(), inside.shape)
        return np.asarray(self._place[row, column] / 1000)

    def _skin_beside(self, row: int, column: int) -> Array:
        """The skin nearest to a pixel on the opening's edge, m: lids, not the eyeball behind them."""
        rows, columns = np.mgrid[row - REACH_PX : row + REACH_PX + 1, column - REACH_PX : column + REACH_PX + 1]
        is_skin = self._covered[rows, columns] & ~self._is_eye[rows, columns]
        distance = np.where(is_skin, (rows - row) ** 2 + (columns - column) ** 2, np.inf)
        if not is_skin.any():
            raise CorruptFile("No lids were found around the eyes of the FLAME mesh.")
        place = np.unravel_index(distance.argmin(), distance.shape)
        return np.asarray(self._place[rows[place], columns[place]] / 1000)
