"""Headphones: a band over crown and hair, cups and cushions over the ears. With the weight they grow to full size.

Between two variants they are one pair of a size and colour between theirs.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import ConvexHull

from perse_engine.synthesis.procedural.anchors import face_width, head_triangles
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import HEADPHONES, colour
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.shadow import contact_shadow
from perse_engine.synthesis.procedural.solids import Solid, lathe, lit_sphere, part, ring_faces, tube
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Build:
    """Metres: radius, thickness of cushion and shell of a cup; half width and half thickness of the band."""

    cup: float
    cushion: float
    shell: float
    band_width: float
    band_thickness: float


BUILDS = {
    "over-ear": _Build(0.036, 0.015, 0.019, 0.0150, 0.0042),
    "on-ear": _Build(0.026, 0.009, 0.009, 0.0065, 0.0022),
}
WIDEST_M, NEAR_M = 0.019, 1e-5
TALL = 1.18
"""Cups are taller than wide."""
DARK = (0.075, 0.075, 0.08)


def headphones(outfit: Outfit, worn: Worn) -> None:
    """Add band and cups, and their shadow on the head."""
    weight = worn.weight
    # What is seen of a cup grows evenly.
    root = weight**0.5
    build = _Build(*worn.mean(lambda spec: np.array(astuple(chosen(BUILDS, spec, "type")))))
    shell = worn.mean(_shell)
    headset = worn.mean(lambda spec: float(spec.slots["style"] == "headset"))
    padded = worn.mean(lambda spec: float(spec.slots["style"] != "slim"))
    parts: list[AddedPart] = []
    ends = []
    for sign in (-1.0, 1.0):
        seat, out = _seat(outfit, sign, build)
        parts += [_grown(piece, seat, root) for piece in _cup(seat, out, build, shell)]
        if headset > 0 and sign > 0:
            parts.append(_grown(_boom(outfit, seat, out, build), seat, root * headset))
        ends.append(seat + root * (build.cushion + 0.45 * build.shell) * out)
    path = _over_the_crown(outfit, ends, build, weight)
    parts += _band(path, build, shell, weight, padded)
    contact_shadow(outfit, parts, 0.55 * weight)
    outfit.parts += parts


def _shell(spec: VariantSpec) -> Array:
    tone = colour(HEADPHONES, spec.slots["colour"], "headphones")
    return lit_sphere(tone, "metal" if spec.slots["colour"] == "silver" else "plastic")


def _seat(outfit: Outfit, sign: float, build: _Build) -> tuple[Array, Array]:
    """The middle of a cushion's inner side, which presses the hair a little, and the way out of the head."""
    width = face_width(outfit)
    tragus = outfit.landmark(234 if sign < 0 else 454)
    centre = tragus + np.array([0.0, 0.02 * width, -0.10 * width])
    points = head_triangles(outfit).reshape(-1, 3)
    beside = (sign * points[:, 0] > 0) & (np.hypot(*(points - centre)[:, 1:].T) < build.cup)
    surface = np.percentile(sign * points[beside, 0], 45) if beside.any() else sign * tragus[0]
    centre[0] = sign * max(float(surface), sign * float(tragus[0]) + 0.03 * width)
    out = np.array([sign, 0.06, 0.10])
    return centre, out / np.linalg.norm(out)


def _cup(seat: Array, out: Array, build: _Build, shell: Array) -> list[AddedPart]:
    r, a, b = build.cup, build.cushion, build.shell
    turn = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 9)
    pad = np.stack([r - 0.42 * a + 0.42 * a * np.cos(turn), a * (0.5 + 0.5 * np.sin(turn))], -1)
    cushion = np.vstack([[0.45 * r, 0.0], pad, [0.0, a]])
    plate = [(0.0, a), (0.93 * r, a), (0.97 * r, a + 0.08 * b), (0.97 * r, a + 0.40 * b), (0.93 * r, a + 0.52 * b)]
    dome = [(0.80 * r, a + 0.72 * b), (0.66 * r, a + 0.80 * b), (0.64 * r, a + 0.78 * b), (0.62 * r, a + 0.80 * b)]
    cap = [(0.56 * r, a + 0.92 * b), (0.30 * r, a + 0.99 * b), (0.0, a + b)]
    ring = np.array(
        [(0.90 * r, a + 0.50 * b), (0.955 * r, a + 0.50 * b), (0.955 * r, a + 0.58 * b), (0.86 * r, a + 0.66 * b)]
    )
    pieces = [
        (cushion, lit_sphere(DARK, "cloth")),
        (np.array([*plate, *dome, *cap]), shell),
        (ring, lit_sphere((0.62, 0.63, 0.66), "metal")),
    ]
    return [part(_tall(lathe(profile, seat, out, 44), seat), texture, "headphones") for profile, texture in pieces]


def _tall(solid: Solid, seat: Array) -> Solid:
    vertices = solid[0].copy()
    vertices[:, 1] = seat[1] + TALL * (vertices[:, 1] - seat[1])
    return vertices, solid[1]


def _boom(outfit: Outfit, seat: Array, out: Array, build: _Build) -> AddedPart:
    """A microphone on an arm that ends beside the mouth."""
    start = seat + (build.cushion + 0.5 * build.shell) * out
    corner = outfit.landmark(291)
    end = corner + np.array([0.016, -0.008, 0.016])
    s = np.linspace(0, 1, 30)[:, None]
    bow = start * (1 - s) ** 2 + 2 * s * (1 - s) * np.array([start[0], end[1] - 0.012, end[2]]) + end * s**2
    thick = 0.0017 + 0.0034 * np.clip((s[:, 0] - 0.86) / 0.03, 0, 1)
    return part(tube(bow, thick), lit_sphere(DARK, "plastic"), "headphones")


def _over_the_crown(outfit: Outfit, ends: list[Array], build: _Build, weight: float) -> Array:
    """From cup to cup along the hull of the head and its hair, [P, 3]."""
    middle = (ends[0] + ends[1]) / 2
    points = head_triangles(outfit).reshape(-1, 3)
    # As wide for every band, or what is between two would jump from one bump of the hair to the next.
    slab = (np.abs(points[:, 2] - middle[2]) < WIDEST_M) & (points[:, 1] > middle[1])
    around = np.vstack([points[slab], *(e[None] + np.array([[0, dy, 0]]) for e in ends for dy in (0.0, 0.018))])
    hull = around[ConvexHull(around[:, :2]).vertices][:, :2] - middle[:2]
    angle = np.linspace(np.arctan2(*(ends[0] - middle)[:2]), np.arctan2(*(ends[1] - middle)[:2]), 121)
    radius = _from_within(hull, angle)
    # The ends are seen along an edge of the outline, or lie within it.
    radius[[0, -1]] = np.linalg.norm((ends[0] - middle)[:2])
    ease = np.sin(np.linspace(0, np.pi, len(angle))) ** 0.4
    radius = radius + ease * (gaussian_filter1d(radius, 5.0, mode="nearest") - radius)
    radius += ease * (0.0015 + (build.band_thickness + 0.002) * weight)
    z = np.linspace(ends[0][2], ends[1][2], len(angle))
    return np.stack([middle[0] + radius * np.sin(angle), middle[1] + radius * np.cos(angle), z], -1)


def _from_within(hull: Array, angle: Array) -> Array:
    """How far a convex outline [P, 2] around the origin reaches at angles from the second axis, metres.

    The origin may lie on an edge, of which then nothing counts but its ends.
    """
    start, along = hull, np.roll(hull, -1, 0) - hull
    ray = np.stack([np.sin(angle), np.cos(angle)], -1)[:, None]

    def cross(a: Array, b: Array) -> Array:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]

    size = cross(ray, along)
    far = cross(start, along) / np.where(np.abs(size) < NEAR_M**2, np.inf, size)
    share = cross(start, ray) / np.where(np.abs(size) < NEAR_M**2, np.inf, size)
    is_hit = (share >= -1e-6) & (share <= 1 + 1e-6) & (np.abs(size) >= NEAR_M**2)
    return np.asarray(np.where(is_hit, far, 0).max(1))


def _band(path: Array, build: _Build, shell: Array, weight: float, padded: float) -> list[AddedPart]:
    """The band; its pad is another one, thicker inside and shorter, `padded` of its thickness."""
    thick, wide = weight * build.band_thickness, weight * build.band_width
    # It narrows to the arms that hold the cups.
    share = 0.45 + 0.55 * np.sin(np.linspace(0, np.pi, len(path))) ** 0.55
    pieces = [part(_sweep(path, thick, wide * share), shell, "headphones")]
    if padded > 0:
        middle = slice(len(path) // 4, -(len(path) // 4))
        end = np.sin(np.linspace(0, np.pi, len(path[middle]))) ** 0.2
        pad = _sweep(path[middle], 1.2 * padded * thick, 0.93 * wide * share[middle] * end, inwards=0.75 * thick)
        pieces.append(part(pad, lit_sphere(DARK, "cloth"), "headphones"))
    return pieces


def _sweep(path: Array, thick: float, wide: Array, inwards: float = 0.0) -> Solid:
    """A rounded rectangle along a path that lies across the head."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1)[:, None]
    depth = np.array([0.0, 0.0, 1.0])
    out = np.cross(depth, along)
    out *= np.sign((out * (path - path.mean(0))).sum())
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    c, s = (np.sign(f) * np.abs(f) ** 0.55 for f in (np.cos(turn), np.sin(turn)))
    ring = thick * c[None, :, None] * out[:, None] + wide[:, None, None] * s[None, :, None] * depth
    grid = (path - inwards * out)[:, None] + ring
    faces = ring_faces(len(path), len(turn))
    corners = grid.reshape(-1, 3)[faces[:2]]
    normal = np.cross(corners[0, 1] - corners[0, 0], corners[0, 2] - corners[0, 0])
    is_outward = normal @ (corners[0].mean(0) - grid[0].mean(0)) > 0
    return grid.reshape(-1, 3), faces if is_outward else faces[:, [0, 2, 1]]


def _grown(piece: AddedPart, seat: Array, weight: float) -> AddedPart:
    return replace(piece, vertices=seat + weight * (piece.vertices - seat))
