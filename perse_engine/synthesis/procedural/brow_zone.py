"""Where the hairs of eyebrows grow: the person's own brows and what is added around them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.sampling import smoothstep
from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.brow_growth import BROWS, INNER, OUTER
from perse_engine.synthesis.procedural.outfit import to_lab
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.synthesis.procedural.strokes import landmark_uv, polygon_map

Array = npt.NDArray[Any]

TAILS = ((70, 46, 124, 156), (300, 276, 353, 383))
SOFT_MM = 0.8
"""How soft a brow's border is."""
OWN_HAIR = 0.35
GAPS_MM, SPURS_MM = 4.5, 2.2
INNER_END, TAIL = (-0.03, 0.30), (0.55, 1.05)
"""Shares of the way along a brow over which its hairs begin and thin out."""


def grown_zone(subject: Subject, thickness_mm: float, tail: float) -> Array:
    """How densely hairs stand, [A, A] in 0..1: less at the borders and at both ends."""
    texels = texels_per_mm(subject)
    own = own_hair(subject)
    if tail > 0:
        own = own | (polygon_map(subject, list(TAILS), 2.0) * min(tail, 1.0) > 0.4)
    away = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 5) / texels
    along = _along(own)
    begins, ends = smoothstep(along, *INNER_END), smoothstep(along, *TAIL)
    # What is added is widest where a brow is, and the tail runs out into a point.
    added = max(thickness_mm, 0.0) * (0.45 + 0.55 * begins) * (1 - 0.75 * ends)
    # Hairs reach about a millimetre beyond where they are rooted.
    zone = smoothstep(away - added, 0.6, -1.6) * (0.35 + 0.65 * begins) * (1 - 0.35 * ends)
    zone = cv2.GaussianBlur(zone.astype(np.float32), (0, 0), SOFT_MM * texels)
    return np.asarray(zone * (1 - smoothstep(subject.texel_maps["eyes"], 0.3, 0.8)) * (1 - _fringe(subject)))


def _along(own: Array) -> Array:
    """The way from the inner end (0) of brows to their tails (1) by column, [1, A]; the sides differ in length."""
    middle = ATLAS_PX / 2
    columns = np.arange(ATLAS_PX) + 0.5
    along = np.zeros(ATLAS_PX)
    for side in (-1, 1):
        away = side * (columns - middle)
        there = away[own.any(0) & (away > 0)]
        if len(there):
            along = np.where(away > 0, (away - there.min()) / max(np.ptp(there), 1.0), along)
    return along[None]


@remembered
def _fringe(subject: Subject) -> Array:
    """Hair of the head that lies over brows, [A, A] in 0..1; segmentation takes dark brows for hair, too."""
    hair, region = subject.texel_maps["hair"], subject.texel_maps["eyebrows"]
    _, parts = cv2.connectedComponents((hair > 0.3).astype(np.uint8))
    inside = np.bincount(parts.ravel(), weights=(region > 0.3).ravel()) / np.bincount(parts.ravel())
    fringe = smoothstep(hair, 0.15, 0.6) * (inside[parts] < 0.5)
    return np.asarray(cv2.GaussianBlur(fringe.astype(np.float32), (0, 0), 1.5))


@remembered
def own_hair(subject: Subject) -> Array:
    """Where the photo shows the person's brows, [A, A] bool."""
    region, texels = subject.texel_maps["eyebrows"], texels_per_mm(subject)
    outline = polygon_map(subject, list(BROWS), 1.5)
    head = subject.look.texture[:ATLAS_PX, :ATLAS_PX, :3]
    soft = cv2.GaussianBlur(region * _darker_than_around(head, region, 4.0 * texels), (0, 0), 1.5)
    line = soft > OWN_HAIR
    # One side of a face may lie in shadow: what is merely dark counts near what stands out.
    dark = cv2.GaussianBlur(region * darker_than_skin(head, region), (0, 0), 1.5) > OWN_HAIR
    own = line | (dark & (cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, 5) < 2.0 * texels))
    own &= cv2.dilate(outline, np.ones((9, 9))) > 0.2
    # Faint brows leave nothing to go by but the landmarks around them.
    if float(own.sum()) < 0.1 * float(outline.sum()):
        own = outline * region > OWN_HAIR
    size = round(GAPS_MM * texels)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    whole = cv2.morphologyEx(own.astype(np.float32), cv2.MORPH_CLOSE, kernel)
    soft = cv2.GaussianBlur(whole, (0, 0), 0.8 * texels)
    return np.asarray(_without_spurs((soft > 0.35) & (_fringe(subject) < 0.5), round(SPURS_MM * texels)))


def _without_spurs(own: Array, size: int) -> Array:
    """Brows without what sticks out of them; thin ones are left as they are."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    smooth = cv2.morphologyEx(own.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    return smooth if smooth.sum() > 0.7 * own.sum() else own


def texels_per_mm(subject: Subject) -> float:
    """Of the atlas, along the right brow."""
    uv = landmark_uv(subject)
    apart = np.linalg.norm(subject.landmark(INNER[0]) - subject.landmark(OUTER[0])) * 1000
    return float(np.linalg.norm(uv[INNER[0]] - uv[OUTER[0]]) / apart)


def _darker_than_around(head: Array, region: Array, reach: float) -> Array:
    """How much darker than the skin beside it, 0..1, within texels of reach."""
    lightness, skin = to_lab(head)[..., 0], smoothstep(region, 0.3, 0.05).astype(np.float32)
    around = cv2.GaussianBlur(lightness * skin, (0, 0), reach) / (cv2.GaussianBlur(skin, (0, 0), reach) + 1e-3)
    return smoothstep(around - lightness, 2, 11)


def darker_than_skin(head: Array, region: Array) -> Array:
    """How much darker than the skin around the brows' region, 0..1, [A, A]."""
    lightness = to_lab(head)[..., 0]
    ring = cv2.dilate(region, np.ones((15, 15))) * (1 - region)
    typical = float(np.median(lightness[ring > 0.5])) if (ring > 0.5).any() else 60.0
    return smoothstep(typical - lightness, 3, 18)
