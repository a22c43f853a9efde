"""Hats: a copy of the cranium with its hair, lifted outwards, so that it fits by construction; brims and visors.

The weight is how far the hat is pulled on: its lower edge comes down from the crown. Between two variants it is one hat
of a shape and colour between theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.head.sampling import resample_grid, smoothstep
from perse_engine.head.scalp import vertex_normals
from perse_engine.head.subject import PARTS, Subject
from perse_engine.synthesis.procedural.brim_shadow import BESIDE, brim_shade, part_points, shade_part
from perse_engine.synthesis.procedural.choices import chosen
from perse_engine.synthesis.procedural.colours import CLOTH, colour
from perse_engine.synthesis.procedural.hat_crowns import BLOCKS, blocked
from perse_engine.synthesis.procedural.hat_hair import press_hair
from perse_engine.synthesis.procedural.hat_ring import (
    AXIS_Z,
    BELOW_M,
    BRIMLESS,
    HALF_EDGE_M,
    TILT,
    TWILL,
    WHOLE_BRIM,
    Brim,
    Cloth,
    Crown,
    brim_of,
    lit_grid,
    placed,
)
from perse_engine.synthesis.procedural.hat_shells import LIFT_M, shell
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.remembered import remembered
from perse_engine.synthesis.procedural.shadow import contact_shade, darken, head_points, on_texels
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import VariantSpec

Array = npt.NDArray[Any]

BANDED = ("fedora",)
BAND_M = (0.005, 0.027)
"""From and to, above the edge."""
BAND_ROWS, BAND_LIFT_M, BAND_TONE = 7, 0.0012, 0.35
CONTACT, CONTACT_M, BRIM_SHADE = 0.7, 0.012, 0.95
"""How dark shadows are, and how far that of touching reaches."""


def hat(outfit: Outfit, worn: Worn) -> None:
    """Add the crown, what the type has beside it, and their shadow."""
    weight = worn.weight
    tone = worn.mean(_tone)
    crown = _crown(outfit.subject)
    # At weight 0 the edge lies at the very top, at 1 where the hat sits.
    edge = crown.top * (1 - weight)
    cloth = _covering(crown, worn, edge)
    press_hair(outfit, crown, cloth, edge)
    parts = [_cut(cloth, worn, tone)]
    brimmed = _of_kinds(worn, lambda kind: kind not in BRIMLESS)
    if brimmed.variants:
        parts.append(_brim(crown, cloth, brimmed, tone, edge))
    banded = _of_kinds(worn, lambda kind: kind in BANDED)
    if banded.variants:
        parts.append(_band(cloth, tone, banded.weight / weight))
    if outfit.casts_shadows:
        _shade(outfit, crown, parts, edge, weight, brimmed.weight)
    if not brimmed.variants:
        # Where a brim grows from in a mix.
        parts.append(_no_brim(crown, cloth, edge, weight))
    outfit.parts += parts


def _shade(outfit: Outfit, crown: Crown, parts: Sequence[AddedPart], edge: float, weight: float, brims: float) -> None:
    """Below the crown's edge and, softer and further down, below the brim: the second part where brims weigh more than
    0, and its shade by that weight, or a little of a brimmed hat in a mix would shade all at once."""
    lit = 1 - CONTACT * weight * contact_shade(outfit.subject, parts[:1], CONTACT_M)
    if brims > 0:
        brim = parts[1].vertices
        lit *= 1 - BRIM_SHADE * brims * brim_shade(crown, brim, edge, head_points(outfit.subject))
        for part, share in BESIDE.items():
            points = part_points(outfit.subject, part)
            shade_part(outfit, part, share * brims * float(brim_shade(crown, brim, edge, points).mean()))
    darken(outfit, on_texels(outfit.subject, 1 - lit))


def _of_kinds(worn: Worn, has: Callable[[str], bool]) -> Worn:
    return Worn(tuple((spec, w) for spec, w in worn.variants if has(_kind(spec))))


def _kind(spec: VariantSpec) -> str:
    return chosen({kind: kind for kind in (*LIFT_M, *BLOCKS)}, spec, "type")


def _tone(spec: VariantSpec) -> Array:
    return np.array(colour(CLOTH, spec.slots["colour"], "hat"))


def _covering(crown: Crown, worn: Worn, edge: float) -> Cloth:
    cloths: dict[str, Cloth] = {}
    for spec in worn.specs:
        kind = _kind(spec)
        cloths[spec.id] = (shell if kind in LIFT_M else blocked)(crown, kind, edge, worn.weight)
    rows = max(len(cloth.grid) for cloth in cloths.values())
    return Cloth(
        worn.mean(lambda spec: _with_rows(cloths[spec.id].grid, rows)),
        worn.mean(lambda spec: cloths[spec.id].paint),
        worn.mean(lambda spec: cloths[spec.id].above),
        worn.mean(lambda spec: cloths[spec.id].appears),
    )


def _with_rows(grid: Array, rows: int) -> Array:
    return grid if len(grid) == rows else resample_grid(grid, rows, grid.shape[1])


def _cut(cloth: Cloth, worn: Worn, tone: Array) -> AddedPart:
    """The cloth, transparent below the edge."""
    hatched = worn.mean(lambda spec: float(_kind(spec) == "bucket"))
    part = lit_grid(cloth.grid, tone, hatched=hatched, paint=cloth.paint)
    if worn.weight < 1:
        part.texture[..., 3] = smoothstep(cloth.above, -BELOW_M - HALF_EDGE_M, -BELOW_M + HALF_EDGE_M)
    return replace(part, appears=cloth.appears.astype(np.float32))


def _brim(crown: Crown, cloth: Cloth, worn: Worn, tone: Array, edge: float) -> AddedPart:
    brims = {spec.id: brim_of(_kind(spec)) for spec in worn.specs}
    mean = Brim(
        worn.mean(lambda spec: brims[spec.id].turn),
        worn.mean(lambda spec: brims[spec.id].reach),
        worn.mean(lambda spec: brims[spec.id].rise),
    )
    hatched = worn.mean(lambda spec: float(_kind(spec) in TWILL))
    # A little inside, so that the two meet.
    ring = cloth.ring(mean.turn) - 0.001
    return lit_grid(placed(crown, mean, ring, edge, worn.weight), tone, hatched=hatched)


def _no_brim(crown: Crown, cloth: Cloth, edge: float, weight: float) -> AddedPart:
    """The brim of a hat without one: of next to no width, and invisible."""
    whole = brim_of(WHOLE_BRIM)
    none = Brim(whole.turn, 0.002 * whole.reach, 0 * whole.rise)
    part = lit_grid(placed(crown, none, cloth.ring(none.turn) - 0.001, edge, weight), np.zeros(3))
    part.texture[..., 3] = 0
    return part


def _band(cloth: Cloth, tone: Array, share: float) -> AddedPart:
    """A ribbon around the crown above its edge, which it comes down with; in a mix as opaque as its share."""
    rows, columns = cloth.grid.shape[:2]
    above = resample_grid(cloth.above[..., None], rows, columns)[..., 0]
    heights = np.linspace(*BAND_M, BAND_ROWS)
    grid = np.stack(
        [[np.interp(heights, above[:, c], cloth.grid[:, c, k]) for c in range(columns)] for k in range(3)], -1
    ).swapaxes(0, 1)
    out = grid - [0.0, 0.0, AXIS_Z]
    out[..., 1] = 0
    grid += BAND_LIFT_M * out / np.maximum(np.linalg.norm(out, axis=-1, keepdims=True), 1e-6)
    part = lit_grid(grid, BAND_TONE * tone)
    part.texture[..., 3] = share
    return part


@remembered
def _crown(subject: Subject) -> Crown:
    look = subject.look
    head = np.isin(look.face_part, [PARTS.index("face"), PARTS.index("scalp")])
    faces = look.faces[head]
    vertices = look.rig.vertices.astype(np.float64)
    normals = vertex_normals(vertices, faces)
    brow = (subject.landmark(105) + subject.landmark(334)) / 2
    forehead = subject.landmark(10)
    base = 0.68 * brow[1] + 0.32 * forehead[1] - TILT * forehead[2]
    height = vertices[:, 1] - base - TILT * vertices[:, 2]
    inside = (height[faces] > -0.012).all(1)
    used, local = np.unique(faces[inside], return_inverse=True)
    kept = local.reshape(-1, 3).astype(np.int32)
    smooth = _smoothed(vertices[used], kept, 3)
    return Crown(smooth, normals[used], kept, height[used], float(height[used].max()), base)


def _smoothed(points: Array, faces: npt.NDArray[np.int32], rounds: int) -> Array:
    """Laplacian smoothing, outwards only: cloth spans the dents of a hairdo."""
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    centre = points.mean(0)
    for _ in range(rounds):
        total, count = np.zeros_like(points), np.zeros(len(points))
        for a, b in (edges.T, edges[:, ::-1].T):
            np.add.at(total, a, points[b])
            np.add.at(count, a, 1)
        mean = total / np.maximum(count, 1)[:, None]
        outer = np.linalg.norm(mean - centre, axis=1) > np.linalg.norm(points - centre, axis=1)
        points = np.where(outer[:, None], mean, 0.6 * points + 0.4 * mean)
    return points
