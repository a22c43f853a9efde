"""Where the face landmarks lie on FLAME's surface.

FLAME's file names no landmarks. Its joints and skinning weights show where eyes and mouth are: the eyeballs turn with
their joints, and where the jaw's weight jumps, seen from the front, the lips part. Held by these, a canonical face of
our landmarks is bent onto the mean head: least bending energy, pulled to the nearest surface (Amberg et al. 2007, with
the bending energy of head/shapes.py). FLAME's own embedding of MediaPipe's landmarks holds it at 105 places instead.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from scipy.spatial import cKDTree

from perse_engine.errors import CorruptFile
from perse_engine.head.flame.features import find_features, is_jaw, skin_faces
from perse_engine.head.flame.model import FlameModel
from perse_engine.head.flame.similarity import similarity
from perse_engine.head.shapes import cotangent_laplacian
from perse_engine.portrait.points import LIPS_INNER, LIPS_OUTER
from perse_engine.portrait.topology import load_topology

Array = npt.NDArray[Any]

STIFFNESS = (3e3, 1e3, 300.0, 100.0, 30.0, 30.0, 10.0, 10.0)
"""Of the bending energy, from round to round; a landmark at its nearest point weighs 1 per mm^2."""
ANCHOR_WEIGHT = 300.0
TANGENTIAL = 0.05
"""How much of the pull is to the nearest point itself, and not along its normal: surfaces may slide."""
FACES_LIKE = 0.3
"""Least cosine between the normals of a landmark and of the triangle that it is put on."""
FAR_MM = 12.0
CANDIDATES = 32
UPPER_LIP = (*LIPS_INNER[1:10], *LIPS_OUTER[1:10])
LOWER_LIP = (*LIPS_INNER[11:], *LIPS_OUTER[11:])


@dataclass(frozen=True, eq=False)
class Embedding:
    """A place on FLAME's surface for each of the 468 landmarks.

    vertices [468, 3] int: the corners of its triangle; shares [468, 3]: barycentric; misfit_mm: how far the bent
    canonical face stayed off the surface in the end, mean.
    """

    vertices: npt.NDArray[np.int_]
    shares: Array
    misfit_mm: float

    def of(self, values: Array) -> Array:
        """Values of FLAME's vertices [V, C] at the landmarks, [468, C]."""
        return np.einsum("lk,lkc->lc", self.shares, values[self.vertices])


@cache
def canonical_landmarks() -> Array:
    """The 468 landmarks of a neutral face, [468, 3] mm, the world's axes, origin midway between the eyes.

    Of the sample portrait (NASA's Eileen Collins, public domain): analysed, its smile taken back, made symmetric.
    """
    with (files("perse_engine.head.flame") / "data" / "neutral_landmarks.npz").open("rb") as file:
        return np.load(file, allow_pickle=False)["landmarks"].astype(np.float64)


def embed_landmarks(model: FlameModel, known: Mapping[int, Array] | None = None) -> Embedding:
    """Find them; takes 1 s.

    Args:
        known: landmark -> [3] m in FLAME's frame, instead of the features that are found on the mesh.

    Raises:
        CorruptFile: no eyes or mouth are found on the mesh.
    """
    surface = _Surface(model)
    anchors = {i: 1000 * p for i, p in (find_features(model) if known is None else known).items()}
    index = np.array(list(anchors))
    goals = np.stack(list(anchors.values()))
    rotation, scale, shift = similarity(canonical_landmarks()[index], goals)
    points = scale * canonical_landmarks() @ rotation.T + shift
    bending = _bending(points)
    held = np.zeros(468)
    held[index] = ANCHOR_WEIGHT
    start = points
    for stiffness in STIFFNESS:
        places = surface.nearest(points)
        points = _bent(start, bending * stiffness, places, (held, index, goals))
    places = surface.nearest(points)
    return Embedding(surface.faces[places.face], places.shares, float(np.mean(places.distance)))


def read_landmark_file(path: Path, model: FlameModel) -> dict[int, Array]:
    """FLAME's `mediapipe_landmark_embedding.npz`: landmark -> [3] m on the mean head.

    Raises:
        CorruptFile: it is no such file, or points outside of the mesh.
    """
    names = ("landmark_indices", "lmk_face_idx", "lmk_b_coords")
    try:
        with np.load(path, allow_pickle=False) as data:
            landmarks, faces, shares = (data[n] for n in names)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CorruptFile(f"The landmark file is not an .npz with {', '.join(names)}.") from error
    count = len(landmarks)
    is_sound = (
        landmarks.shape == faces.shape == (count,) and shares.shape == (count, 3) and count >= 4
        and landmarks.dtype.kind in "iu" and faces.dtype.kind in "iu" and np.isfinite(shares).all()
    )  # fmt: skip
    if not is_sound or faces.min() < 0 or faces.max() >= len(model.faces) or landmarks.min() < 0:
        raise CorruptFile("The landmark file points outside of this FLAME mesh.")
    points = np.einsum("lk,lkc->lc", shares, model.template[model.faces[faces]].astype(np.float64))
    return {int(i): p for i, p in zip(landmarks, points, strict=True) if i < 468}


@dataclass(frozen=True, eq=False)
class _Places:
    face: npt.NDArray[np.int_]
    shares: Array
    point: Array
    normal: Array
    distance: Array


class _Surface:
    """FLAME's skin in mm, asked for nearest points."""

    def __init__(self, model: FlameModel) -> None:
        self.faces = model.faces[skin_faces(model)].astype(np.int64)
        self._corners = 1000 * model.template[self.faces].astype(np.float64)
        cross = np.cross(self._corners[:, 1] - self._corners[:, 0], self._corners[:, 2] - self._corners[:, 0])
        self._normals = cross / np.maximum(np.linalg.norm(cross, axis=1, keepdims=True), 1e-9)
        self._is_jaw = is_jaw(model)[self.faces].mean(1) > 0.5
        self._tree = cKDTree(self._corners.mean(1))

    def nearest(self, points: Array) -> _Places:
        """For each landmark; those of a lip stay on their own."""
        near = np.asarray(self._tree.query(points, CANDIDATES)[1])
        shares = closest_shares(points[:, None], self._corners[near])
        found = np.einsum("lck,lckd->lcd", shares, self._corners[near])
        distance = np.linalg.norm(found - points[:, None], axis=2)
        own = _vertex_normals(points)
        wrong = np.einsum("lcd,ld->lc", self._normals[near], own) < FACES_LIKE
        wrong[list(UPPER_LIP)] |= self._is_jaw[near[list(UPPER_LIP)]]
        wrong[list(LOWER_LIP)] |= ~self._is_jaw[near[list(LOWER_LIP)]]
        best = np.where(wrong, distance + 1e3, distance).argmin(1)
        rows = np.arange(len(points))
        return _Places(
            near[rows, best], shares[rows, best], found[rows, best], self._normals[near[rows, best]],
            distance[rows, best],
        )  # fmt: skip


def closest_shares(points: Array, corners: Array) -> Array:
    """Barycentric place of the nearest point of triangles: points [..., 3], corners [..., 3, 3] -> [..., 3].

    The plane's nearest point if it is inside; else the nearest of the three edges' nearest points.
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    u, v, w = b - a, c - a, points - a
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    area = np.maximum(uu * vv - uv * uv, 1e-12)
    second, third = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    inside = np.stack([1 - second - third, second, third], -1)
    # Of a triangle without area the plane says nothing: its edges then come nearer.
    away = ((points - np.einsum("...k,...kc->...c", inside, corners)) ** 2).sum(-1)
    best, least = inside, np.where((inside >= 0).all(-1), away, np.inf)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        edge = corners[..., end, :] - corners[..., start, :]
        offset = points - corners[..., start, :]
        along = np.clip((offset * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-12), 0, 1)
        distance = ((offset - along[..., None] * edge) ** 2).sum(-1)
        shares = np.zeros(inside.shape)
        shares[..., start], shares[..., end] = 1 - along, along
        nearer = distance < least
        best, least = np.where(nearer[..., None], shares, best), np.where(nearer, distance, least)
    return best


def _bending(points: Array) -> Any:
    laplacian, area = cotangent_laplacian(points)
    return (laplacian @ sp.diags(1 / area) @ laplacian).tocsc()


def _bent(start: Array, bending: Any, places: _Places, anchors: tuple[Array, Array, Array]) -> Array:
    """The displacement of least energy, all three coordinates at once."""
    held, index, goals = anchors
    # Rows and columns: x of every landmark, then y, then z.
    pull = np.where((held > 0) | (places.distance > FAR_MM), 0.0, 1.0)
    normal = places.normal
    tensor = (1 - TANGENTIAL) * np.einsum("li,lj->lij", normal, normal) + TANGENTIAL * np.eye(3)
    tensor *= pull[:, None, None]
    blocks = [[sp.diags(tensor[:, i, j] + (held if i == j else 0)) for j in range(3)] for i in range(3)]
    matrix = sp.block_diag([bending] * 3) + sp.bmat(blocks)
    right = np.einsum("lij,lj->li", tensor, places.point - start)
    right[index] += held[index, None] * (goals - start[index])
    solved = spl.spsolve(matrix.tocsc(), right.T.ravel())
    return start + np.asarray(solved).reshape(3, -1).T


def _vertex_normals(points: Array) -> Array:
    faces = load_topology().faces
    corners = points[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # The topology's triangles are all turned the same way; the face looks along +z.
    cross *= np.sign(cross[:, 2].sum())
    out = np.zeros_like(points)
    for k in range(3):
        np.add.at(out, faces[:, k], cross)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
