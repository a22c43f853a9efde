"""Hats: a copy of the cranium with its hair, lifted outwards, so that it fits by construction; brims and visors.

The weight is how far the hat is pulled on: its lower edge comes down from the crown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import CLOTH, colour
from perse_engine.synthesis.procedural.hat_crowns import BLOCKS, blocked
from perse_engine.synthesis.procedural.hat_ring import TILT, Crown, brim
from perse_engine.synthesis.procedural.hat_shells import LIFT_M, shell
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.shadow import contact_shadow
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]


def hat(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Add the crown, what the type has beside it, and their shadow."""
    kind = spec.slots.get("type", "")
    chosen(dict.fromkeys((*LIFT_M, *BLOCKS)), spec, "type")
    tone = np.array(colour(CLOTH, spec.slots["colour"], "hat"))
    crown = _crown(outfit)
    # At weight 0 the edge lies at the very top, at 1 where the hat sits.
    edge = crown.top * (1 - weight)
    crown_part = shell if kind in LIFT_M else blocked
    parts = [crown_part(crown, kind, tone, edge, weight)]
    if kind not in ("beanie", "beret"):
        parts.append(brim(crown, kind, tone, edge, weight))
    contact_shadow(outfit, parts, 0.6 * weight, 0.012)
    outfit.parts += parts


def _crown(outfit: Outfit) -> Crown:
    look = outfit.subject.look
    head = np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])
    faces = look.faces[head]
    vertices = look.rig.vertices.astype(np.float64)
    normals = vertex_normals(vertices, faces)
    brow = (outfit.landmark(105) + outfit.landmark(334)) / 2
    forehead = outfit.landmark(10)
    base = 0.68 * brow[1] + 0.32 * forehead[1] - TILT * forehead[2]
    height = vertices[:, 1] - base - TILT * vertices[:, 2]
    inside = (height[faces] > -0.012).all(1)
    used, local = np.unique(faces[inside], return_inverse=True)
    kept = local.reshape(-1, 3).astype(np.int32)
    smooth = _smoothed(vertices[used], kept, 3)
    return Crown(smooth, normals[used], kept, height[used], float(height[used].max()), base)


def _smoothed(points: Array, faces: npt.NDArray[np.int32], rounds: int) -> Array:
    """Laplacian smoothing, outwards only: cloth spans the dents of a hairdo."""
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    centre = points.mean(0)
    for _ in range(rounds):
        total, count = np.zeros_like(points), np.zeros(len(points))
        for a, b in (edges.T, edges[:, ::-1].T):
            np.add.at(total, a, points[b])
            np.add.at(count, a, 1)
        mean = total / np.maximum(count, 1)[:, None]
        outer = np.linalg.norm(mean - centre, axis=1) > np.linalg.norm(points - centre, axis=1)
        points = np.where(outer[:, None], mean, 0.6 * points + 0.4 * mean)
    return points
