"""The torso as a cylinder of rows and columns: places on it, and a texture of its own for what it wears.

In the photo's texture the sides of the torso repeat its front, so nothing can be painted there; a garment gets a chart
with a place for every direction. It starts as a copy of what the torso shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator

from perse_engine.head.sampling import grid_faces, push_pull, resample_grid, sample
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS, Subject
from perse_engine.head.torso import AROUND_DEG, COLUMNS
from perse_engine.synthesis.procedural.outfit import Chart, Outfit
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

HEIGHT, WIDTH = 640, 1024
NAME = "torso"
FRONT = np.radians(85.0)
"""Directions that count as the side which faces the front."""


@dataclass(frozen=True)
class Torso:
    """Rest places, normals [R, C, 3] and bone weights [R, C, 4] of the grid; turn [C] radians, 0 in front.

    `axis_x`, `neck` (half width, metres), `sides` (height of the right and left foot of the neck), `chin` (height),
    `face` (height of the face): what garments are measured by.
    """

    points: Array
    normals: Array
    weights: Array
    turn: Array
    axis_x: float
    neck: float
    sides: tuple[float, float]
    chin: float
    face: float

    @staticmethod
    def of(subject: Subject) -> Torso:
        """Read the grid back from the rig, where it comes first."""
        look = subject.look
        count = int(look.faces[look.face_part == PARTS.index("torso")].max()) + 1
        flat = look.rig.vertices[:count].astype(np.float64)
        shape = (count // COLUMNS, COLUMNS)
        normals = vertex_normals(flat, grid_faces(*shape)).reshape(*shape, 3)
        points = flat.reshape(*shape, 3)
        if (normals[:, COLUMNS // 2, 2]).mean() < 0:
            normals = -normals
        chin = float(subject.landmark(152)[1])
        above = max(3, int((points[:, COLUMNS // 2, 1] > chin).sum()))
        middle = float(points[:above, COLUMNS // 2, 0].mean())
        flanks = points[:, [COLUMNS // 4, -COLUMNS // 4]]
        apart = np.abs(flanks[..., 0] - middle)
        # Each side by itself: a head that is tilted in the photo leaves its neck off the middle.
        halves = np.median(apart[:above], 0)
        neck = float(halves.mean())
        wide = apart > 1.18 * np.maximum(halves, 0.9 * neck)
        feet = [int(np.argmax(w)) if w.any() else len(points) // 2 for w in wide.T]
        found = np.array([flanks[foot, k, 1] for k, foot in enumerate(feet)])
        # Shoulders are seldom level in a photo, but where one is hidden the other decides.
        sides = np.clip(found, found.max() - 0.045, found.max())
        weights = look.rig.bone_weights[:count].reshape(*shape, -1).astype(np.float64)
        face = float(subject.landmark(10)[1]) - chin
        turn = np.radians(np.linspace(-AROUND_DEG, AROUND_DEG, COLUMNS))
        return Torso(points, normals, weights, turn, middle, neck, (float(sides[0]), float(sides[1])), chin, face)

    def front_place(self, xy: Array) -> Array:
        """Chart px [..., 2] of what lies at x, y (metres) on the side that faces the front."""
        inside, beside = self._front
        found = inside(xy)
        grid = np.where(np.isnan(found), beside(xy), found) if np.isnan(found).any() else found
        return np.asarray(grid / [COLUMNS - 1, len(self.points) - 1] * [WIDTH - 1, HEIGHT - 1])

    @cached_property
    def _front(self) -> tuple[LinearNDInterpolator, NearestNDInterpolator]:
        reach = np.abs(self.turn) < FRONT
        row, column = np.mgrid[0 : len(self.points), 0:COLUMNS][:, :, reach]
        where, values = self.points[:, reach, :2].reshape(-1, 2), np.stack([column, row], -1).reshape(-1, 2)
        return LinearNDInterpolator(where, values), NearestNDInterpolator(where, values)

    def at(self, px: Array, values: Array) -> Array:
        """A grid's values [R, C, D] at chart px [..., 2]."""
        grid = px / [WIDTH - 1, HEIGHT - 1] * [COLUMNS - 1, len(self.points) - 1]
        return sample(values.astype(np.float32), grid).astype(np.float64)

    def turn_at(self, column: Array) -> Array:
        """The direction (radians) of chart columns."""
        return np.asarray(self.turn[0] + column / (WIDTH - 1) * (self.turn[-1] - self.turn[0]))


@dataclass(frozen=True)
class ChartSurface:
    """Of texels at rest: places and normals [H, W, 3], and how far apart they are across and down [H, W], metres."""

    places: Array
    normals: Array
    across: Array
    down: Array


@remembered
def torso_of(subject: Subject) -> Torso:
    """The person's torso."""
    return Torso.of(subject)


@remembered
def chart_surface(subject: Subject) -> ChartSurface:
    """The surface that the person's chart covers."""
    torso = torso_of(subject)
    places, normals = resample_grid(torso.points, HEIGHT, WIDTH), resample_grid(torso.normals, HEIGHT, WIDTH)
    across, down = (np.linalg.norm(np.gradient(places, axis=axis), axis=-1) + 1e-5 for axis in (1, 0))
    return ChartSurface(places, normals, across, down)


def chart_of(outfit: Outfit) -> Chart:
    """The torso's own chart, made when it is first asked for."""
    if NAME not in outfit.charts:
        torso = torso_of(outfit.subject)
        rows = len(torso.points)
        count = rows * COLUMNS
        uv = outfit.subject.look.uv[:count].reshape(rows, COLUMNS, 2)
        at = resample_grid(uv, HEIGHT, WIDTH)
        labels = outfit.labels[at[..., 1].astype(int), at[..., 0].astype(int)]
        v, u = np.mgrid[0:rows, 0:COLUMNS]
        own = np.stack([u / (COLUMNS - 1) * (WIDTH - 1), v / (rows - 1) * (HEIGHT - 1)], -1) + 0.5
        texture = sample(outfit.texture, at - 0.5)
        outfit.charts[NAME] = Chart(np.arange(count), own.reshape(-1, 2), texture, labels)
    return outfit.charts[NAME]


def neck_skin(chart: Chart, above: Array) -> Array:
    """Skin continued downwards from where the neck is bare above a neckline, [H, W, 3]."""
    bare = (chart.labels == REGION_LABELS["skin"]) & (chart.texture[..., 3] > 0.9) & above
    # Further round the photo's texture repeats what is at its edge, often background.
    turn = np.linspace(-AROUND_DEG, AROUND_DEG, WIDTH)
    bare &= np.abs(turn)[None] < 60
    known = cv2.erode(bare.astype(np.uint8), np.ones((9, 9))).astype(np.float32)
    if known.sum() < 500:
        return np.asarray(chart.texture[..., :3])
    small = cv2.resize(
        chart.texture[..., :3] * known[..., None], (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA
    )
    share = cv2.resize(known, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA)
    filled = push_pull(small / np.maximum(share, 1e-3)[..., None], (share > 0.5).astype(np.float32))
    return np.asarray(cv2.resize(cv2.GaussianBlur(filled, (0, 0), 3), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR))
