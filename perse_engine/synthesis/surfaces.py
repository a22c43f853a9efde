"""Points on added surface, from which an additive category's own Gaussians start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import sample
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import AddedSurface
from perse_engine.synthesis.plan import BETWEEN_STEPS
from perse_engine.synthesis.procedural.outfit import AddedPart
from perse_engine.synthesis.stretch import stretch

Array = npt.NDArray[Any]

SPACING_M, THIN_SPACING_M = 0.0022, 0.0011
"""Of places; the latter on wires 3 mm thick, whose outlines are beads when Gaussians are farther apart."""
SMALL_M2 = 1e-3
"""Jewellery is smaller than this and needs points closer together."""
CLOSEST = 0.27
SIZES = 0.2, 2.0
"""Of one place in two shapes: a cap's brim tapers where a fedora's is broad."""
MIN_ALPHA, APPEARING_ALPHA = 0.05, 0.5
"""From which a point is there; what appears late is opaque at weight 1, and has no Gaussians at its soft edges."""


@dataclass(frozen=True)
class Shape:
    """A part of a variant at weight 1, and at some lower weights; the variant's index; the part at one half beside one
    half of other variants, by their indices; how far others push its vertices, [V, 3] each."""

    part: AddedPart
    way: Mapping[float, AddedPart]
    variant: int
    beside: Mapping[int, AddedPart] = field(default_factory=dict)
    pushed: tuple[Array, ...] = ()

    def course(self) -> tuple[FloatArray, FloatArray]:
        """How vertices [V, 3] come to where they are at weight 1: travel from weight 0, and bows [V, 3, 3] at
        BETWEEN_STEPS; `straight_and_bows`. 0 where the way has other triangles."""
        end = self.part.vertices
        travel, bows = straight_and_bows({w: one.vertices - end for w, one in self._course().items()}, end.shape)
        return travel, np.moveaxis(bows, 0, 1)

    def stretch(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Along which axis [F, 3] triangles grow most, how much along it and across [F, 2], and the swells of that
        [F, 3, 2] at BETWEEN_STEPS."""
        course = {w: one.vertices for w, one in self._course().items()}
        axis, lengths = stretch(self.part.vertices, course, self.part.faces)
        growth, swells = straight_and_bows(lengths, (len(self.part.faces), 2))
        return axis, growth, np.moveaxis(swells, 0, 1)

    def _course(self) -> Mapping[float, AddedPart]:
        """The way, unless it has other triangles."""
        has_same = all(np.array_equal(one.faces, self.part.faces) for one in self.way.values())
        return self.way if has_same else {}

    def dye(self, uv: FloatArray, variants: int) -> FloatArray:
        """How colours at texels uv [P, 2] change per weight of each of the variants, [P, V, 3], of what appears; more
        lower weights than one are of something that moves."""
        out = np.zeros((len(uv), variants, 3), np.float32)
        if self.part.appears is None or len(self.way) != 1:
            return out
        ((weight, lower),) = self.way.items()
        now = sample(self.part.texture, uv)[:, :3]
        own = out[:, self.variant] = (now - sample(lower.texture, uv)[:, :3]) / (1 - weight)
        for other, half in self.beside.items():
            out[:, other] = own + 2 * (sample(half.texture, uv)[:, :3] - now)
        return out


def straight_and_bows(way: Mapping[float, Array], shape: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Of numbers `way[w]` at weights w below 1, less those at 1: how much they change from weight 0 to 1, and how far
    they are off that straight way at each of BETWEEN_STEPS, [3, *shape].

    At 0 there is nothing to look at: what goes on straight from the first two weights says where they come from.
    """
    bows = np.zeros((len(BETWEEN_STEPS), *shape), np.float32)
    if not way:
        return np.zeros(shape, np.float32), bows
    first, *others = sorted(way)
    # Of one lower weight, the way from there to 1 goes on.
    then, value = (others[0], way[others[0]]) if others else (1.0, 0 * way[first])
    start = way[first] - (value - way[first]) * first / (then - first)
    for k, quarter in enumerate(BETWEEN_STEPS):
        if quarter in way and others:
            bows[k] = way[quarter] - (1 - quarter) * start
    return np.asarray(-start, np.float32), bows


def shared_shapes(shapes: Sequence[Sequence[Shape]]) -> list[list[Shape]]:
    """The parts of each of several variants, as groups of those that turn into each other: the first of these triangles
    in every variant, the second, and so on."""
    groups: dict[tuple[bytes, int], list[Shape]] = {}
    for own in shapes:
        met: Counter[bytes] = Counter()
        for shape in own:
            triangles = shape.part.faces.tobytes()
            groups.setdefault((triangles, met[triangles]), []).append(shape)
            met[triangles] += 1
    return list(groups.values())


def sample_surface(shapes: Sequence[Shape], variants: int, spacing_m: float = SPACING_M) -> AddedSurface:
    """About one place per `spacing_m` squared of the largest visible surface, more on small parts, and its point on
    each of the shapes, which have the same triangles and belong to some of so many variants; colours from their
    textures.
    """
    random = np.random.default_rng(shapes[0].variant)
    areas = [np.linalg.norm(_cross(shape.part), axis=1) / 2 for shape in shapes]
    area = max(areas, key=lambda one: float(one.sum()))
    spacing = spacing_m * float(np.clip(np.sqrt(area.sum() / SMALL_M2), CLOSEST, 1.0))
    count = max(8, round(float(area.sum()) / spacing**2))
    # Evenly spaced along the triangles' summed area.
    along = (np.arange(count) + random.random(count)) / count * area.sum()
    face = np.minimum(np.searchsorted(np.cumsum(area), along), len(area) - 1)
    root, second = np.sqrt(random.random(count)), random.random(count)
    bary = np.stack([1 - root, root * (1 - second), root * second], 1)
    spacings = [spacing * _sizes(own, area)[face] for own in areas]
    points = _joined([_points(s, face, bary, d, variants) for s, d in zip(shapes, spacings, strict=True)], ())
    shown = np.zeros(count, bool)
    shown[points.place[points.visible]] = True
    return points.take(np.flatnonzero(shown[points.place]))


def _cross(part: AddedPart) -> FloatArray:
    corners = part.vertices[part.faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _sizes(area: Array, largest: Array) -> Array:
    """How wide triangles of a shape are, [F], next to those of the one on which places are evenly spaced; areas [F]."""
    ratio = np.sqrt(area / np.maximum(largest, 1e-12))
    return np.asarray(np.clip(ratio, *SIZES))


def _points(shape: Shape, face: Array, bary: Array, spacing_m: Array, variants: int) -> AddedSurface:
    """Places on a shape, with their distances there, [P] m."""
    part, count = shape.part, len(face)

    def at(values: Array) -> FloatArray:
        return np.asarray(np.einsum("pk,pk...->p...", bary, values[part.faces[face]]), np.float32)

    uv = at(part.uv) - 0.5
    rgba = sample(part.texture, uv)
    appears = np.zeros(count, np.float32) if part.appears is None else sample(part.appears[..., None], uv)[:, 0]
    cross = _cross(part)
    normals = (cross / (np.linalg.norm(cross, axis=1, keepdims=True) + 1e-12))[face]
    travel, bows = (at(one) for one in shape.course())
    axis, growth, swells = shape.stretch()
    return AddedSurface(
        points=at(part.vertices),
        normals=normals.astype(np.float32),
        colours=rgba[:, :3].astype(np.float32),
        spacing_m=spacing_m.astype(np.float32),
        bone_weights=at(part.bone_weights),
        travel=travel,
        bows=bows,
        axis=axis[face],
        growth=growth[face],
        swells=swells[face],
        appears=appears,
        dye=shape.dye(uv, variants),
        variant=np.full(count, shape.variant, np.uint16),
        place=np.arange(count, dtype=np.uint32),
        visible=rgba[:, 3] > (MIN_ALPHA if part.appears is None else APPEARING_ALPHA),
        pushed=at(np.stack(shape.pushed, 1)) if shape.pushed else np.zeros((count, 0, 3), np.float32),
        variants=(),
    )


def merge_surfaces(surfaces: Sequence[AddedSurface], variants: tuple[str, ...]) -> AddedSurface:
    """All of them, with places of their own."""
    counts = [int(s.place.max(initial=0)) + 1 for s in surfaces]
    firsts = np.cumsum([0, *counts[:-1]])
    return _joined(
        [replace(s, place=(s.place + first).astype(np.uint32)) for s, first in zip(surfaces, firsts, strict=True)],
        variants,
    )


def _joined(surfaces: Sequence[AddedSurface], variants: tuple[str, ...]) -> AddedSurface:
    joined: dict[str, Any] = {n: np.concatenate([getattr(s, n) for s in surfaces]) for n in AddedSurface.arrays()}
    return replace(surfaces[0], **joined, variants=variants)
