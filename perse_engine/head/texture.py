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
from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.mesh_raster import bake, depth_map
from perse_engine.head.sampling import push_pull, sample, smoothstep
from perse_engine.head.scalp import HeadSurface, vertex_normals
from perse_engine.head.strands import strand_noise
from perse_engine.portrait.portrait import PortraitAnalysis

Array = npt.NDArray[Any]

TUNED_PX = 1536
"""Texel lengths below were tuned at this atlas size and are scaled to ATLAS_PX."""


@dataclass(frozen=True)
class Baked:
    """The photo in atlas space: colour [A, A, 3], weight [A, A] (how much to trust it), region maps, geometry."""

    colour: Array
    weight: Array
    hair: Array
    skin: Array
    is_face: Array
    facing: Array
    place: Array


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


def texture_head(analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, uv: Array) -> HeadTexture:
    """Bake the photo and complete it."""
    return _complete(surface, _bake_photo(analysis, frame, surface, uv))


def _bake_photo(analysis: PortraitAnalysis, frame: HeadFrame, surface: HeadSurface, uv: Array) -> Baked:
    regions = analysis.regions
    size = frame.size_px
    projected = frame.project(surface.vertices)
    to_camera = frame.axes @ (-frame.centre) - surface.vertices
    to_camera /= np.linalg.norm(to_camera, axis=1)[:, None]
    facing = (vertex_normals(surface.vertices, surface.faces) * to_camera).sum(1)
    is_face = np.arange(len(surface.vertices)) < surface.face_count
    attributes = np.c_[projected, facing, is_face]
    geometry, covered = bake(uv, surface.faces, attributes, (ATLAS_PX, ATLAS_PX))
    place, depth, facing_map, face = geometry[..., :2] - 0.5, geometry[..., 2], geometry[..., 3], geometry[..., 4] > 0.5
    nearest = depth_map(projected, surface.faces, size, size)
    visible = depth < sample(np.where(np.isfinite(nearest), nearest, 1e6), np.clip(place, 0, size - 1)) + 4
    head = cv2.GaussianBlur(np.clip(regions.person - regions.cloth, 0, 1), (0, 0), 2)
    weight = np.where(face, smoothstep(facing_map, 0.0, 0.14), smoothstep(facing_map, 0.12, 0.40))
    weight = weight * smoothstep(sample(head, place), 0.75, 0.97) * visible * covered
    weight = weight * smoothstep(sample(cv2.erode(regions.person, np.ones((5, 5))), place), 0.6, 0.98)
    weight = weight * sample(regions.valid, place)
    # Near the silhouette only colours that look like this person count: the matte leaks.
    edge = cv2.distanceTransform((regions.person > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    trust = np.maximum(smoothstep(regions.familiarity, 0.35, 0.75), smoothstep(edge, 18, 40))
    inner = cv2.distanceTransform((regions.face_oval > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    trust_face = np.maximum(trust, smoothstep(inner, 10, 30))
    edge_at = sample(edge, place)
    weight = weight * np.where(
        face,
        sample(trust_face, place) * smoothstep(edge_at, 2, 7),
        sample(trust, place) * smoothstep(edge_at, 4, 10),
    )
    return Baked(
        colour=sample(analysis.work_rgb.astype(np.float32) / 255, place),
        weight=weight.astype(np.float32),
        hair=sample(regions.hair, place),
        skin=sample(regions.skin * (1 - regions.lips), place),
        is_face=face & covered,
        facing=facing_map,
        place=place,
    )


def _complete(surface: HeadSurface, baked: Baked) -> HeadTexture:
    angle, azimuth = texel_angles()
    rim = per_azimuth(surface.azimuth, surface.rim_angle, azimuth)
    silhouette = per_azimuth(surface.azimuth, surface.silhouette_angle, azimuth)
    low = -np.sin(azimuth)
    colour, known = _mirror(baked, angle, rim)
    skin = _fill(baked.colour, baked.weight * smoothstep(baked.skin, 0.6, 0.9) * (angle > np.radians(30)))
    skin = skin * (1 - 0.25 * smoothstep(angle - rim, 0, np.radians(14)) * smoothstep(low, 0.3, 0.8))[..., None]
    hair, is_hair, hair_colour = _hair(baked, skin, angle, azimuth, rim, silhouette)
    under_jaw = smoothstep(low, 0.30, 0.55) * smoothstep(np.radians(155) - angle, 0, 0.5)
    local_hair = _fill(baked.hair[..., None], baked.weight)[..., 0] if hair_colour is not None else np.zeros_like(angle)
    under_jaw = under_jaw * (1 - smoothstep(local_hair, 0.4, 0.75) * smoothstep(low, 0.93, 0.75))
    is_hair = is_hair * (1 - under_jaw)
    guess = hair * is_hair[..., None] + skin * (1 - is_hair[..., None])
    face_fill = _fill(baked.colour, baked.weight * baked.is_face)
    face_share = cv2.GaussianBlur(baked.is_face.astype(np.float32), (0, 0), 3) * smoothstep(
        rim - angle, 0, np.radians(6)
    )
    guess = guess * (1 - face_share[..., None]) + face_fill * face_share[..., None]
    sure = smoothstep(known, 0.0, 0.6)
    rgb = colour * sure[..., None] + guess * (1 - sure[..., None])
    hair_map = smoothstep(baked.hair, 0.3, 0.8) * sure + (1 - sure) * is_hair
    return HeadTexture(
        np.clip(rgb, 0, 1).astype(np.float32), hair_map.astype(np.float32), hair_colour, baked.weight, baked.place
    )


def per_azimuth(at: Array, values: Array, azimuth: Array) -> Array:
    """Interpolate a periodic function of the azimuth, known at `at`, [A, A] float32."""
    grid = np.linspace(-np.pi, np.pi, 721)
    turns = np.r_[at - 2 * np.pi, at, at + 2 * np.pi]
    table = np.interp(grid, turns, np.r_[values, values, values])
    return np.interp(azimuth.ravel(), grid, table).reshape(azimuth.shape).astype(np.float32)


def _mirror(baked: Baked, angle: Array, rim: Array) -> tuple[Array, Array]:
    """Add the other side of the rim and sides, its brightness matched locally: colour and how much is known."""

    def low_pass(image: Array) -> Array:
        small = cv2.resize(image, (ATLAS_PX // 8, ATLAS_PX // 8), interpolation=cv2.INTER_AREA)
        return cv2.resize(cv2.GaussianBlur(small, (0, 0), 6 * ATLAS_PX / TUNED_PX), (ATLAS_PX, ATLAS_PX))

    other, other_weight = baked.colour[:, ::-1], baked.weight[:, ::-1]
    both = (baked.weight * other_weight)[..., None]
    gain = np.clip((low_pass(baked.colour * both) + 0.02) / (low_pass(other * both) + 0.02), 0.6, 1.6)
    share = 0.9 * other_weight * (1 - baked.weight) * (baked.hair[:, ::-1] < 0.5)
    share = share * (angle < np.radians(100)) * (angle > rim - np.radians(22))
    total = baked.weight + share
    colour = (baked.colour * baked.weight[..., None] + other * gain * share[..., None]) / np.maximum(total, 1e-5)[
        ..., None
    ]
    return colour, np.clip(total, 0, 1)


def _fill(image: Array, weight: Array) -> Array:
    """Push-pull at half resolution, [A, A, C]."""
    half = ATLAS_PX // 2

    def down(x: Array) -> Array:
        return cv2.resize(x.astype(np.float32), (half, half), interpolation=cv2.INTER_AREA)

    small_weight = down(weight)
    small = down(image * weight[..., None]).reshape(half, half, -1) / np.maximum(small_weight, 1e-6)[..., None]
    filled = cv2.resize(push_pull(small, small_weight), (ATLAS_PX, ATLAS_PX), interpolation=cv2.INTER_LINEAR)
    return filled.reshape(ATLAS_PX, ATLAS_PX, -1)


def _hair(
    baked: Baked, skin: Array, angle: Array, azimuth: Array, rim: Array, silhouette: Array
) -> tuple[Array, Array, Array | None]:
    """Guessed hair everywhere, where there is hair in the guess, and the median hair colour."""
    well_seen = baked.weight * smoothstep(baked.hair, 0.65, 0.92) * ~baked.is_face
    if well_seen.sum() < 4000 * (ATLAS_PX / TUNED_PX) ** 2:
        return skin, np.zeros_like(angle), None
    core = (well_seen > 0.7) & (baked.hair > 0.95) & (baked.weight > 0.9) & (angle > rim + np.radians(8))
    if core.sum() < 100:
        core = well_seen > 0.3
    median = np.median(baked.colour[core], 0)
    base = 0.35 * _fill(baked.colour, well_seen**2) + 0.65 * median
    # Strands vary as much as the real hair does around its own local mean.
    spread = float(np.std((baked.colour - base)[core].mean(-1)) / max(float(median.mean()), 1e-3))
    streaks = 0.75 * strand_noise(1, 0.8) + 0.5 * strand_noise(2, 4.0, 40.0)
    hair = base * np.exp(np.clip(0.45 * spread, 0.04, 0.11) * streaks)[..., None]
    up = np.sin(azimuth)
    near = _fill(baked.hair[..., None], baked.weight)[..., 0]
    beyond = smoothstep(angle - silhouette, 0, np.radians(9)) * smoothstep(up, -0.55, -0.3)
    on_top = smoothstep(up, 0.05, 0.2) * smoothstep(angle - silhouette, np.radians(-22), np.radians(-12))
    is_hair = np.maximum(np.maximum(smoothstep(near, 0.35, 0.65), beyond), on_top)
    return hair, is_hair, median
