"""Earrings: hoops, studs and drops at the ear lobes. They grow out of the lobe with the weight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.synthesis.procedural.anchors import ear_lobe
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import JEWELS, METALS, colour
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.solids import Solid, ball, lathe, lit_sphere, part, tube
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]

UP = np.array([0.0, 1.0, 0.0])
HOOP_RADIUS_M = {"small": 0.0095, "medium": 0.0145, "large": 0.0205}
WIRE_M = 0.0011
SIZES = {"small": 0.85, "medium": 1.0, "large": 1.2}


def earrings(outfit: Outfit, spec: VariantSpec, weight: float) -> None:
    """Add one at each ear."""
    make = chosen({"hoop": _hoop, "stud": _stud, "drop": _drop}, spec, "type")
    for sign in (-1.0, 1.0):
        lobe = ear_lobe(outfit, sign)
        # Outwards and to the front: both views of a portrait see the same side.
        out = np.array([0.75 * sign, 0.0, 0.66])
        for piece in make(lobe + 0.0012 * out, out, spec):
            grown = lobe + weight * (piece.vertices - lobe)
            outfit.parts.append(replace(piece, vertices=grown))


def _hoop(lobe: Array, out: Array, spec: VariantSpec) -> list[AddedPart]:
    radius = chosen(HOOP_RADIUS_M, spec, "size")
    metal = lit_sphere(colour(METALS, spec.slots["material"], "earrings"), "metal")
    # Nearly along the cheek, and a little back, or the jaw would cut it.
    out = np.array([0.89 * np.sign(out[0]), 0.0, 0.45])
    side = np.cross(UP, out)
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)[:, None]
    # The swing brings the lower half off the jaw.
    circle = np.sin(turn) * side + np.cos(turn) * (UP - 0.18 * out)
    thick = (1.7 if spec.slots["style"] == "bold" else 1.0) * WIRE_M * (1.15 - 0.25 * np.cos(turn[:, 0]))
    if spec.slots["style"] == "twisted":
        thick = 1.35 * thick * (1 + 0.28 * np.cos(18 * turn[:, 0]))
    path = (
        lobe - radius * (UP - 0.18 * out) - np.array([0.0, 0.0, 0.22 * radius]) * (1 - np.cos(turn)) + radius * circle
    )
    return [_piece(tube(path, thick, is_closed=True), metal), _piece(ball(lobe, 1.7 * WIRE_M, 16), metal)]


def _stud(lobe: Array, out: Array, spec: VariantSpec) -> list[AddedPart]:
    radius = 0.0042 * chosen(SIZES, spec, "size")
    stone, finish = _stone(spec.slots["material"])
    if finish != "gem":
        return [_piece(ball(lobe + 0.55 * radius * out, radius), lit_sphere(stone, finish))]
    setting = lathe(radius * np.array([[0.0, -0.2], [1.12, -0.2], [1.16, 0.05], [1.05, 0.3], [0.0, 0.3]]), lobe, out)
    metal = lit_sphere(METALS["silver"], "metal")
    return [_piece(setting, metal), _gem(lobe + 0.25 * radius * out, out, radius, stone)]


def _drop(lobe: Array, out: Array, spec: VariantSpec) -> list[AddedPart]:
    size = chosen(SIZES, spec, "size")
    stone, finish = _stone(spec.slots["material"])
    metal = lit_sphere(
        METALS["silver" if spec.slots["material"] in ("silver", "pearl", "sapphire") else "gold"], "metal"
    )
    swing = out * 0.0035
    length = 0.013 * size
    end = lobe - length * UP + swing
    hook = np.linspace(lobe, end, 12)
    pieces = [_piece(ball(lobe, 0.0022, 16), metal), _piece(tube(hook, 0.0007, columns=8), metal)]
    half = 0.0052 * size
    if finish == "gem":
        frame = np.linspace(0, 2 * np.pi, 48, endpoint=False)[:, None]
        middle = end - 1.35 * half * UP
        rim = middle + half * (np.sin(frame) * np.cross(UP, out) + 1.35 * np.cos(frame) * UP)
        pieces.append(_piece(tube(rim, 0.0009, is_closed=True, columns=8), metal))
        return [*pieces, _gem(middle, out, half, stone, tall=1.35)]
    # A tear: a point above, a ball below.
    turn = np.linspace(0, np.pi, 22)
    tear = np.stack([half * np.sin(turn) * np.sin(turn / 2) ** 1.1, 2.0 * half * np.cos(turn)], -1)[::-1]
    return [*pieces, _piece(lathe(tear, end - 2.0 * half * UP, UP), lit_sphere(stone, finish))]


def _gem(centre: Array, out: Array, radius: float, stone: Array, tall: float = 1.0) -> AddedPart:
    """A brilliant: a table, a ring of facets around it, a point behind."""
    profile = radius * np.array([[0.0, -0.5], [1.0, 0.1], [0.62, 0.52], [0.0, 0.56]])
    vertices, faces = lathe(profile, centre, out, 10)
    vertices = vertices + (tall - 1) * (vertices - centre) * UP
    return part((vertices, faces), lit_sphere(stone, "gem"), "earrings", is_faceted=True)


def _stone(material: str) -> tuple[Array, str]:
    if material in METALS:
        return np.array(METALS[material]), "metal"
    return np.array(colour(JEWELS, material, "earrings")), "pearl" if material == "pearl" else "gem"


def _piece(solid: Solid, texture: Array) -> AddedPart:
    return part(solid, texture, "earrings")
