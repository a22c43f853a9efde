"""Merge parts into one textured rig."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.part import Part
from perse_engine.head.subject import PARTS

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Packed:
    """Concatenated parts, in the head frame.

    vertices [V, 3] mm, faces, face_part, uv in the packed texture, texture, labels, weights; first_vertex and corner
    (x, y) of every part; motion: name -> [V, 3] mm.
    """

    vertices: Array
    faces: npt.NDArray[np.int32]
    face_part: npt.NDArray[np.uint8]
    uv: Array
    texture: Array
    labels: npt.NDArray[np.uint8]
    weights: Array
    first_vertex: tuple[int, ...]
    corner: tuple[tuple[int, int], ...]
    motion: Mapping[str, Array]


def pack(parts: Sequence[Part]) -> Packed:
    """Put textures side by side: the largest at the upper left, the second beside it, the rest in rows below.

    The first vertex of a part and its texture's corner are returned in the order of `parts`.
    """
    corner, size = _layout([p.texture.shape[:2] for p in parts])
    texture = np.zeros((size[0], size[1], 4), np.float32)
    labels = np.zeros(size, np.uint8)
    faces, uv = [], []
    first: list[int] = []
    count = 0
    for part, (x, y) in zip(parts, corner, strict=True):
        height, width = part.texture.shape[:2]
        texture[y : y + height, x : x + width] = part.texture
        labels[y : y + height, x : x + width] = part.labels
        faces.append(part.faces + count)
        uv.append(part.uv + np.array([x, y]))
        first.append(count)
        count += len(part.vertices)
    motion: dict[str, Array] = {}
    for part, start in zip(parts, first, strict=True):
        for name, field in part.motion.items():
            motion.setdefault(name, np.zeros((count, 3), np.float32))[start : start + len(field)] = field
    return Packed(
        vertices=np.vstack([p.vertices for p in parts]),
        faces=np.vstack(faces).astype(np.int32),
        face_part=np.concatenate([_face_parts(p) for p in parts]),
        uv=np.vstack(uv).astype(np.float32),
        texture=texture,
        labels=labels,
        weights=np.vstack([p.weights for p in parts]).astype(np.float32),
        first_vertex=tuple(first),
        corner=tuple(corner),
        motion=motion,
    )


def _face_parts(part: Part) -> npt.NDArray[np.uint8]:
    return np.full(len(part.faces), PARTS.index(part.name), np.uint8)


def _layout(sizes: Sequence[tuple[int, ...]]) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i][0] * sizes[i][1])
    corner = [(0, 0)] * len(sizes)
    total_width = sizes[order[0]][1]
    if len(order) > 1:
        corner[order[1]] = (total_width, 0)
        total_width += sizes[order[1]][1]
    x, y, row_height = 0, max(sizes[i][0] for i in order[:2]), 0
    for i in order[2:]:
        height, width = sizes[i]
        if x + width > total_width:
            x, y, row_height = 0, y + row_height, 0
        corner[i] = (x, y)
        x, row_height = x + width, max(row_height, height)
    return corner, (y + row_height, total_width)


def world_shapes(motion: Mapping[str, Array], names: Sequence[str]) -> Array:
    """Motions in metres, [K, V, 3] float32; head frame and world have the same axes."""
    return np.stack([motion[n] for n in names]).astype(np.float32) / 1000


def world_points(frame: HeadFrame, points: Array) -> Array:
    """Head frame to world."""
    return frame.to_world(points)
