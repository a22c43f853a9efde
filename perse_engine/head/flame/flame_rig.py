"""FLAME's own mesh as a rig: the interface of the landmark rig, ARKit's names included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.flame.fit import FlameFit
from perse_engine.head.flame.forward import FlamePoints
from perse_engine.head.flame.mapping import FlameExpression, FlameMotion
from perse_engine.head.flame.model import JOINTS, FlameModel
from perse_engine.head.rig import BONES, Rig

Array = npt.NDArray[Any]

BONE_JOINTS = {"torso": ("root",), "head": ("neck", "jaw"), "eyeRight": ("eyeRight",), "eyeLeft": ("eyeLeft",)}
"""The jaw is no bone of ours: what it does is in the shapes, as chords of its arcs."""


def flame_rig(
    model: FlameModel, fit: FlameFit, expressions: Mapping[str, FlameExpression], to_world: Array
) -> Rig:  # fmt: skip
    """The fitted person's FLAME head, [V, 3], neutral, in the world frame.

    Blendshapes and four bones are not all that FLAME is. Left out are the correctives of neck and eyes, and the jaw's
    arc between weight 0 and 1 is a straight line.

    Args:
        to_world: [3, 4], FLAME's metres to the world's.
    """
    points = FlamePoints.of(model)
    motion = FlameMotion(model, fit.identity, to_world[:, :3])
    shapes = [motion.displacement(e.coefficients, e.jaw) for e in expressions.values()]
    joints = _placed(points.joints(fit.identity), to_world)
    of = {bone: [JOINTS.index(j) for j in names] for bone, names in BONE_JOINTS.items()}
    pivots = np.stack([joints[of[bone][0]] for bone in BONES])
    weights = np.stack([model.weights[:, of[bone]].sum(1) for bone in BONES], 1)
    return Rig(
        vertices=_placed(points.vertices(fit.identity, np.zeros((len(JOINTS), 3))), to_world).astype(np.float32),
        shape_names=tuple(expressions),
        shapes=np.stack(shapes).astype(np.float32),
        bone_pivots=pivots.astype(np.float32),
        bone_weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32),
    )


def _placed(points: Array, to_world: Array) -> Array:
    return points @ to_world[:, :3].T + to_world[:, 3]
