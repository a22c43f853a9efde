"""Where an edit may change the portrait: from our own geometry, or from a picture that was made without a mask.

Masks are [S, S] float32 on the work image: 1 inside, falling to exactly 0 within a feather.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage, draw
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.vocabulary import REGION_LABELS

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

GROW_PX, FEATHER_PX = 10, 10
"""Of a work image of 896 px: models need room around a shape; the seam is spread over the feather."""
TUNED_PX = 896
SPECKLE = 6e-5
"""Share of the picture below which a patch is noise of the renderer."""
CHANGED_LEVELS = 20
"""Of 255: below this two renders show the same."""
LABEL_OF = {"cloth": "cloth", "mouth": "lips"}
"""The region label of a category, where it is not its name."""
FREE_CHANGE = 9.0
"""CIE Lab distance from which a picture that was made without a mask differs: above what encoders alone do."""


def source_view(subject: Subject, look: TexturedRig) -> MeshImage:
    """A look from where the photo was taken, at the photo's pose and expression, [S, S] like the work image."""
    vertices = look.rig.posed(subject.source_pose, subject.source_expression)
    texture = look.texture_for(subject.source_expression)
    return draw(look, vertices, subject.source_camera, texture, supersample=1)


def geometry_mask(subject: Subject, category: str, dressed: TexturedRig) -> Array:
    """Where the procedural editor's variant differs from the source look, or shows its category."""
    before, after = source_view(subject, subject.look), source_view(subject, dressed)
    change = np.abs(before.rgba.astype(np.int16) - after.rgba.astype(np.int16)).max(-1) > CHANGED_LEVELS
    label = REGION_LABELS[LABEL_OF.get(category, category)]
    own = (after.labels == label) | (before.labels == label)
    # A fold of the cheek that moves along with the nose need not be drawn anew.
    _, patches = cv2.connectedComponents((change | (after.labels == label)).astype(np.uint8), connectivity=8)
    touched = np.unique(patches[own & (patches > 0)])
    return soften(np.isin(patches, touched))


def hair_mask(subject: Subject) -> Array:
    """Where the source look shows hair."""
    return soften(source_view(subject, subject.look).labels == REGION_LABELS["hair"])


def picture_mask(portrait: Rgb, free: Rgb) -> Array:
    """Where a picture that was made without a mask differs from the portrait by more than an encoder's noise."""
    size = portrait.shape[0]
    before, after = (_lab(p, size) for p in (portrait, free))
    difference = after - before
    # A tint of the whole picture is no edit.
    difference -= np.median(difference.reshape(-1, 3), 0)
    return soften(np.linalg.norm(difference, axis=-1) > FREE_CHANGE)


def soften(inside: npt.NDArray[np.bool_]) -> Array:
    """Without speckles, grown, with a feather outwards; exactly 0 beyond it."""
    scale = inside.shape[0] / TUNED_PX
    _, patches, table, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    large = table[:, cv2.CC_STAT_AREA] > SPECKLE * inside.size
    large[0] = False
    core = cv2.dilate(large[patches].astype(np.uint8), _disc(GROW_PX * scale))
    # Distance from the core, so that nothing inside is thinned.
    away = cv2.distanceTransform(1 - core, cv2.DIST_L2, 5) if core.any() else np.full(core.shape, 1e6, np.float32)
    t = np.clip(1 - away / max(FEATHER_PX * scale, 1.0), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def union(first: Array, second: Array) -> Array:
    """Inside either."""
    return np.maximum(first, second)


def _disc(radius: float) -> Array:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def _lab(picture: Rgb, size: int) -> Array:
    blurred = cv2.GaussianBlur(picture.astype(np.float32) / 255, (0, 0), 3 * size / TUNED_PX)
    return np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB))
