"""The contact sheet of an avatar: poses, expressions and variants on one picture, sliders half way too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.look import Look
from perse_engine.rendering.image import to_uint8
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Gaze, Pose

BACKGROUND = (0.82, 0.84, 0.86)
COLUMNS = 6

SMILE = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}


@dataclass(frozen=True)
class Cell:
    """One picture of the sheet."""

    caption: str
    look: Look = field(default_factory=Look)
    pose: Pose = field(default_factory=Pose)
    expression: Expression = field(default_factory=Expression)


def pose_cells() -> list[Cell]:
    """The source look from where people look at heads."""
    views = [(-35, 0), (-20, 0), (0, 0), (20, 0), (35, 0), (0, 15), (0, -15), (20, 12), (-20, -12)]
    cells = [Cell(f"yaw {y} pitch {p}", pose=Pose(y, p)) for y, p in views]
    looks = [("left", Gaze(25, 0)), ("right", Gaze(-25, 0)), ("up", Gaze(0, 15))]
    return cells + [Cell(f"gaze {name}", pose=Pose(gaze=gaze)) for name, gaze in looks]


def expression_cells() -> list[Cell]:
    """The expressions that people notice first."""
    expressions: Sequence[tuple[str, Mapping[str, float]]] = (
        ("neutral", {}),
        ("smile 0.8", SMILE),
        ("jawOpen 0.3", {"jawOpen": 0.3}),
        ("jawOpen 0.6", {"jawOpen": 0.6}),
        ("smile + jawOpen", SMILE | {"jawOpen": 0.4}),
        ("blink 0.5", dict.fromkeys(BLINK, 0.5)),
        ("blink 1", BLINK),
        ("wink left", {"eyeBlinkLeft": 1.0}),
        ("brows up", {"browInnerUp": 0.9, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7}),
        ("brows down", {"browDownLeft": 0.9, "browDownRight": 0.9}),
        ("pucker", {"mouthPucker": 0.9}),
        ("frown", {"mouthFrownLeft": 0.9, "mouthFrownRight": 0.9}),
    )
    return [Cell(name, expression=Expression(dict(weights))) for name, weights in expressions]


def variant_cells(variants: Mapping[str, Sequence[str]]) -> Iterator[Cell]:
    """Each variant half way and whole, at changing poses and expressions."""
    poses = (Pose(0, 0), Pose(20, 0), Pose(-20, 5), Pose(28, -5), Pose(-30, 0))
    index = 0
    for category, names in variants.items():
        for name in names:
            for weight in (0.5, 1.0):
                expression = Expression(SMILE if index % 3 == 1 else {"jawOpen": 0.35} if index % 3 == 2 else {})
                yield Cell(
                    f"{category} {name} {weight:g}",
                    Look({category: {name: weight}}),
                    poses[index % len(poses)],
                    expression,
                )
                index += 1


def between_cells(variants: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Half of one variant and half of the next of its category."""
    return [
        Cell(f"{category} {a[:14]} + {b[:14]}", Look({category: {a: 0.5, b: 0.5}}), Pose(15.0))
        for category, names in variants.items()
        for a, b in pairwise(names)
    ]


def mix_cells(variants: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Several sliders half way at once, and several categories whole."""
    firsts = {c: names[0] for c, names in variants.items() if names}
    lasts = {c: names[-1] for c, names in variants.items() if names}
    cells = []
    for caption, chosen, weight in (("all", firsts, 0.5), ("all, other", lasts, 0.5), ("all", firsts, 1.0)):
        for yaw in (0.0, 25.0):
            look = Look({c: {v: weight} for c, v in chosen.items()})
            cells.append(Cell(f"{caption} at {weight:g}", look, Pose(yaw)))
    return cells


def contact_sheet(
    renderer: Renderer, variants: Mapping[str, Sequence[str]], *, cell_px: int = 256
) -> npt.NDArray[np.uint8]:
    """Render the sheet, [H, W, 3] uint8: blocks of rows for poses, expressions, variants, what is between, mixes."""
    blocks = [
        pose_cells(), expression_cells(), list(variant_cells(variants)), between_cells(variants), mix_cells(variants)
    ]  # fmt: skip
    camera = Camera.orbit(width_px=cell_px, height_px=cell_px)
    empty = np.broadcast_to(to_uint8(np.array(BACKGROUND, np.float32)), (cell_px, cell_px, 3))
    rows = []
    for block in blocks:
        pictures = [_picture(renderer, cell, camera) for cell in block]
        pictures += [empty] * (-len(pictures) % COLUMNS)
        rows += [np.hstack(pictures[i : i + COLUMNS]) for i in range(0, len(pictures), COLUMNS)]
    return np.vstack(rows)


def _picture(renderer: Renderer, cell: Cell, camera: Camera) -> npt.NDArray[np.uint8]:
    output = renderer.render(cell.look, cell.pose, cell.expression, camera, BACKGROUND)
    picture = to_uint8(output.rgb)
    cv2.putText(picture, cell.caption, (5, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (20, 20, 20), 1, cv2.LINE_AA)
    return picture
