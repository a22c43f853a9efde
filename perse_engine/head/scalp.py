"""The cranium with its hair: a star-shaped shell of spokes that starts at the face oval and closes behind.

Each of the 144 rim vertices is a spoke with azimuth phi and polar angle alpha from the head frame's +z. Along it the
radius is interpolated (PCHIP) between the rim, the silhouette that the photo shows, and an assumed back of the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.sampling import sample, smoothstep
from perse_engine.head.subdivision import fine_face
from perse_engine.portrait.portrait import Regions

Array = npt.NDArray[Any]

RINGS = 40
BACK_MM = 96.0
"""Radius behind C without hair; with 98 mm to the glabella, a head length of 194 mm (adult mean 187-197 mm)."""
SKULL_MM = 86.0
MAX_HAIR_MM = 175.0
SILHOUETTE_STEP_PX = 1.5
HAIR_OVER_EAR_MM = 12.0
"""Hair over an ear is at least so much wider than the ear."""


@dataclass(frozen=True)
class HeadSurface:
    """Face and scalp as one mesh in the head frame.

    Attributes:
        vertices: [Vh, 3] mm; the first `face_count` are the fine face.
        faces: [Fh, 3] int32, counter-clockwise from outside; the first `face_triangles` are the face's.
        displace: [Vh, 468] sparse: displacement of all vertices from one of the 468 landmarks.
        rim: [144] face vertices in order of azimuth.
        azimuth, rim_angle, silhouette_angle: [144] radians, per spoke; outline: [144] mm, the silhouette's radius, ears
            included; earness: [144] 0..1, an ear sticks out there.
        hair_volume: 0..1, how far the hair stands off the skull: cropped to full.
        ring_angle: [144, RINGS] polar angle of each scalp vertex.
    """

    vertices: Array
    faces: npt.NDArray[np.int32]
    face_count: int
    face_triangles: int
    displace: Any
    rim: npt.NDArray[np.int32]
    azimuth: Array
    rim_angle: Array
    silhouette_angle: Array
    outline: Array
    earness: Array
    hair_volume: float
    ring_angle: Array


@dataclass(frozen=True)
class _Spokes:
    azimuth: Array
    rim_angle: Array
    rim_radius: Array
    silhouette_angle: Array
    silhouette_radius: Array
    lowness: Array
    earness: Array
    back: float
    hair_volume: float


def head_surface(frame: HeadFrame, regions: Regions) -> HeadSurface:
    """Build face and scalp."""
    fine = fine_face()
    face = np.asarray(fine.operator @ frame.landmarks[:468])
    rim = face[fine.rim]
    order = np.argsort(np.arctan2(rim[:, 1], rim[:, 0]))
    rim_index, rim = fine.rim[order], rim[order]
    spokes = _measure(frame, regions, rim)
    angle, radius = _rings(spokes)
    phi = spokes.azimuth[:, None]
    directions = np.stack([np.sin(angle) * np.cos(phi), np.sin(angle) * np.sin(phi), np.cos(angle)], -1)
    scalp = directions * radius[..., None]
    scalp[:, -1] = np.array([0.0, 0.0, -radius[:, -1].mean()])
    vertices = np.vstack([face, scalp.reshape(-1, 3)])
    face_faces = _outward(vertices, fine.faces)
    faces = np.vstack([face_faces, _outward(vertices, _scalp_faces(rim_index, len(face)))]).astype(np.int32)
    # The scalp follows the rim vertex of its spoke, less and less over 50 degrees.
    falloff = 1 - smoothstep(angle - spokes.rim_angle[:, None], 0, np.radians(50))
    follow = sp.csr_matrix(
        (falloff.ravel(), (np.arange(falloff.size), np.repeat(rim_index, RINGS))), shape=(falloff.size, len(face))
    )
    displace = sp.csr_matrix(sp.vstack([sp.eye(len(face)), follow])) @ fine.operator
    return HeadSurface(
        vertices, faces, len(face), len(face_faces), displace.tocsr(), rim_index,
        spokes.azimuth, spokes.rim_angle, spokes.silhouette_angle, spokes.silhouette_radius, spokes.earness,
        spokes.hair_volume, angle,
    )  # fmt: skip


def _measure(frame: HeadFrame, regions: Regions, rim: Array) -> _Spokes:
    radius = np.linalg.norm(rim, axis=1)
    angle = np.arccos(rim[:, 2] / radius)
    phi = np.arctan2(rim[:, 1], rim[:, 0])
    view = frame.axes @ (-frame.centre / np.linalg.norm(frame.centre))
    silhouette = np.arctan2(view[2], -(view[0] * np.cos(phi) + view[1] * np.sin(phi)))
    silhouette = np.where(silhouette < 0, silhouette + np.pi, silhouette)
    seen, along, start_px, rim_px = _march(frame, regions, rim, phi, silhouette)
    measured = np.minimum(seen / frame.px_per_mm * (np.linalg.norm(frame.centre) / 1100.0), MAX_HAIR_MM)
    rim_mm = rim_px / frame.px_per_mm
    # 0 at ear level, 1 towards the chin, where the outline is neck and not head.
    low = smoothstep(-np.sin(phi), 0.42, 0.80)
    side = np.where(np.sin(phi) < 0, rim_mm * 1.6, MAX_HAIR_MM)
    outline = (1 - low) * np.minimum(measured, side) + low * np.minimum(
        np.minimum(measured, rim_mm * 1.5), rim_mm * 0.96
    )
    # Skin at the silhouette beside the face is an ear, which is a part of its own: the skull goes on below it.
    end = start_px + along * np.maximum(seen - 0.02 * _face_height(frame), rim_px)[:, None]
    hair = sample(cv2.GaussianBlur(regions.hair, (0, 0), 3), end)
    ear = smoothstep(0.55 - hair, 0, 0.3) * (1 - low) * smoothstep(0.55 - np.sin(phi), 0, 0.2)
    ear = np.maximum(ear, _other_ear(phi, ear, outline))
    outline = gaussian_filter1d(outline, 1.2, mode="wrap")
    thickness = float(np.clip(np.median((outline - 98)[np.sin(phi) > 0.5]), 0, 60))
    return _Spokes(
        phi,
        angle,
        radius,
        silhouette,
        outline,
        low,
        gaussian_filter1d(ear, 1.0, mode="wrap"),
        BACK_MM + 0.8 * thickness,
        float(np.clip(thickness / 16, 0, 1)),
    )


def _other_ear(phi: Array, ear: Array, outline: Array) -> Array:
    """Light from behind looks like hair: where the outline is no wider than at the other side's ear, it is one too."""
    turns = np.r_[phi - 2 * np.pi, phi, phi + 2 * np.pi]
    other_ear, other_outline = (np.interp(np.pi - phi, turns, np.tile(values, 3)) for values in (ear, outline))
    return np.asarray(other_ear * smoothstep(outline - other_outline, HAIR_OVER_EAR_MM, 0.5 * HAIR_OVER_EAR_MM))


def _face_height(frame: HeadFrame) -> float:
    points = frame.project(frame.landmarks[[10, 152]])[:, :2]
    return float(np.linalg.norm(points[0] - points[1]))


def _march(
    frame: HeadFrame, regions: Regions, rim: Array, phi: Array, silhouette: Array
) -> tuple[Array, Array, Array, Array]:
    """Walk outwards on the photo along each spoke: (last head px, direction, start px, rim px)."""
    size = frame.size_px
    head = cv2.GaussianBlur(np.clip(regions.person - regions.cloth, 0, 1), (0, 0), 2)
    towards = np.stack([np.sin(silhouette) * np.cos(phi), np.sin(silhouette) * np.sin(phi), np.cos(silhouette)], -1)
    start = frame.project(np.zeros((1, 3)))[0, :2]
    along = frame.project(towards * 60)[:, :2] - start
    along /= np.linalg.norm(along, axis=1)[:, None]
    steps = np.arange(0, 0.9 * size, SILHOUETTE_STEP_PX)
    values = sample(head, start + along[:, None] * steps[None, :, None])
    rim_px = np.linalg.norm(frame.project(rim)[:, :2] - start, axis=1)
    outside = (values <= 0.5) & (steps[None] >= rim_px[:, None] * 0.97)
    seen = np.where(outside.any(1), steps[np.argmax(outside, 1)], steps[-1])
    return seen, along, start, rim_px


def _rings(s: _Spokes) -> tuple[Array, Array]:
    """Polar angle and radius of every scalp vertex, [144, RINGS] each."""
    count = len(s.azimuth)
    angle, radius = np.zeros((count, RINGS)), np.zeros((count, RINGS))
    steps = np.linspace(0, 1, RINGS + 1)[1:] ** 1.35
    for i in range(count):
        angle[i] = s.rim_angle[i] + (np.pi - s.rim_angle[i]) * steps
        radius[i] = _spoke_radius(s, i, angle[i])
    for k in range(RINGS):
        sigma = 0.3 + 3.0 * float(smoothstep(k, RINGS * 0.35, RINGS))
        radius[:, k] = gaussian_filter1d(radius[:, k], sigma, mode="wrap")
    return angle, radius


def _spoke_radius(s: _Spokes, i: int, at: Array) -> Array:
    rim, r = s.rim_angle[i], s.rim_radius[i]
    outline = s.silhouette_radius[i]
    a1 = max(s.silhouette_angle[i], rim + np.radians(6))
    a2 = a1 + (np.pi - a1) * 0.45
    low = s.lowness[i]
    r1 = max(outline, r * 0.97)
    r2 = min((1 - low) * (0.55 * outline + 0.45 * s.back) + low * 82, outline * 1.02)
    upper = PchipInterpolator([rim, a1, a2, np.pi], [r, r1, r2, s.back])(at)
    ear = s.earness[i]
    if ear > 0.01:
        skull = min(r * 1.02, SKULL_MM)
        behind = 0.5 * skull + 0.5 * min(s.back, BACK_MM)
        bare = PchipInterpolator([rim, max(a1, rim + np.radians(14)), a2, np.pi], [r, skull, behind, s.back])(at)
        upper = (1 - ear) * upper + ear * bare
    # Under the jaw the surface heads straight back to the throat; without it there is a goitre when looking up.
    turns = np.radians([0, 9, 22, 42, 70])
    lower = PchipInterpolator([*(rim + turns), np.pi], [r, r * 0.955, r * 0.82, r * 0.66, 66.0, s.back])(at)
    return np.asarray((1 - low) * upper + low * lower)


def _scalp_faces(rim: Array, face_count: int) -> npt.NDArray[np.int32]:
    n = len(rim)

    def index(i: int, k: int) -> int:
        return int(rim[i % n]) if k == 0 else face_count + (i % n) * RINGS + k - 1

    out = []
    for i in range(n):
        for k in range(RINGS):
            p, q, r, s = index(i, k), index(i + 1, k), index(i + 1, k + 1), index(i, k + 1)
            out += [(p, r, q), (p, s, r)]
    return np.array(out, np.int32)


def _outward(vertices: Array, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The faces, turned around when most of them look inwards."""
    p = vertices[faces]
    normal = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    outwards = (np.einsum("ij,ij->i", normal, p.mean(1)) > 0).mean() > 0.5
    return faces if outwards else faces[:, [0, 2, 1]]


def vertex_normals(vertices: Array, faces: npt.NDArray[np.int32]) -> Array:
    """Area-weighted unit normals, [V, 3]."""
    p = vertices[faces]
    face_normals = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0])
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], face_normals)
    return np.asarray(out / (np.linalg.norm(out, axis=1)[:, None] + 1e-9))
