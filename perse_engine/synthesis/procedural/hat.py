"""Hats: a copy of the cranium with its hair, lifted outwards, so that it fits by construction; brims and visors.

The weight is how far the hat is pulled on: its lower edge comes down from the crown.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import CLOTH, colour
from perse_engine.synthesis.procedural.hat_crowns import BLOCKS, blocked
from perse_engine.synthesis.procedural.hat_ring import TILT, Crown, brim
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit, rigid_to
from perse_engine.synthesis.procedural.shadow import contact_shadow
from perse_engine.vocabulary import REGION_LABELS, VariantSpec

Array = npt.NDArray[Any]

TEXELS = 256
LIFT_M = {"beanie": 0.004, "cap": 0.006, "fedora": 0.007}


def hat(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Add the crown, what the type has beside it, and their shadow."""
    kind = spec.slots.get("type", "")
    chosen(dict.fromkeys((*LIFT_M, *BLOCKS)), spec, "type")
    tone = np.array(colour(CLOTH, spec.slots["colour"], "hat"))
    crown = _crown(outfit)
    # At weight 0 the edge lies at the very top, at 1 where the hat sits.
    edge = crown.top * (1 - weight)
    parts = [_shell(crown, kind, tone, edge, weight) if kind in LIFT_M else blocked(crown, kind, tone, edge, weight)]
    if kind not in ("beanie", "beret"):
        parts.append(brim(crown, kind, tone, edge, weight))
    contact_shadow(outfit, parts, 0.6 * weight, 0.012)
    outfit.parts += parts


def _shell(crown: Crown, kind: str, tone: Array, edge: float, weight: float) -> AddedPart:
    lift = LIFT_M[kind] * smoothstep(weight, 0.0, 0.3)
    bulge = np.zeros(len(crown.points))
    if kind == "beanie":
        bulge = 0.004 * (1 - smoothstep(crown.height - edge, 0.028, 0.034))
    if kind == "fedora":
        bulge = 0.020 * smoothstep(crown.height, 0.02, crown.top)
    offset = (float(lift) + bulge)[:, None] * crown.normals
    if kind == "fedora":
        # The crease along the top.
        middle = np.exp(-((crown.points[:, 0] / 0.022) ** 2)) * smoothstep(crown.height, 0.6 * crown.top, crown.top)
        offset[:, 1] -= 0.016 * middle
    vertices = crown.points + offset
    uv = _wrap(crown)
    texture = _fabric(kind, tone, crown.top, edge)
    label = REGION_LABELS["hat"]
    return AddedPart(vertices, crown.faces, uv, texture, label, rigid_to(len(vertices), "head"))


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


def _wrap(crown: Crown) -> Array:
    """u around the head, v down from the top; the seam is at the back."""
    angle = np.arctan2(crown.points[:, 0], crown.points[:, 2] + 0.09)
    return np.stack(
        [(angle / (2 * np.pi) + 0.5) * (TEXELS - 2) + 1, (1 - crown.height / crown.top) * (TEXELS - 30) + 1], -1
    )


def _fabric(kind: str, tone: Array, top: float, edge: float) -> Array:
    """Knitted ribs, felt or twill with panels; transparent below the edge."""
    n = TEXELS
    v, u = np.mgrid[0:n, 0:n].astype(np.float32)
    height = (1 - (v - 1) / (n - 30)) * top
    noise = cv2.GaussianBlur(np.random.default_rng(4).standard_normal((n, n)).astype(np.float32), (0, 0), 1.0)
    light = 0.80 + 0.25 * smoothstep(height, 0, top) + 0.06 * noise / noise.std() * 0.5
    if kind == "beanie":
        light = light * (0.86 + 0.14 * np.cos(u / n * 2 * np.pi * 40)) * (0.95 + 0.05 * np.cos(v * 1.1))
        fold = height - edge
        light = light * (1 - 0.30 * np.exp(-(((fold - 0.031) / 0.0025) ** 2)))
    elif kind == "cap":
        light = light * (1 - 0.22 * np.exp(-((np.sin(u / n * 2 * np.pi * 3) / 0.05) ** 2)))
    rgb = np.clip(tone * light[..., None], 0, 1)
    if kind == "fedora":
        band = smoothstep(height - edge, 0.004, 0.006) * (1 - smoothstep(height - edge, 0.026, 0.028))
        rgb = rgb * (1 - 0.65 * band[..., None])
    alpha = smoothstep(height, edge - 0.0035, edge - 0.0005)
    return np.dstack([rgb, alpha]).astype(np.float32)
