"""Short hairs painted on the head's atlas: rooted evenly on the surface, as long in millimetres wherever they grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import sample
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.outfit import Outfit

Array = npt.NDArray[Any]

POINTS, POINTS_OF_CURLS = 5, 9
SUBTEXEL_BITS = 4


@dataclass(frozen=True)
class Roots:
    """Where hairs grow: `uv` [N, 2] texels, `along` [N, 2] texels per mm of growth, `across` the same to the side,
    `normal` [N, 3], `zone` [N] the map's value there, `order` [N] in 0..1, in which they appear."""

    uv: Array
    along: Array
    across: Array
    normal: Array
    zone: Array
    order: Array


def roots(outfit: Outfit, zone: Array, per_mm2: float, growth: Callable[[Array, Array], Array], seed: int) -> Roots:
    """Roots where `zone` [A, A] is above zero; `growth(points, normals)` gives the direction in world space."""
    look = outfit.subject.look
    faces = look.faces[np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])]
    faces = faces[sample(zone, look.uv[faces].mean(1) - 0.5) > 0.01]
    vertices = look.rig.vertices.astype(np.float64)
    corners = vertices[faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.linalg.norm(np.cross(first, second), axis=1) / 2 * 1e6
    random = np.random.default_rng(seed)
    count = round(float(area.sum()) * per_mm2)
    chosen = np.searchsorted(np.cumsum(area), (np.arange(count) + random.random(count)) / max(count, 1) * area.sum())
    chosen = np.minimum(chosen, len(faces) - 1)
    root, share = np.sqrt(random.random(count)), random.random(count)
    bary = np.stack([1 - root, root * (1 - share), root * share], 1)[..., None]
    corner_uv = look.uv[faces[chosen]].astype(np.float64)
    uv = (corner_uv * bary).sum(1)
    normal = (vertex_normals(vertices, faces)[faces[chosen]] * bary).sum(1)
    direction = growth((corners[chosen] * bary).sum(1), normal)
    direction -= (direction * normal).sum(1, keepdims=True) * normal
    direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9
    edges = np.stack([first[chosen], second[chosen]], -1)
    # World metres to the triangle's own two axes, and those to texels.
    turned = edges.swapaxes(1, 2)
    to_axes = np.linalg.solve(turned @ edges, turned)
    to_uv = np.stack([corner_uv[:, 1] - corner_uv[:, 0], corner_uv[:, 2] - corner_uv[:, 0]], -1) @ to_axes / 1000
    return Roots(
        uv=uv, along=_times(to_uv, direction), across=_times(to_uv, np.cross(normal, direction)), normal=normal,
        zone=sample(zone, uv - 0.5), order=random.random(count),
    )  # fmt: skip


def hair_paths(
    grown: Roots, length_mm: Array, bend: float, wave: float, seed: int, *, lean: Array | float = 0.25
) -> Array:
    """Points along each hair, [N, P, 2] texels; `bend`, `wave` and the deviation `lean` are sideways mm per mm."""
    random = np.random.default_rng(seed)
    t = np.linspace(0, 1, POINTS_OF_CURLS if wave > 0.1 else POINTS)[None, :, None]
    reach = length_mm[:, None, None] * (0.7 + 0.6 * random.random((len(length_mm), 1, 1)))
    leans = np.asarray(lean) * random.standard_normal((len(length_mm), 1, 1))
    phase = 6.3 * random.random((len(length_mm), 1, 1))
    side = leans * t + bend * t**2 + wave * (np.sin(6.3 * t + phase) - np.sin(phase))
    return grown.uv[:, None] + reach * (t * grown.along[:, None] + side * grown.across[:, None])


def draw_hairs(paths: Array, opacity: Array, shade: Array) -> tuple[Array, Array]:
    """Opacity and shade (0..2, 1 is plain) of the hairs over the atlas, [A, A] float32 each."""
    alpha = np.zeros((ATLAS_PX, ATLAS_PX), np.uint8)
    light = np.full((ATLAS_PX, ATLAS_PX), 128, np.uint8)
    scale = 1 << SUBTEXEL_BITS
    points = np.round((paths - 0.5) * scale).astype(np.int32)
    dark = np.clip(shade * 128, 0, 255)
    # A later line replaces what it crosses, so the faint ones come first.
    for k in [k for k in np.argsort(opacity, kind="stable") if opacity[k] > 0.01]:
        line = [points[k]]
        cv2.polylines(alpha, line, False, (float(255 * opacity[k]),), 1, cv2.LINE_AA, SUBTEXEL_BITS)
        cv2.polylines(light, line, False, (float(dark[k]),), 1, cv2.LINE_AA, SUBTEXEL_BITS)
    return alpha.astype(np.float32) / 255, light.astype(np.float32) / 128


def polygon_map(subject: Subject, outlines: list[tuple[int, ...]], soft_px: float, *, grow: float = 1.0) -> Array:
    """Areas within outlines of landmarks, [A, A] in 0..1 with soft borders; `grow` moves them out from the middle."""
    out = np.zeros((ATLAS_PX, ATLAS_PX), np.float32)
    middle = np.array([ATLAS_PX / 2, ATLAS_PX / 2])
    polygons = [middle + (landmark_uv(subject)[list(outline)] - middle) * grow for outline in outlines]
    everywhere, margin = np.concatenate(polygons), 4 * soft_px + 2
    x0, y0 = np.clip(everywhere.min(0) - margin, 0, ATLAS_PX).astype(int)
    x1, y1 = np.clip(everywhere.max(0) + margin, 0, ATLAS_PX).astype(int)
    for points in polygons:
        cv2.fillPoly(out, [np.round(points).astype(np.int32)], (1.0,))
    out[y0:y1, x0:x1] = cv2.GaussianBlur(out[y0:y1, x0:x1], (0, 0), soft_px)
    return out


def landmark_uv(subject: Subject) -> Array:
    """Texels of the landmarks, [478, 2]."""
    return subject.look.uv[subject.landmark_vertices].astype(np.float64)


def _times(matrices: Array, vectors: Array) -> Array:
    return np.asarray((matrices @ vectors[..., None])[..., 0])
