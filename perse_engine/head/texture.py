"""The head's texture: the photo where it shows the head well, and a guess of what it does not show.

Filled in this order: the other side mirrored (rim of the face and sides), holes of the face from the face, hair from
streak noise in the colours of the real hair, under the jaw from skin. Constants were tuned by eye on three people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.atlas import ATLAS_PX, texel_angles
from perse_engine.head.backlight import without_backlight
from perse_engine.head.baked import Baked, fill, low_pass, per_azimuth
from perse_engine.head.hair_texture import complete_hair
from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.mesh_raster import bake, depth_map
from perse_engine.head.sampling import for_bilinear, sample, smoothstep
from perse_engine.head.scalp import HeadSurface, vertex_normals
from perse_engine.portrait.portrait import PortraitAnalysis

Array = npt.NDArray[Any]

TUNED_PX = 1536
"""Texel lengths below were tuned at this atlas size and are scaled to ATLAS_PX."""
DETAIL = (0.5, 1.7)
SEEN = (0.05, 0.4)
"""Even what is only half sure tells the shade that the hidden part beside it goes on with."""
GRAIN_PX, GRAIN = 1.1, 0.45
FRONT = 0.75
"""Cosine of the angle between a surface that faces the camera and the view."""
COARSE_STEP_PX = (2.5, 1.5)
"""Work px from texel to texel: where the atlas is too coarse for the photo, and where it is not."""


@dataclass(frozen=True)
class HeadTexture:
    """rgb [A, A, 3] float32 0..1; hair [A, A] 0..1, where the texture shows hair; hair_colour [3] or None if bald.

    weight [A, A], how well the photo shows the texel; place [A, A, 2], where on the work image it lies, px.
    """

    rgb: Array
    hair: Array
    hair_colour: Array | None
    weight: Array
    place: Array


def texture_head(
    analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, uv: Array, ears: Array
) -> HeadTexture:
    """Bake the photo and complete it. ears [S, S] 0..1: where on the photo the ears are, which hide what is behind."""
    return _complete(surface, _bake_photo(analysis, frame, surface, uv, ears))


def _bake_photo(analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, uv: Array, ears: Array) -> Baked:
    regions = analysis.regions
    size = frame.size_px
    projected = frame.project(surface.vertices)
    to_camera = frame.axes @ (-frame.centre) - surface.vertices
    to_camera /= np.linalg.norm(to_camera, axis=1)[:, None]
    facing = (vertex_normals(surface.vertices, surface.faces) * to_camera).sum(1)
    is_face = np.arange(len(surface.vertices)) < surface.face_count
    attributes = np.c_[projected, facing, is_face, surface.vertices[:, 1]]
    geometry, covered = bake(uv, surface.faces, attributes, (ATLAS_PX, ATLAS_PX))
    place, depth, facing_map, face = geometry[..., :2] - 0.5, geometry[..., 2], geometry[..., 3], geometry[..., 4] > 0.5
    nearest = depth_map(projected, surface.faces, size, size)
    visible = depth < sample(np.where(np.isfinite(nearest), nearest, 1e6), np.clip(place, 0, size - 1)) + 4
    head = cv2.GaussianBlur(np.clip(regions.person - regions.cloth, 0, 1), (0, 0), 2)
    # A grazing view of a cheek smears it over the side of the face.
    weight = np.where(face, smoothstep(facing_map, 0.07, 0.30), smoothstep(facing_map, 0.12, 0.40))
    weight = weight * smoothstep(sample(head, place), 0.75, 0.97) * visible * covered
    weight = weight * smoothstep(sample(cv2.erode(regions.person, np.ones((5, 5))), place), 0.6, 0.98)
    weight = weight * sample(regions.valid, place)
    # Near the silhouette only colours that look like this person count: the matte leaks.
    edge = cv2.distanceTransform((regions.person > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    trust = np.maximum(smoothstep(regions.familiarity, 0.35, 0.75), smoothstep(edge, 18, 40))
    inner = cv2.distanceTransform((regions.face_oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    trust_face = np.maximum(trust, smoothstep(inner, 10, 30))
    is_ear = sample(ears * smoothstep(cv2.GaussianBlur(regions.hair, (0, 0), 2), 0.5, 0.3), place)
    weight = weight * (1 - is_ear * smoothstep(facing_map, 0.6, 0.45))
    weight = weight * (1 - _lobe(frame, geometry[..., 5], sample(inner, place)) * face)
    edge_at = sample(edge, place)
    weight = weight * np.where(
        face,
        sample(trust_face, place) * smoothstep(edge_at, 2, 7),
        sample(trust, place) * smoothstep(edge_at, 4, 10),
    )
    colour = sample(analysis.work_rgb.astype(np.float32) / 255, place, is_sharp=True)
    hair = sample(regions.hair, place)
    grows = hair * np.where(face, _hair_grows(frame, geometry[..., 5], hair, face & (facing_map > FRONT)), 1)
    bare = face * (1 - sample(regions.lips, place)) * (1 - grows)
    calm = without_backlight(colour, weight, grows, bare, facing_map)
    weight = weight * (1 - _foreign(np.clip(colour, 0, 1), weight, face, facing_map))
    weight = weight * (1 - _tinged(np.clip(colour, 0, 1), weight * smoothstep(hair, 0.8, 0.95) * ~face, facing_map))
    # Slivers between two things that hide the cheek are shadows and edges.
    broad = cv2.morphologyEx(weight.astype(np.float32), cv2.MORPH_OPEN, _disc(17))
    weight = np.where(face, broad, weight)
    return Baked(
        colour=np.clip(calm + _fine(place)[..., None] * (for_bilinear(calm) - calm), 0, 1),
        weight=weight.astype(np.float32),
        hair=hair,
        skin=sample(regions.skin * (1 - regions.lips), place),
        is_face=face & covered,
        facing=facing_map,
        place=place,
    )


def _disc(size: int) -> Array:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


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
    """Where texels lie as close as the photo's pixels: elsewhere their differences are jumps, not detail."""
    down, right = (np.linalg.norm(np.gradient(place, axis=k), axis=-1) for k in (0, 1))
    return smoothstep(np.maximum(down, right), *COARSE_STEP_PX)


def _foreign(colour: Array, weight: Array, face: Array, facing: Array) -> Array:
    """How much a texel at the side of the face is not skin: background past a wrong outline, light from behind."""
    lab = cv2.cvtColor(np.ascontiguousarray(colour, np.float32), cv2.COLOR_RGB2LAB)
    front = lab[face & (facing > 0.75) & (weight > 0.9)]
    if len(front) < 500:
        return np.zeros_like(facing)
    middle = np.median(front, 0)
    spread = np.maximum(1.5 * np.median(np.abs(front - middle), 0), [5.0, 2.5, 3.0])
    blurred = cv2.GaussianBlur(lab, (0, 0), 3)
    off = (blurred - middle) / spread
    # Darker is shading, which is real; brighter, yellower or bluer than any of the front is not.
    strange = np.maximum(smoothstep(off[..., 0], 2.0, 3.5), smoothstep(np.hypot(off[..., 1], off[..., 2]), 3.0, 5.0))
    strange = strange * smoothstep(facing, 0.65, 0.45) * face
    # What surrounds foreign light is tinged with it.
    around = cv2.dilate(strange.astype(np.float32), _disc(9))
    return np.asarray(cv2.GaussianBlur(around, (0, 0), 2) * smoothstep(facing, 0.72, 0.55) * face)


def _tinged(colour: Array, hair: Array, facing: Array) -> Array:
    """How much hair near the silhouette has a hue that the rest has not: background through its strands."""
    lab = cv2.cvtColor(cv2.GaussianBlur(np.ascontiguousarray(colour, np.float32), (0, 0), 2), cv2.COLOR_RGB2LAB)
    front = lab[(facing > 0.6) & (hair > 0.9)][:, 1:]
    if len(front) < 500:
        return np.zeros_like(facing)
    middle = np.median(front, 0)
    spread = np.maximum(1.5 * np.median(np.abs(front - middle), 0), 3.0)
    off = np.hypot(*np.moveaxis((lab[..., 1:] - middle) / spread, -1, 0))
    return np.asarray(smoothstep(off, 2.5, 4.0) * smoothstep(facing, 0.65, 0.5) * (hair > 0))


def _complete(surface: HeadSurface, baked: Baked) -> HeadTexture:
    angle, azimuth = texel_angles()
    rim = per_azimuth(surface.azimuth, surface.rim_angle, azimuth)
    silhouette = per_azimuth(surface.azimuth, surface.silhouette_angle, azimuth)
    low = -np.sin(azimuth)
    colour, known = _mirror(baked, angle, rim)
    skin = fill(
        baked.colour, smoothstep(baked.weight, *SEEN) * smoothstep(baked.skin, 0.6, 0.9) * (angle > np.radians(30))
    )
    skin = skin * (1 - 0.25 * smoothstep(angle - rim, 0, np.radians(14)) * smoothstep(low, 0.3, 0.8))[..., None]
    # The fold between an ear and the skull lies in its shadow.
    ear = per_azimuth(surface.azimuth, surface.earness, azimuth)
    skin = skin * (1 - 0.10 * ear * np.exp(-(((np.degrees(angle - silhouette) - 9) / 5) ** 2)))[..., None]
    hair, is_hair, hair_colour = complete_hair(baked, surface, skin)
    under_jaw = smoothstep(low, 0.30, 0.55) * smoothstep(np.radians(155) - angle, 0, 0.5)
    local_hair = fill(baked.hair[..., None], baked.weight)[..., 0] if hair_colour is not None else np.zeros_like(angle)
    under_jaw = under_jaw * (1 - smoothstep(local_hair, 0.4, 0.75) * smoothstep(low, 0.93, 0.75))
    is_hair = is_hair * (1 - under_jaw)
    guess = hair * is_hair[..., None] + skin * (1 - is_hair[..., None])
    face_fill = fill(baked.colour, smoothstep(baked.weight, *SEEN) * baked.is_face)
    face_share = cv2.GaussianBlur(baked.is_face.astype(np.float32), (0, 0), 3) * smoothstep(
        rim - angle, 0, np.radians(6)
    )
    guess = guess * (1 - face_share[..., None]) + face_fill * face_share[..., None]
    guess = guess * (1 + (1 - is_hair) * _grain(baked))[..., None]
    sure = smoothstep(known, 0.0, 0.6)
    rgb = colour * sure[..., None] + guess * (1 - sure[..., None])
    hair_map = smoothstep(baked.hair, 0.3, 0.8) * sure + (1 - sure) * is_hair
    return HeadTexture(
        np.clip(rgb, 0, 1).astype(np.float32), hair_map.astype(np.float32), hair_colour, baked.weight, baked.place
    )


def _grain(baked: Baked) -> Array:
    """Noise as strong as the grain of the skin that the photo shows: without it, what was filled looks airbrushed."""
    luma = baked.colour.mean(-1)
    detail = luma / (cv2.GaussianBlur(luma, (0, 0), 2 * GRAIN_PX) + 0.02) - 1
    seen = (baked.weight > 0.9) & (baked.skin > 0.9) & baked.is_face
    strength = float(np.median(np.abs(detail[seen]))) if seen.sum() > 500 else 0.0
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal(luma.shape).astype(np.float32), (0, 0), GRAIN_PX)
    noise -= cv2.GaussianBlur(noise, (0, 0), 2 * GRAIN_PX)
    return noise * (GRAIN * strength / float(np.median(np.abs(noise))))


def _mirror(baked: Baked, angle: Array, rim: Array) -> tuple[Array, Array]:
    """Add the other side of the rim and sides: colour and how much is known.

    Only its detail: light falls from one side, so the large shades go on from what is known on this one.
    """
    other, other_weight = baked.colour[:, ::-1], baked.weight[:, ::-1]
    skin = smoothstep(baked.skin, 0.6, 0.9)
    detail = np.clip((other + 0.02) / (low_pass(other, other_weight * skin[:, ::-1]) + 0.02), *DETAIL)
    shade = fill(baked.colour, smoothstep(baked.weight, *SEEN) * skin)
    share = 0.9 * other_weight * (1 - baked.weight) * skin[:, ::-1]
    share = share * (angle < np.radians(100)) * (angle > rim - np.radians(22))
    total = baked.weight + share
    colour = (baked.colour * baked.weight[..., None] + shade * detail * share[..., None]) / np.maximum(total, 1e-5)[
        ..., None
    ]
    return colour, np.clip(total, 0, 1)
