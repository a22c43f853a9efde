"""Rows of teeth on dental arches: crowns of their own widths with gums, or the photo's where it shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.head_frame import HeadFrame
from perse_engine.head.part import Part, sheet
from perse_engine.head.sampling import push_pull, resample_grid, sample, smoothstep
from perse_engine.head.shapes import ShapeFields
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

COLUMNS = 61
ROWS = 15
TEXELS = (96, 320)
"""Of a row that is made."""
PHOTO_TEXELS = (72, 192)
BEHIND_LIPS_MM = 4.5
UPPER_WIDTHS_MM = np.array([8.5, 6.6, 7.6, 7.0, 6.8, 10.0])
LOWER_WIDTHS_MM = np.array([5.3, 5.8, 6.8, 7.0, 7.1, 11.0])
"""Mesiodistal widths of crowns from the middle to the first molar (Wheeler's Dental Anatomy)."""
UPPER_LENGTHS_MM = np.array([10.0, 9.0, 9.9, 8.4, 8.0, 7.4])
LOWER_LENGTHS_MM = np.array([8.6, 8.9, 10.0, 8.4, 8.0, 7.4])
POINTED = np.array([0.25, 0.45, 1.5, 1.1, 0.8, 0.5])
"""How much lower the middle of a crown's edge is than its corners, mm."""
ARCH_HALF_WIDTH_MM, ARCH_DEPTH_MM = 27.0, 40.0
GUM_MM = 5.0
LOWEST = 1.1
LIP_EDGE, CORNER_EDGE = 0.96, 0.55
"""Where upper teeth end that the lower lip hides, and where the halves part at the corners, from lip to lip."""
DARK = np.array([0.10, 0.035, 0.03])


@dataclass(frozen=True)
class MouthColours:
    """sRGB 0..1 as the photo's light shows them; slope: how much brighter per mm towards +x."""

    tooth: Array
    gum: Array
    lip: Array
    slope: float = 0.0


@dataclass(frozen=True)
class Arch:
    """One row at rest: front is the middle of its biting edge in mm, head frame."""

    front: Array
    half_width: float = ARCH_HALF_WIDTH_MM
    depth: float = ARCH_DEPTH_MM

    def line(self, columns: int = COLUMNS) -> tuple[Array, Array]:
        """Points (x, z) [columns, 2] mm evenly along an ellipse through the front; their way along it [columns] mm."""
        turn = np.linspace(-1.35, 1.35, 400)
        ellipse = np.stack([self.half_width * np.sin(turn), -self.depth * (1 - np.cos(turn))], -1)
        way = np.r_[0, np.cumsum(np.linalg.norm(np.diff(ellipse, axis=0), axis=1))]
        way -= way[-1] / 2
        even = np.linspace(way[0], way[-1], columns)
        line = np.stack([np.interp(even, way, ellipse[:, k]) for k in range(2)], -1)
        return line + self.front[[0, 2]], even


def made_row(arch: Arch, colours: MouthColours, *, is_upper: bool) -> tuple[Array, Array]:
    """A row at rest [ROWS, COLUMNS, 3] mm and its texture [96, 320, 4]."""
    line, way = arch.line()
    sign = 1.0 if is_upper else -1.0
    lengths = UPPER_LENGTHS_MM if is_upper else LOWER_LENGTHS_MM
    height = float(lengths.max()) + GUM_MM
    # From the biting edge to the root; the edge rises a little to the back (the curve of Spee).
    root = np.linspace(0, height, ROWS)[:, None]
    grid = np.empty((ROWS, COLUMNS, 3))
    outward = line - np.array([arch.front[0], arch.front[2] - arch.depth])
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    # Crowns are convex; roots go in and gums come out a little.
    bulge = 0.9 * np.sin(np.pi * np.clip(root / lengths.max(), 0, 1)) - 0.6 * smoothstep(root, 8.0, height)
    flat = line[None] + outward[None] * bulge[..., None]
    grid[..., 0], grid[..., 2] = flat[..., 0], flat[..., 1]
    rise = (1.5 if is_upper else 0.4) * np.abs((line[:, 0] - arch.front[0]) / arch.half_width) ** 2
    grid[..., 1] = arch.front[1] + sign * root + rise[None]
    return grid, _crowns(way[-1], height, colours, is_upper=is_upper)


def _crowns(reach: float, height: float, colours: MouthColours, *, is_upper: bool) -> Array:
    """The texture of a row: v from the biting edge to the root, u along the arch."""
    rows, columns = TEXELS
    s = np.linspace(-reach, reach, columns)[None] * np.ones((rows, 1))
    y = np.linspace(0, height, rows)[:, None] * np.ones((1, columns))
    widths = UPPER_WIDTHS_MM if is_upper else LOWER_WIDTHS_MM
    lengths = UPPER_LENGTHS_MM if is_upper else LOWER_LENGTHS_MM
    edges = np.r_[0, np.cumsum(widths)]
    tooth = np.clip(np.searchsorted(edges, np.abs(s), side="right") - 1, 0, len(widths) - 1)
    # -1..1 across the crown.
    u = np.clip(2 * (np.abs(s) - edges[tooth]) / widths[tooth] - 1, -1, 1)
    pointed = POINTED[tooth] if is_upper else 0.7 * POINTED[tooth]
    own = lengths[tooth] - lengths.max()
    tip = -0.6 * own + pointed * np.abs(u) ** 2 + 0.8 * np.abs(u) ** 8
    neck = tip.min() + lengths.max() + 0.6 * own - 1.5 * np.abs(u) ** 3
    alpha = smoothstep(y, tip - 0.1, tip + 0.35)
    gums = smoothstep(y, neck - 0.25, neck + 0.35)
    return _shaded(s, y - tip, u, alpha, gums, tooth, colours, is_upper=is_upper)


def _shaded(
    s: Array, y: Array, u: Array, alpha: Array, gums: Array, tooth: Array, colours: MouthColours, *, is_upper: bool
) -> Array:
    """Enamel rounds off to its sides, is warmer at the neck and greyer at the edge; cheeks darken what is far back."""
    # Contacts between crowns are narrow, the open angles at their edges and necks wider.
    contact = np.exp(-(((1 - np.abs(u)) / (0.07 + 0.05 * smoothstep(y, 2.5, 0.0))) ** 2))
    side = 1 - 0.20 * np.abs(u) ** 3 - 0.42 * contact
    lip = 1 - (0.38 if is_upper else 0.25) * smoothstep(y, 4.0, 12.0)
    gloss = 0.10 * np.exp(-(((u + 0.25) / 0.30) ** 2) - ((y - 3.8) / 2.4) ** 2)
    individual = 1 + np.array([0.02, -0.02, -0.05, -0.03, -0.05, -0.06])[tooth]
    back = 1 - 0.90 * smoothstep(np.abs(s), 11.0, 36.0)
    light = np.clip(1 + colours.slope * s, 0.75, 1.25)
    warm = smoothstep(y, 3.0, 9.5)[..., None] * np.array([0.02, 0.06, 0.13])
    clear = smoothstep(y, 1.4, 0.2)[..., None] * np.array([0.13, 0.10, 0.06])
    enamel = colours.tooth * (1 - warm - clear) * (side * individual)[..., None] + gloss[..., None]
    ridge = 1 - 0.14 * contact
    flesh = colours.gum * (ridge * 0.95)[..., None] + 0.05 * np.exp(-((u / 0.5) ** 2))[..., None]
    rgb = enamel * (1 - gums[..., None]) + flesh * gums[..., None]
    rgb = rgb * (back * lip * light)[..., None]
    rgb = rgb + DARK * 0.6 * (1 - back)[..., None]
    return np.dstack([np.clip(rgb, 0, 1), alpha])


def upper_row(arch: Arch, colours: MouthColours) -> Part:
    """Made upper teeth; they belong to the skull."""
    grid, texture = made_row(arch, colours, is_upper=True)
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"])


def lower_row(arch: Arch, colours: MouthColours, shapes: ShapeFields) -> Part:
    """Made lower teeth; they belong to the jaw, which the photo may show open."""
    rest, texture = made_row(arch, colours, is_upper=False)
    grid = rest + shapes.source.get("jawOpen", 0.0) * shapes.jaw_motion(rest)["jawOpen"]
    return sheet("mouth", grid, texture, REGION_LABELS["mouth_interior"], motion=shapes.jaw_motion(grid))


def photographed_rows(
    analysis: PortraitAnalysis, frame: HeadFrame, upper: Array, lower: Array, colours: MouthColours,
    shapes: ShapeFields,
) -> tuple[Part, Part]:  # fmt: skip
    """What an open mouth shows between its lip lines [C, 3]: what lies below the upper teeth, and these.

    What lips hide is guessed. Flesh and lower teeth under the upper ones go with the jaw.
    """
    columns = len(upper)
    # A little longer than seen: the lower lip covers the edge.
    down = np.linspace(-0.9, LOWEST, ROWS)[:, None, None]
    grid = upper[None] * (1 - down) + lower[None] * down
    middle = (upper[0, 0] + upper[-1, 0]) / 2
    grid[..., 0] = middle + (grid[..., 0] - middle) * 1.08
    # Rows of teeth are an arch: without it the ends poke through the cheeks.
    grid[..., 2] -= BEHIND_LIPS_MM + 7 * np.linspace(-1, 1, columns)[None] ** 4
    texture = _photographed(analysis, frame, grid, colours)
    is_upper = _above_edge(texture[..., :3], colours.tooth)
    rest = np.dstack([texture[..., :3], 1 - is_upper])
    teeth = np.dstack([texture[..., :3], is_upper])
    label = REGION_LABELS["mouth_interior"]
    motion = shapes.jaw_motion(grid)
    grid_below = grid - np.array([0, 0, 0.4])
    return sheet("mouth", grid_below, rest, label, motion=motion), sheet("mouth", grid, teeth, label)


def _above_edge(rgb: Array, tooth: Array) -> Array:
    """Where the upper teeth end on the photographed row [H, W, 3], [H, W] in 0..1; dark corners count as above."""
    height, width = rgb.shape[:2]
    light = rgb.mean(-1) / float(tooth.mean())
    # Enamel is nearly grey, lips and gums are red.
    redness = (rgb[..., 0] - rgb[..., 1:].mean(-1)) / np.maximum(rgb[..., 0], 1e-3)
    own = (tooth[0] - tooth[1:].mean()) / tooth[0]
    is_tooth = (light > 0.72) & (redness < own + 0.14)
    rows = np.arange(height)[:, None]
    lowest = np.where(is_tooth, rows, 0).max(0).astype(np.float32)
    across = np.linspace(-1, 1, width)
    lip = _row(LIP_EDGE, height)
    # Where teeth reach the lower lip or there are none, the column does not tell.
    tells = (lowest < lip) & (lowest > 0.45 * height) & (np.abs(across) < 0.6)
    edge = np.full(width, lip)
    if tells.sum() > 0.45 * (np.abs(across) < 0.6).sum():
        edge = np.minimum(_arc(across, lowest, tells), lip)
    # At the corners both halves part in the middle.
    corner = smoothstep(np.abs(across), 0.55, 0.85)
    edge = edge + (_row(CORNER_EDGE, height) - edge) * corner
    return np.asarray(1 - smoothstep(rows * np.ones((1, width)), edge[None], edge[None] + 2.5))


def _row(down: float, height: int) -> float:
    """The texel row at a share of the way from the upper lip's line to the lower one's."""
    return (down + 0.9) / (LOWEST + 0.9) * height


def _arc(across: Array, lowest: Array, tells: Array) -> Array:
    """The smooth arc of biting edges through the columns that tell, outliers weighed down."""
    weight = tells.astype(np.float64)
    fit = np.zeros_like(across)
    for _ in range(6):
        fit = np.polyval(np.polyfit(across, lowest, 2, w=np.sqrt(weight) + 1e-9), across)
        weight = tells / (1 + ((lowest - fit) / 2.0) ** 2)
    return np.asarray(fit)


def _photographed(analysis: PortraitAnalysis, frame: HeadFrame, grid: Array, colours: MouthColours) -> Array:
    height, width = PHOTO_TEXELS
    photo = analysis.work_rgb.astype(np.float32) / 255
    where = frame.project(resample_grid(grid, height, width))[..., :2]
    inside = smoothstep(sample(cv2.erode(analysis.regions.mouth_interior, np.ones((3, 3))), where), 0.5, 0.98)
    seen = sample(photo, where)
    guess = push_pull(seen, (inside > 0.9).astype(np.float32))
    down = np.linspace(-0.9, LOWEST, height)[:, None] * np.ones((1, width))
    across = np.linspace(-1, 1, width)[None] * np.ones((height, 1))
    gums = smoothstep(down, -0.10, -0.38)[..., None]
    lightness = guess.mean(-1, keepdims=True) / max(float(guess.mean()), 1e-3)
    guess = guess * (1 - gums) + 0.45 * colours.gum * (1 + lightness) * gums
    corner = smoothstep(np.abs(across), 0.80, 0.97)[..., None]
    guess = guess * (1 - corner) + DARK * corner
    shade = 1 - 0.35 * smoothstep(down, 0, -0.6)[..., None]
    rgb = seen * inside[..., None] + (1 - inside[..., None]) * guess * shade
    return np.dstack([np.clip(rgb, 0, 1), np.ones((height, width))])
