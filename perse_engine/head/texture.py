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

from perse_engine.head.atlas import texel_angles
from perse_engine.head.backlight import without_backlight
from perse_engine.head.baked import Baked, fill, low_pass, per_azimuth
from perse_engine.head.hair_texture import complete_hair
from perse_engine.head.photo_view import PhotoView
from perse_engine.head.sampling import for_bilinear, sample, smoothstep
from perse_engine.head.scalp import HeadSurface

Array = npt.NDArray[Any]

TUNED_PX = 1536
"""Texel lengths below were tuned at this atlas size and are scaled to ATLAS_PX."""
DETAIL = (0.5, 1.7)
SEEN = (0.05, 0.4)
"""Even what is only half sure tells the shade that the hidden part beside it goes on with."""
GRAIN_PX, GRAIN = 1.1, 0.45


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


def texture_head(surface: HeadSurface, view: PhotoView, picture: npt.NDArray[np.uint8]) -> HeadTexture:
    """Bake a picture of the photo's view [S, S, 3], the photo or the photo in other light, and complete it."""
    return _complete(surface, _baked(view, picture))


def seen_texture(view: PhotoView, picture: npt.NDArray[np.uint8]) -> HeadTexture:
    """The picture as it is where it shows the head; hair goes on smoothly beyond. Enough to tell the light by."""
    hair = fill(smoothstep(view.hair, 0.3, 0.8)[..., None], view.weight)[..., 0]
    colour = sample(picture.astype(np.float32) / 255, view.place)
    return HeadTexture(colour.astype(np.float32), hair.astype(np.float32), None, view.weight, view.place)


def _baked(view: PhotoView, picture: npt.NDArray[np.uint8]) -> Baked:
    facing, face = view.facing, view.is_face
    colour = sample(picture.astype(np.float32) / 255, view.place, is_sharp=True)
    calm = without_backlight(colour, view.weight, view.grows, view.bare, facing)
    clipped = np.clip(colour, 0, 1)
    weight = view.weight * (1 - _foreign(clipped, view.weight, face, facing))
    weight = weight * (1 - _tinged(clipped, weight * smoothstep(view.hair, 0.8, 0.95) * ~face, facing))
    # Slivers between two things that hide the cheek are shadows and edges.
    broad = cv2.morphologyEx(weight.astype(np.float32), cv2.MORPH_OPEN, _disc(17))
    weight = np.where(face, broad, weight)
    return Baked(
        colour=np.clip(calm + view.fine[..., None] * (for_bilinear(calm) - calm), 0, 1),
        weight=weight.astype(np.float32),
        hair=view.hair,
        skin=view.skin,
        is_face=face & view.covered,
        facing=facing,
        place=view.place,
    )


def _disc(size: int) -> Array:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


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
