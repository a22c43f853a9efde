"""Loop subdivision as a matrix, and the fine face mesh made by applying it twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from perse_engine.portrait.topology import load_topology

Faces = npt.NDArray[np.int32]


@dataclass(frozen=True)
class FineFace:
    """The face mesh, subdivided twice.

    operator: [7k, 468] sparse; fine = operator @ coarse for positions, displacements and attributes alike.
    faces: [13.6k, 3] int32. rim: [144] int32, the vertices around the face oval in order.
    """

    operator: Any
    faces: Faces
    rim: Faces


@cache
def fine_face() -> FineFace:
    """Computed once per process (0.1 s)."""
    coarse = load_topology().faces
    first, faces = loop_subdivision(coarse, 468)
    second, faces = loop_subdivision(faces, first.shape[0])
    rim = max(boundary_loops(faces), key=len)
    return FineFace((second @ first).tocsr(), faces, np.array(rim, np.int32))


def loop_subdivision(faces: Faces, count: int) -> tuple[Any, Faces]:
    """One Loop step (Loop 1987, boundary rules included) of `count` vertices: ([M, N] sparse, [4 F, 3])."""
    new_index: dict[tuple[int, int], int] = {}
    opposite: dict[tuple[int, int], list[int]] = {}
    for a, b, c in faces.tolist():
        for i, j, k in ((a, b, c), (b, c, a), (c, a, b)):
            edge = (min(i, j), max(i, j))
            new_index.setdefault(edge, count + len(new_index))
            opposite.setdefault(edge, []).append(k)
    entries = list(_old_vertices(opposite, count)) + list(_new_vertices(opposite, new_index))
    rows, columns, values = zip(*entries, strict=True)
    matrix = sp.csr_matrix((values, (rows, columns)), shape=(count + len(new_index), count))

    def middle(i: int, j: int) -> int:
        return new_index[min(i, j), max(i, j)]

    fine = []
    for a, b, c in faces.tolist():
        x, y, z = middle(a, b), middle(b, c), middle(c, a)
        fine += [(a, x, z), (x, b, y), (z, y, c), (x, y, z)]
    return matrix, np.array(fine, np.int32)


def _old_vertices(opposite: dict[tuple[int, int], list[int]], count: int) -> list[tuple[int, int, float]]:
    neighbours: dict[int, list[int]] = {}
    border: dict[int, list[int]] = {}
    for (a, b), others in opposite.items():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
        if len(others) == 1:
            border.setdefault(a, []).append(b)
            border.setdefault(b, []).append(a)
    entries: list[tuple[int, int, float]] = []
    for i in range(count):
        if i in border:
            entries += [(i, i, 0.75), (i, border[i][0], 0.125), (i, border[i][1], 0.125)]
        elif i in neighbours:
            n = len(neighbours[i])
            weight = (5 / 8 - (3 / 8 + np.cos(2 * np.pi / n) / 4) ** 2) / n
            entries += [(i, i, 1 - n * weight)] + [(i, j, weight) for j in neighbours[i]]
        else:
            entries.append((i, i, 1.0))
    return entries


def _new_vertices(
    opposite: dict[tuple[int, int], list[int]], new_index: dict[tuple[int, int], int]
) -> list[tuple[int, int, float]]:
    entries: list[tuple[int, int, float]] = []
    for (a, b), index in new_index.items():
        others = opposite[a, b]
        if len(others) == 1:
            entries += [(index, a, 0.5), (index, b, 0.5)]
        else:
            entries += [(index, a, 0.375), (index, b, 0.375), (index, others[0], 0.125), (index, others[1], 0.125)]
    return entries


def boundary_loops(faces: Faces) -> list[list[int]]:
    """Closed loops of edges that belong to one triangle only, longest first."""
    directed = {(i, j) for a, b, c in faces.tolist() for i, j in ((a, b), (b, c), (c, a))}
    following = {i: j for i, j in directed if (j, i) not in directed}
    loops = []
    while following:
        start = next(iter(following))
        loop = []
        while start in following:
            loop.append(start)
            start = following.pop(start)
        loops.append(loop)
    return sorted(loops, key=len, reverse=True)
