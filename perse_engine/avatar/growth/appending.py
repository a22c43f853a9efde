"""Gaussians that a new variant appends: what it adds to the head and the avatar has nothing to show with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from perse_engine.avatar.avatar import Avatar, Binding, rest_points
from perse_engine.avatar.owning import START_OPACITY, add_surfaces
from perse_engine.avatar.placing import Placed, Ways, place_on_subject
from perse_engine.avatar.posing import posed_cloud
from perse_engine.avatar.properties import OPACITY
from perse_engine.avatar.start import SHADE_ONLY
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.scene import Expression, FloatArray, Pose
from perse_engine.synthesis.dataset import AddedSurface

SHARE = 0.07
"""On added surface at most so many, of the trained Gaussians."""
LEAST = 400
FINER = 0.2
"""On the head where the variant changes it, of the trained Gaussians: strands and edges are finer than what is
there (docs/experiments.md, Variants added later)."""
FINER_CHANGE = 0.25
"""Change of the nearest Gaussian from which the head counts as changed there."""
FINER_TRIES = 3
START_SPACING_M, FINEST_M, COARSEST_M = 0.0018, 0.0007, 0.02
COVERED_WITHIN = 1.2
"""Of the spacing of the surface's points: one of the category's visible Gaussians is this near."""
VISIBLE = 0.25
WORTH_IT = 0.08
"""Share of the surface that has to be uncovered; below, the category's own Gaussians show it."""


@dataclass(frozen=True)
class Appended:
    """What comes behind an avatar's Gaussians: the whole binding [N + M], base [M, 14] (transparent), their change
    [M, 14] from weight 0 to weight 1, how many vertices the rig got, and which of the avatar's transparent Gaussians
    its code opens rightly, [N] bool."""

    binding: Binding
    base: FloatArray
    change: FloatArray
    vertices: int
    opened: npt.NDArray[np.bool_]


def append(
    avatar: Avatar, subject: Subject, category: str, code: FloatArray, changed: FloatArray,
    surface: AddedSurface | None,
) -> Appended:  # fmt: skip
    """Gaussians on what a variant adds, unless the category shows it at a code, and finer ones on what it changes.

    `changed` [N] is how much the variant changes the avatar's own, 0..1.
    """
    n = len(avatar)
    placed = Placed(avatar.binding, avatar.base, np.zeros(n, np.uint8), np.full(n, -1, np.int16))
    trained = n - sum(one.gaussians for one in avatar.added)
    opened = np.zeros(n, bool)
    wanted = None if surface is None else _uncovered(avatar, category, code, surface, opened)
    if wanted is not None:
        placed = add_surfaces(placed, {category: wanted}, {category: max(LEAST, round(SHARE * trained))})
    base, binding = placed.base[n:], placed.binding
    change = np.zeros_like(base) if wanted is None else _change(placed.ways[category])
    if category not in SHADE_ONLY:
        fine = _finer(avatar, subject, changed, round(FINER * trained))
        base = np.vstack([base, fine.base])
        comes = np.zeros_like(fine.base)
        comes[:, OPACITY] = START_OPACITY
        change = np.vstack([change, comes])
        b = fine.binding
        binding = Binding(
            binding.rig, np.vstack([binding.triangles, b.triangles]), np.vstack([binding.bary, b.bary]),
            np.concatenate([binding.rest_area, b.rest_area]),
        )  # fmt: skip
    vertices = len(binding.rig.vertices) - len(avatar.binding.rig.vertices)
    return Appended(binding, base.copy(), change, vertices, opened)


def _change(ways: Ways) -> FloatArray:
    """From weight 0 to weight 1 of the only variant, [n, 14]."""
    return np.asarray(ways.whole[0] + ways.portion[0], np.float32)


def _finer(avatar: Avatar, subject: Subject, changed: FloatArray, count: int) -> Placed:
    """About `count` transparent Gaussians where the head changes; the subject's vertices are the rig's first."""
    own = np.flatnonzero(avatar.base[:, OPACITY] > 0)
    tree = cKDTree(rest_points(avatar.binding)[own])
    spacing = START_SPACING_M
    for _ in range(FINER_TRIES):
        placed = place_on_subject(subject, spacing, 1)
        _, nearest = tree.query(rest_points(placed.binding))
        chosen = np.flatnonzero(changed[own[nearest]] > FINER_CHANGE)
        if not len(chosen) or abs(len(chosen) / max(count, 1) - 1) < 0.15:
            break
        # The count goes about with the inverse square of the spacing.
        spacing = float(np.clip(spacing * (len(chosen) / max(count, 1)) ** 0.5, FINEST_M, COARSEST_M))
    placed = placed.take(chosen)
    placed.base[:, OPACITY] = 0
    return placed


def _uncovered(
    avatar: Avatar, category: str, code: FloatArray, surface: AddedSurface, opened: npt.NDArray[np.bool_]
) -> AddedSurface | None:
    """The surface, or None where the category's own Gaussians show it at a code; those that do are marked."""
    own = avatar.categories.get(category)
    if own is None:
        return surface
    cloud = posed_cloud(avatar, avatar.bake(_look(category, code)), Pose(), Expression())
    rows = own.rows[(avatar.base[own.rows, OPACITY] <= 0) & (own.mask == 1)]
    shown = rows[cloud.opacities[rows] > VISIBLE]
    if not len(shown):
        return surface
    to_surface, _ = cKDTree(surface.points).query(cloud.means[shown])
    shown = shown[np.asarray(to_surface) < COVERED_WITHIN * float(surface.spacing_m.mean())]
    if not len(shown):
        return surface
    distance, _ = cKDTree(cloud.means[shown]).query(surface.points)
    if (np.asarray(distance) > COVERED_WITHIN * surface.spacing_m).mean() > WORTH_IT:
        # Halves do not fit together: holes stay where one thins out before the other begins.
        return surface
    opened[shown] = True
    return None


def _look(category: str, code: FloatArray) -> Look:
    return Look(codes={category: tuple(float(v) for v in code)})
