"""How the head's atlas sees the photo: where on it a texel lies and how well it is shown, whatever the photo's colours.

Constants were tuned by eye on three people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.mesh_raster import bake, depth_map
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.scalp import HeadSurface, vertex_normals
from perse_engine.portrait.portrait import Regions

Array = npt.NDArray[Any]

FRONT = 0.75
"""Cosine of the angle between a surface that faces the camera and the view."""
COARSE_STEP_PX = (2.5, 1.5)
"""Work px from texel to texel: where the atlas is too coarse for the photo, and where it is not."""


@dataclass(frozen=True)
class PhotoView:
    """Maps over the atlas, [A, A] float32 but where it says otherwise.

    Attributes:
        place: where on the work image the texel lies, px, [A, A, 2].
        weight: how well the photo shows it, as far as its colours do not tell.
        facing: cosine between the surface and the way to the camera.
        is_face, covered: bool; of the face rather than the scalp, and of either.
        hair, skin: the photo's regions there; skin without lips.
        grows, bare: where hair is to be believed; skin of the face without it.
        fine: 1 where texels lie as close as the photo's pixels; elsewhere their differences are jumps, not detail.
    """

    place: Array
    weight: Array
    facing: Array
    is_face: npt.NDArray[np.bool_]
    covered: npt.NDArray[np.bool_]
    hair: Array
    skin: Array
    grows: Array
    bare: Array
    fine: Array


def photo_view(frame: HeadFrame, regions: Regions, surface: HeadSurface, uv: Array, ears: Array) -> PhotoView:
    """Look at the photo; uv [V, 2] are the surface's places in the atlas, ears [S, S] 0..1 hide what is behind them."""
    projected = frame.project(surface.vertices)
    to_camera = frame.axes @ (-frame.centre) - surface.vertices
    to_camera /= np.linalg.norm(to_camera, axis=1)[:, None]
    facing_at = (vertex_normals(surface.vertices, surface.faces) * to_camera).sum(1)
    is_face = np.arange(len(surface.vertices)) < surface.face_count
    attributes = np.c_[projected, facing_at, is_face, surface.vertices[:, 1]]
    geometry, covered = bake(uv, surface.faces, attributes, (ATLAS_PX, ATLAS_PX))
    place, depth, facing, face = geometry[..., :2] - 0.5, geometry[..., 2], geometry[..., 3], geometry[..., 4] > 0.5
    height = geometry[..., 5]
    nearest = depth_map(projected, surface.faces, frame.size_px, frame.size_px)
    shown = sample(np.where(np.isfinite(nearest), nearest, 1e6), np.clip(place, 0, frame.size_px - 1))
    weight = (depth < shown + 4) * covered * _trusted(regions, place, facing, face)
    is_ear = sample(ears * smoothstep(cv2.GaussianBlur(regions.hair, (0, 0), 2), 0.5, 0.3), place)
    weight = weight * (1 - is_ear * smoothstep(facing, 0.6, 0.45))
    weight = weight * (1 - _lobe(frame, height, sample(_inside(regions.face_oval), place)) * face)
    hair = sample(regions.hair, place)
    grows = hair * np.where(face, _hair_grows(frame, height, hair, face & (facing > FRONT)), 1)
    return PhotoView(
        place=place,
        weight=weight,
        facing=facing,
        is_face=face,
        covered=covered,
        hair=hair,
        skin=sample(regions.skin * (1 - regions.lips), place),
        grows=grows,
        bare=face * (1 - sample(regions.lips, place)) * (1 - grows),
        fine=_fine(place),
    )


def _trusted(regions: Regions, place: Array, facing: Array, face: Array) -> Array:
    """How much of what lies there on the photo is the person's, and not too much aslant, [A, A] 0..1."""
    head = cv2.GaussianBlur(np.clip(regions.person - regions.cloth, 0, 1), (0, 0), 2)
    # A grazing view of a cheek smears it over the side of the face.
    weight = np.where(face, smoothstep(facing, 0.07, 0.30), smoothstep(facing, 0.12, 0.40))
    weight = weight * smoothstep(sample(head, place), 0.75, 0.97)
    weight = weight * smoothstep(sample(cv2.erode(regions.person, np.ones((5, 5))), place), 0.6, 0.98)
    weight = weight * sample(regions.valid, place)
    # Near the silhouette only colours that look like this person count: the matte leaks.
    edge = _inside(regions.person)
    trust = np.maximum(smoothstep(regions.familiarity, 0.35, 0.75), smoothstep(edge, 18, 40))
    trust_face = np.maximum(trust, smoothstep(_inside(regions.face_oval), 10, 30))
    edge_at = sample(edge, place)
    return weight * np.where(
        face,
        sample(trust_face, place) * smoothstep(edge_at, 2, 7),
        sample(trust, place) * smoothstep(edge_at, 4, 10),
    )


def _inside(mask: Array) -> Array:
    """Distance to the mask's outline, px, 0 outside."""
    return np.asarray(cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5))


def _lobe(frame: HeadFrame, height: Array, inner: Array) -> Array:
    """At the height of the ears the rim of the face lies on their lobes; `inner` is the distance from the rim, px."""
    tragus, jaw = (float(frame.landmarks[list(pair), 1].mean()) for pair in ((234, 454), (172, 397)))
    lobe = smoothstep(height, jaw - 25, jaw + 12)
    return np.asarray(smoothstep(height, tragus + 8, tragus - 4) * smoothstep(inner, 9 + 11 * lobe, 4 + 5 * lobe))


def _hair_grows(frame: HeadFrame, height: Array, hair: Array, front: Array) -> Array:
    """Where hair on the face is to be believed, [A, A] 0..1: below the brows only of a face with a beard."""
    brow = float(frame.landmarks[[105, 334], 1].mean())
    low = front & (height < float(frame.landmarks[[61, 291], 1].mean()))
    beard = float(smoothstep(hair[low].mean() if low.any() else 0.0, 0.05, 0.2))
    return np.asarray(np.maximum(smoothstep(height, brow - 6, brow + 6), beard))


def _fine(place: Array) -> Array:
    down, right = (np.linalg.norm(np.gradient(place, axis=k), axis=-1) for k in (0, 1))
    return smoothstep(np.maximum(down, right), *COARSE_STEP_PX)
