"""Light as irradiance in spherical harmonics: what it makes of a colour, and of a subject's textures.

Nine coefficients per channel hold 99 % of what a distant light does to a matt surface (Ramamoorthi and Hanrahan 2001).
They multiply plain polynomials of the normal, so that (1, 0, 0...) is light that changes nothing. A power of 2.2 stands
for sRGB's curve: light is then a factor of a stored colour, and what one factor takes off the same factor gives back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from perse_engine.head.mesh_raster import bake
from perse_engine.head.rig import Rig
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS, TexturedRig
from perse_engine.scene import FloatArray, Pose
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

POWER = 2.2
DARKEST = 0.5
"""Irradiance turns smoothly from falling to constant about here, at half of it; brighter noise than that is grain."""
CELL_M, REACH_M = 0.005, 0.009
"""Normals are means over so far: creases and nostrils are dark because little of the sky is seen from there, which no
normal tells, and the geometry of lids and lips is a guess."""
LEAST_M2 = 1e-8
INSIDE = ("mouth", "eyes", "irises", "ears", "eyeglasses")
"""What takes the light of the skin around it."""
MATT = {"hair": 0.5, "cloth": 0.7}
"""How much of the light's directions shows on what is not skin: strands and folds face everywhere, and have
the rest of their light as what faces the front."""
NECK = 0.5
"""The same of the neck's skin, which light from what one wears reaches where the face's light does not."""
FRONT = np.array([0.0, 0.0, 1.0])


def even_light() -> FloatArray:
    """Light that changes nothing, [9, 3] float32."""
    light = np.zeros((9, 3), np.float32)
    light[0] = 1
    return light


def basis(normals: Array) -> Array:
    """The nine polynomials of normals [..., 3], [..., 9]: 1; y z x; xy yz (3zz-1)/2 xz (xx-yy)/2.

    A mean of normals is shorter than 1, and has less of the light's directions.
    """
    x, y, z = np.moveaxis(normals, -1, 0)
    around = z * z - (x * x + y * y) / 2
    return np.stack([np.ones_like(x), y, z, x, x * y, y * z, around, x * z, (x * x - y * y) / 2], -1)


def irradiance(light: Array, normals: Array) -> Array:
    """Relative irradiance, linear and positive, of normals [..., 3] in the world frame, [..., 3] by channel."""
    return floored(basis(normals) @ light)


def floored(polynomial: Array) -> Array:
    """Positive, smooth, and 1 at 1: nine coefficients go below 0 where a hard light does not reach."""
    return np.asarray((polynomial + np.hypot(polynomial, DARKEST)) / (1 + np.hypot(1, DARKEST)))


def gains(light: Array, normals: Array, share: float = 1.0) -> FloatArray:
    """The factor of a stored sRGB colour in a share 0..1 of the light, [..., 3] float32."""
    return np.asarray(irradiance(even_light() + share * (light - even_light()), normals) ** (1 / POWER), np.float32)


def soft_normals(points: Array, normals: Array, at: Array, own: Array) -> FloatArray:
    """Mean normals over REACH_M of a surface known by points [P, 3] m with area-weighted normals [P, 4].

    Read at places `at` [M, 3] whose own normals [M, 3] count where no surface is near. The fourth column is the area.
    """
    everything = np.vstack([points, at])
    low = everything.min(0) - 4 * REACH_M
    size = np.ceil((everything.max(0) + 4 * REACH_M - low) / CELL_M).astype(int) + 1
    cell = np.ravel_multi_index(tuple(np.round((points - low) / CELL_M).astype(int).T), size)
    where = ((at - low) / CELL_M).T
    sums = LEAST_M2 * np.c_[own, np.ones(len(own))].astype(np.float64)
    for k in range(4):
        grid = np.bincount(cell, normals[:, k], int(size.prod())).reshape(size)
        sums[:, k] += map_coordinates(gaussian_filter(grid, REACH_M / CELL_M), where, order=1)
    return np.asarray(sums[:, :3] / sums[:, 3:], np.float32)


def rest_normals(look: TexturedRig) -> FloatArray:
    """Shading normals of a look's vertices at rest, [V, 3] float32."""
    vertices = look.rig.vertices
    own = vertex_normals(vertices, look.faces)
    # Thin tubes: the light of one side is the light of the other, or edges on the photo would be stripes in even light.
    own[look.faces[look.face_part == PARTS.index("eyeglasses")]] = FRONT
    return soft_normals(*outer_surface(look), vertices, own)


def outer_surface(look: TexturedRig) -> tuple[Array, Array]:
    """Middles [F, 3] m, and normals and areas [F, 4] of a look's triangles at rest, without INSIDE."""
    inside = [PARTS.index(p) for p in INSIDE]
    faces = look.faces[~np.isin(look.face_part, inside)]
    corners = look.rig.vertices[faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    area = np.linalg.norm(normals, axis=1)
    u, v = look.uv[faces].mean(1).astype(int).T
    directed = np.ones(256)
    for region, share in MATT.items():
        directed[REGION_LABELS[region]] = share
    still = look.face_part[~np.isin(look.face_part, inside)] == PARTS.index("torso")
    share = np.minimum(directed[look.labels[v, u]], np.where(still, NECK, 1.0))[:, None]
    return corners.mean(1), np.c_[share * normals + (1 - share) * area[:, None] * FRONT, area]


def posed_normals(rig: Rig, normals: FloatArray, pose: Pose) -> FloatArray:
    """Normals [V, 3] of a rig's vertices at rest, turned with the head; what expressions do to them is left out."""
    return turned(normals, rig.bone_weights[:, 0], pose)


def turned(normals: FloatArray, still: FloatArray, pose: Pose) -> FloatArray:
    """Normals [N, 3] turned with the head, but for the share `still` [N] that the torso holds."""
    share = still[:, None]
    return np.asarray(share * normals + (1 - share) * (normals @ pose.rotation().T), np.float32)


def lit_texture(look: TexturedRig, texture: FloatArray, light: Array, pose: Pose, share: float = 1.0) -> FloatArray:
    """A texture [H, W, 4] of the look in a share of the light on the posed head."""
    normals = posed_normals(look.rig, rest_normals(look), pose)
    # Where several triangles share texels, the one that faces the camera has the last word.
    order = np.argsort(normals[look.faces, 2].sum(1), kind="stable")
    factor, covered = bake(look.uv, look.faces[order], gains(light, normals, share), texture.shape[1::-1])
    return np.dstack([np.clip(texture[..., :3] * np.where(covered[..., None], factor, 1), 0, 1), texture[..., 3]])
