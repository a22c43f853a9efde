"""Points on added surface, from which an additive category's own Gaussians start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perse_engine.head.sampling import sample
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.synthesis.procedural.outfit import AddedPart

SPACING_M = 0.0022
SMALL_M2 = 1e-3
"""Jewellery is smaller than this and needs points closer together."""
CLOSEST = 0.4
MIN_ALPHA = 0.05
EARLY_WEIGHT = 0.35
"""The weight at which parts are looked at to see how they come to where they are at 1."""


def sample_surface(part: AddedPart, early: AddedPart | None, variant: int) -> AddedSurface:
    """About one point per SPACING_M squared of the visible surface, more on small parts; colours from its texture.

    `early` is the same part at EARLY_WEIGHT; one of other triangles tells nothing of the way.
    """
    random = np.random.default_rng(variant)
    corners = part.vertices[part.faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1) / 2
    spacing = SPACING_M * float(np.clip(np.sqrt(area.sum() / SMALL_M2), CLOSEST, 1.0))
    count = max(8, round(float(area.sum()) / spacing**2))
    # Evenly spaced along the triangles' summed area.
    places = (np.arange(count) + random.random(count)) / count * area.sum()
    face = np.minimum(np.searchsorted(np.cumsum(area), places), len(area) - 1)
    root, second = np.sqrt(random.random(count)), random.random(count)
    bary = np.stack([1 - root, root * (1 - second), root * second], 1)
    uv = (part.uv[part.faces[face]] * bary[..., None]).sum(1) - 0.5
    rgba = sample(part.texture, uv)
    keep = rgba[:, 3] > MIN_ALPHA
    normals = cross[face] / (2 * area[face] + 1e-12)[:, None]
    travel = np.zeros_like(normals)
    if early is not None and np.array_equal(early.faces, part.faces):
        moved = (part.vertices - early.vertices) / (1 - EARLY_WEIGHT)
        travel = (moved[part.faces[face]] * bary[..., None]).sum(1)
    weights = (part.bone_weights[part.faces[face]] * bary[..., None]).sum(1)
    return AddedSurface(
        points=(corners[face] * bary[..., None]).sum(1)[keep].astype(np.float32),
        normals=normals[keep].astype(np.float32),
        colours=rgba[keep, :3].astype(np.float32),
        spacing_m=np.full(int(keep.sum()), spacing, np.float32),
        bone_weights=weights[keep].astype(np.float32),
        travel=travel[keep].astype(np.float32),
        variant=np.full(int(keep.sum()), variant, np.uint16),
        variants=(),
    )


def merge_surfaces(surfaces: Sequence[AddedSurface], variants: tuple[str, ...]) -> AddedSurface:
    """Concatenate."""
    return AddedSurface(
        points=np.concatenate([s.points for s in surfaces]),
        normals=np.concatenate([s.normals for s in surfaces]),
        colours=np.concatenate([s.colours for s in surfaces]),
        spacing_m=np.concatenate([s.spacing_m for s in surfaces]),
        bone_weights=np.concatenate([s.bone_weights for s in surfaces]),
        travel=np.concatenate([s.travel for s in surfaces]),
        variant=np.concatenate([s.variant for s in surfaces]),
        variants=variants,
    )
