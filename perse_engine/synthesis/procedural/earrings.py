"""Earrings: hoops, studs and drops at the ear lobes. With the weight they grow thicker, from a thread and a grain.

Between two variants it is one earring: every type has the same four pieces, so a ring closes into a ball or a tear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.synthesis.procedural.anchors import ear_lobe
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import JEWELS, METALS, colour
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.solids import ball, lathe, lit_sphere, part, ring_faces, tube
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]

UP = np.array([0.0, 1.0, 0.0])
HOOP_RADIUS_M = {"small": 0.0095, "medium": 0.0145, "large": 0.0205}
WIRE_M = 0.0011
SIZES = {"small": 0.85, "medium": 1.0, "large": 1.2}
AROUND, ACROSS = 72, 16
"""Of a body: along its ring, and around the ring's wire."""
CORE = 0.03
"""Of a body that is closed: the hole that is left through its middle, in radii."""
HIDDEN = 0.02
"""Size of a piece that a type has not; it is invisible, too."""


_RING_FACES = ring_faces(AROUND, ACROSS, is_closed=True)


@dataclass(frozen=True)
class _Piece:
    """Vertices [V, 3] are middle + offset: the path of a wire, or one point. A hanging one has its middle in place at
    once, others come from the lobe; a wire of a hoop grows in thickness, evenly, others to all sides."""

    middle: Array
    offset: Array
    faces: npt.NDArray[np.int32]
    texture: Array
    hangs: float = 0.0
    is_hoop: float = 0.0
    is_hidden: bool = False

    def around(self, at: Array) -> _Piece:
        """The same as a solid about a point."""
        return replace(self, middle=0 * self.middle + at, offset=self.middle + self.offset - at, is_hoop=0.0)

    def hidden(self, at: Array) -> _Piece:
        """The same, next to nothing, at a point."""
        whole = self.around((self.middle + self.offset).mean(0))
        return replace(whole, middle=0 * whole.middle + at, offset=HIDDEN * whole.offset, is_hidden=True)


def earrings(outfit: Outfit, worn: Worn) -> None:
    """Add one at each ear."""
    for sign in (-1.0, 1.0):
        lobe = ear_lobe(outfit, sign)
        # Outwards and to the front: both views of a portrait see the same side.
        out = np.array([0.75 * sign, 0.0, 0.66])
        for pieces in zip(*(_make(spec)(lobe + 0.0012 * out, out, spec) for spec in worn.specs), strict=True):
            weights = (weight for _, weight in worn.variants)
            outfit.parts.append(_mixed(lobe, list(zip(weights, pieces, strict=True))))


def _make(spec: VariantSpec) -> Callable[[Array, Array, VariantSpec], list[_Piece]]:
    return chosen({"hoop": _hoop, "stud": _stud, "drop": _drop}, spec, "type")


def _mixed(lobe: Array, pieces: Sequence[tuple[float, _Piece]]) -> AddedPart:
    """The piece between some, at their weights."""
    weight = sum(w for w, _ in pieces)
    middle, offset, hangs, hoop = (
        np.asarray(sum(w / weight * getattr(piece, name) for w, piece in pieces))
        for name in ("middle", "offset", "hangs", "is_hoop")
    )
    # What is seen grows evenly: a hoop with its thickness, a solid with the square of its size.
    root = weight**0.5
    grown = lobe + (root + (1 - root) * hangs) * (middle - lobe) + (root + (weight - root) * hoop) * offset
    shown = [(w, piece) for w, piece in pieces if not piece.is_hidden] or pieces
    total = sum(w for w, _ in shown)
    texture = np.asarray(sum(w / total * piece.texture for w, piece in shown), np.float32)
    if shown[0][1].is_hidden:
        texture[..., 3] = 0
    return part((grown, pieces[0][1].faces), texture, "earrings")


def _hoop(lobe: Array, out: Array, spec: VariantSpec) -> list[_Piece]:
    radius = chosen(HOOP_RADIUS_M, spec, "size")
    metal = _metal(spec.slots["material"])
    # Nearly along the cheek, and a little back, or the jaw would cut it.
    aside = np.array([0.89 * np.sign(out[0]), 0.0, 0.45])
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)[:, None]
    # The swing brings the lower half off the jaw.
    down = UP - 0.18 * aside
    circle = np.sin(turn) * np.cross(UP, aside) + np.cos(turn) * down
    thick = (1.7 if spec.slots["style"] == "bold" else 1.0) * WIRE_M * (1.15 - 0.25 * np.cos(turn[:, 0]))
    if spec.slots["style"] == "twisted":
        thick = 1.35 * thick * (1 + 0.28 * np.cos(18 * turn[:, 0]))
    path = lobe - radius * down - np.array([0.0, 0.0, 0.22 * radius]) * (1 - np.cos(turn)) + radius * circle
    body = _ring(path, circle, aside, thick, metal)
    body = replace(body, hangs=1.0, is_hoop=1.0)
    return [body, _bead(lobe, 1.7 * WIRE_M, metal), _hook(lobe, out, 1.0, metal).hidden(lobe), _no_gem(lobe, out)]


def _stud(lobe: Array, out: Array, spec: VariantSpec) -> list[_Piece]:
    radius = 0.0042 * chosen(SIZES, spec, "size")
    stone, finish = _stone(spec.slots["material"])
    metal = _metal("silver")
    rest = [_bead(lobe, radius, metal).hidden(lobe), _hook(lobe, out, 1.0, metal).hidden(lobe)]
    if finish != "gem":
        centre = lobe + 0.55 * radius * out
        return [_closed(centre, radius * _around(out), lit_sphere(stone, finish)), *rest, _no_gem(centre, out)]
    circle = _plane(out)
    setting = _ring(lobe + radius * circle, circle, out, 0.17 * radius, metal).around(lobe)
    return [setting, *rest, replace(_gem(lobe + 0.25 * radius * out, out, radius, stone), hangs=1.0)]


def _drop(lobe: Array, out: Array, spec: VariantSpec) -> list[_Piece]:
    size = chosen(SIZES, spec, "size")
    stone, finish = _stone(spec.slots["material"])
    metal = _metal("silver" if spec.slots["material"] in ("silver", "pearl", "sapphire") else "gold")
    end = lobe - 0.013 * size * UP + out * 0.0035
    half = 0.0052 * size
    rest = [_bead(lobe, 0.0022, metal), _hook(lobe, out, size, metal)]
    if finish == "gem":
        middle = end - 1.35 * half * UP
        circle = _plane(out)
        path = middle + half * circle * (1 + 0.35 * UP)
        frame = _ring(path, circle, out, 0.0009, metal).around(end)
        gem = _gem(middle, out, half, stone, tall=1.35).around(end)
        return [replace(frame, hangs=1.0), *rest, replace(gem, hangs=1.0)]
    middle = end - 2.0 * half * UP
    # A tear: a point above, a ball below.
    ways = _around(out)
    height = np.clip(ways[..., 1:2], -1, 1)
    tear = half * ((ways - height * UP) * ((1 - height) / 2) ** 0.55 + 2.0 * height * UP)
    body = _closed(middle, tear, lit_sphere(stone, finish)).around(end)
    return [replace(body, hangs=1.0), *rest, _no_gem(middle, out)]


def _plane(out: Array) -> Array:
    """Unit vectors [AROUND, 3] of a circle whose plane faces out."""
    axis = out / np.linalg.norm(out)
    turn = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)[:, None]
    return np.asarray(np.sin(turn) * np.cross(UP, axis) + np.cos(turn) * UP)


def _around(out: Array) -> Array:
    """Unit vectors [AROUND, ACROSS, 3]: of a body's outer half to all sides; of the inner half, which is its core."""
    tilt = _tilt()[None, :, None]
    axis = out / np.linalg.norm(out)
    return np.asarray(np.maximum(np.cos(tilt), CORE) * _plane(out)[:, None] + np.sin(tilt) * axis)


def _tilt() -> Array:
    """Directions around the wire: 0 is away from the ring's middle."""
    return (np.arange(ACROSS) + 0.5) / ACROSS * 2 * np.pi


def _ring(path: Array, away: Array, axis: Array, thick: Array | float, texture: Array) -> _Piece:
    """A wire along a closed path [AROUND, 3]; `away` [AROUND, 3] from its middle."""
    away = away / np.linalg.norm(away, axis=1, keepdims=True)
    axis = axis - (away @ axis)[:, None] * away
    axis = axis / np.linalg.norm(axis, axis=1, keepdims=True)
    tilt = _tilt()[None, :, None]
    offset = np.broadcast_to(thick, AROUND)[:, None, None] * (
        np.cos(tilt) * away[:, None] + np.sin(tilt) * axis[:, None]
    )
    middle = np.repeat(path, ACROSS, 0)
    return _Piece(middle, offset.reshape(-1, 3), _RING_FACES, texture)


def _closed(centre: Array, offset: Array, texture: Array) -> _Piece:
    """A body without a hole: its surface [AROUND, ACROSS, 3] about its centre."""
    flat = offset.reshape(-1, 3)
    return _Piece(np.broadcast_to(centre, flat.shape), flat, _RING_FACES, texture)


def _bead(lobe: Array, radius: float, texture: Array) -> _Piece:
    vertices, faces = ball(np.zeros(3), 1.0, 16)
    return _Piece(np.broadcast_to(lobe, vertices.shape), radius * vertices, faces, texture)


def _hook(lobe: Array, out: Array, size: float, texture: Array) -> _Piece:
    """From the lobe down to a pendant."""
    end = lobe - 0.013 * size * UP + 0.0035 * out
    path = np.linspace(lobe, end, 12)
    vertices, faces = tube(path, 0.0007, columns=8)
    middle = np.repeat(path[[0, *range(12), -1]], 8, 0)
    return _Piece(middle, vertices - middle, faces, texture, hangs=1.0)


def _gem(centre: Array, out: Array, radius: float, stone: Array, tall: float = 1.0) -> _Piece:
    """A brilliant: a table, a ring of facets around it, a point behind."""
    profile = radius * np.array([[0.0, -0.5], [1.0, 0.1], [0.62, 0.52], [0.0, 0.56]])
    vertices, faces = lathe(profile, np.zeros(3), out, 10)
    facets = (vertices + (tall - 1) * vertices * UP)[faces].reshape(-1, 3)
    own = np.arange(len(facets), dtype=np.int32).reshape(-1, 3)
    return _Piece(np.broadcast_to(centre, facets.shape), facets, own, lit_sphere(stone, "gem"))


def _no_gem(centre: Array, out: Array) -> _Piece:
    return _gem(centre, out, 0.004, UP).hidden(centre)


def _metal(material: str) -> Array:
    return lit_sphere(colour(METALS, material, "earrings"), "metal")


def _stone(material: str) -> tuple[Array, str]:
    if material in METALS:
        return np.array(METALS[material]), "metal"
    return np.array(colour(JEWELS, material, "earrings")), "pearl" if material == "pearl" else "gem"
