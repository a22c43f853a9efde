"""An untrained avatar: Gaussians placed, masks measured, codes and bases started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from perse_engine.avatar.avatar import ExpressionModel, rest_points
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.drawing import TrainingRasterizer, View
from perse_engine.avatar.head_ways import start_on_head, surface_way, under, way_mask
from perse_engine.avatar.latent import CODE_SIZE, CODE_SPREAD, CodeNetwork
from perse_engine.avatar.masks import Seen, change, covers, mask_of, visibility
from perse_engine.avatar.owning import add_surfaces, distinct
from perse_engine.avatar.pictures import Pictures
from perse_engine.avatar.placing import Placed, Ways, place_on_subject
from perse_engine.avatar.properties import COLOUR, OFFSET, PROPERTIES
from perse_engine.avatar.revealed import SKIN
from perse_engine.avatar.start_revealed import with_revealed
from perse_engine.errors import CorruptFile
from perse_engine.head.subject import PARTS, ExpressionDriver, Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Dataset, Frame, HeadSurface
from perse_engine.synthesis.storage import read_head, read_surface

STAGE = "placing"
BASE_SHARE = 0.68
"""Of the preset's Gaussians; additive categories share the rest."""
FEW, MOST = 6, 24
"""Additive variants that this rest does for; it grows in proportion to their number, up to MOST of them; variants that
share their places count less."""
SHADE_ONLY = ("eyeglasses", "hat", "headphones", "earrings")
"""Categories that only shade what is not their own."""
COLOUR_ONLY = ("skin", *SHADE_ONLY)
"""Categories that change only the colour of Gaussians that are not their own. What a tone of skin learned of sizes
would be noise, in the way of a beard's (docs/experiments.md)."""
PRESSES = ("hat",)
"""Categories that move what lies below: hair, the head's and added."""
LEAST_PUSH_M = 0.0003
SEEN = 0.02
STRANDS = {"hair": 1.5, "earrings": 2.0, "eyeglasses": 1.8}
"""More for what is finely structured, or a wire: hats are smooth."""
SHOWN_SHARE = 0.1
"""Of the frames have to show where a Gaussian is."""
CHANGE_PX, COMPARED = 256, 7
"""Pictures are at most so wide, and of each variant at most so many, where it is measured what a category changes."""
FIRST_SPACING_M = 0.0028
BISECTIONS = 5
MIN_MASK = 0.02
FULL_DIFFERENCE = 0.25
"""Mean difference of colours (0..1) that counts whole where categories share: a beard's; skin's is a quarter of it. The
change mask cannot tell them apart: it is whole from 20 levels on. Hats and hair, which cover, keep it."""

CHANNELS: tuple[Mapping[str, float], ...] = (
    {"jawOpen": 1.0}, {"mouthSmileLeft": 1.0}, {"mouthSmileRight": 1.0}, {"mouthPucker": 1.0}, {"mouthFunnel": 1.0},
    {"browInnerUp": 1.0}, {"browOuterUpLeft": 0.5, "browOuterUpRight": 0.5},
    {"browDownLeft": 0.5, "browDownRight": 0.5},
    {"mouthFrownLeft": 0.5, "mouthFrownRight": 0.5}, {"mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5},
    {"mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.5}, {"mouthStretchLeft": 0.5, "mouthStretchRight": 0.5},
    {"eyeWideLeft": 0.5, "eyeWideRight": 0.5}, {"eyeSquintLeft": 0.5, "eyeSquintRight": 0.5},
)  # fmt: skip
"""Expressions that get a learned residual, beside the subject's own drivers (lids, parting lips)."""


@dataclass(frozen=True)
class Start:
    """Everything that training changes in place, and the posed vertices of every frame."""

    placed: Placed
    categories: dict[str, CategoryModel]
    expression: ExpressionModel
    vertices: dict[int, FloatArray]


def start_avatar(
    subject: Subject, dataset: Dataset, recipe: Recipe, pictures: Pictures, rasterizer: TrainingRasterizer,
    progress: Progress,
) -> Start:  # fmt: skip
    """Deterministic: the same dataset and recipe start the same."""
    # Close-ups, which only the source clip has, show a part of the head and no change.
    compared = {i for c in dataset.clips if c.kind == "variant" for i in c.frames}
    frames = [f for f in dataset.frames if f.split == "train" and f.valid and f.index in compared]
    categories = _variants(dataset)
    placed = _place(subject, dataset, recipe, rasterizer, frames, tuple(categories), progress)
    vertices = {f.index: placed.binding.rig.posed(f.pose, f.expression) for f in dataset.frames}
    view = View(placed.binding, rasterizer, (min(dataset.size_px, CHANGE_PX),) * 2)
    random = np.random.default_rng([recipe.seed, 2])
    models: dict[str, CategoryModel] = {}
    heads: dict[str, list[HeadSurface]] = {}
    showing: dict[str, FloatArray] = {}
    for number, (category, clips) in enumerate(categories.items()):
        progress.report(STAGE, 2 + number, 2 + len(categories))
        seen = pictures.changed, pictures.difference, pictures.showing(category)
        found = _change(view, placed.base, seen, clips, frames, vertices)
        owned = np.zeros(len(placed.base), bool)
        if category in placed.owners:
            owned = placed.owner == placed.owners.index(category)
        models[category] = _category(category, clips, found, owned, dataset, placed, random)
        showing[category] = found[:, 2]
        known = [_head(dataset, clip.path, placed) for clip in clips]
        if None not in known:
            heads[category] = [head for head in known if head is not None]
    source = _head(dataset, _source(dataset), placed)
    if source is not None:
        models = with_revealed(models, source, heads, showing, placed)
    return Start(placed, models, _expression(subject, placed), vertices)


def _change(
    view: View, x: FloatArray, seen: Sequence[Seen], clips: list[Clip], frames: list[Frame],
    vertices: dict[int, FloatArray],
) -> FloatArray:  # fmt: skip
    """`change` in some frames of each clip; a clip may lack some that others have."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, clip in enumerate(clips):
        groups.setdefault(clip.frames, []).append(number)
    found = np.zeros((len(clips), len(seen), len(x)), np.float32)
    for indices, group in groups.items():
        own = [f for f in frames if f.index in indices]
        found[group] = change(view, x, seen, [clips[k] for k in group], own[:: -(-len(own) // COMPARED)], vertices)
    return found


def _variants(dataset: Dataset) -> dict[str, list[Clip]]:
    out: dict[str, list[Clip]] = {}
    for clip in dataset.clips:
        if clip.kind == "variant":
            out.setdefault(clip.look.categories()[0], []).append(clip)
    return out


def _place(
    subject: Subject, dataset: Dataset, recipe: Recipe, rasterizer: TrainingRasterizer, frames: list[Frame],
    categories: tuple[str, ...], progress: Progress,
) -> Placed:  # fmt: skip
    """Bisect the spacing until the wanted number of Gaussians is seen; drop the rest."""
    read = {c: s for c in categories if (s := read_surface(dataset.folder, c)) is not None}
    shown = {c: s.take(np.flatnonzero(_inside_borders(s.points, frames))) for c, s in read.items()}
    surfaces = {c: s for c, s in shown.items() if len(s.points)}
    total = recipe.size().gaussians
    wanted = round(total * BASE_SHARE) if surfaces else total
    vertices = {f.index: subject.look.rig.posed(f.pose, f.expression) for f in frames}
    size = (dataset.size_px, dataset.size_px)
    some = frames[:: max(1, len(frames) // 12)]
    low, high, spacing = 0.4 * FIRST_SPACING_M, 4 * FIRST_SPACING_M, FIRST_SPACING_M * (20_000 / wanted) ** 0.5
    for step in range(BISECTIONS):
        progress.report(STAGE, 0 if step < BISECTIONS // 2 else 1, 2 + len(categories))
        placed = place_on_subject(subject, spacing, recipe.seed)
        view = View(placed.binding, rasterizer, size)
        seen = visibility(view, placed.base, some, vertices) > SEEN
        seen &= _inside_borders(rest_points(placed.binding), frames)
        if abs(seen.sum() / wanted - 1) < 0.05:
            break
        low, high = (spacing, high) if seen.sum() > wanted else (low, spacing)
        # The count goes about with the inverse square of the spacing.
        spacing = float(np.clip(spacing * (seen.sum() / wanted) ** 0.5, low * 1.01, high * 0.99))
    placed = placed.take(np.flatnonzero(seen))
    if not surfaces:
        return placed
    # By the square root of the area: thin frames need more per area than long hair.
    area = {c: STRANDS.get(c, 1.0) * float(len(np.unique(s.place))) ** 0.5 for c, s in surfaces.items()}
    crowd = min(max(sum(distinct(s) for s in surfaces.values()), FEW), MOST) / FEW
    share = total * (1 - BASE_SHARE) * crowd / sum(area.values())
    return add_surfaces(placed, surfaces, {c: round(share * a) for c, a in area.items()})


def _inside_borders(points: FloatArray, frames: list[Frame]) -> np.ndarray:
    """Which points [P, 3] at rest lie inside the lower and side borders of enough frames, [P] bool.

    Of what lies outside, training sees the rims of Gaussians alone, or one picture, and gives them wild colours.
    """
    shown = np.zeros(len(points), np.int64)
    for frame in frames:
        x, y, _ = frame.camera.project(points).T
        shown += (x > 0) & (x < frame.camera.width_px) & (y < frame.camera.height_px)
    return shown >= SHOWN_SHARE * len(frames)


def _category(
    category: str, clips: list[Clip], found: FloatArray, owned: np.ndarray, dataset: Dataset, placed: Placed,
    random: np.random.Generator,
) -> CategoryModel:  # fmt: skip
    """`found` [clips, 3, N]: what each Gaussian's pixels see of changes, differences and the category itself."""
    changed, difference, showing = np.where(placed.owner >= 0, 0, found).swapaxes(0, 1)
    ids = [next(iter(c.look.variants[category])) for c in clips]
    codes = {id: (random.standard_normal(CODE_SIZE) * CODE_SPREAD).astype(np.float32) for id in ids}
    ways = placed.ways.get(category)
    is_shared = ways is not None and bool((ways.shown.sum(0) > 1).any())
    network = CodeNetwork.start(random, np.stack(list(codes.values())), is_shared=is_shared)
    push = _pushed(category, ids, placed)
    is_pushed = np.linalg.norm(push, axis=-1).max(0) > LEAST_PUSH_M
    mask = np.where(owned | is_pushed, np.float32(1), mask_of(changed.max(0)))
    if category == SKIN:
        # Other looks show what hair or cloth hides here: ears, the scalp's edge.
        on = np.flatnonzero(placed.owner < 0)
        for one in _head_ways(category, ids, on, dataset, placed).values():
            mask[on] = np.maximum(mask[on], way_mask(one[1.0]))
    rows = np.flatnonzero(mask > MIN_MASK).astype(np.int32)
    basis = np.zeros((len(network), len(rows), PROPERTIES), np.float32)
    if ways is not None:
        _start_ways(basis, owned[rows], ways, codes, network)
    head = np.flatnonzero(~owned[rows] & ~is_pushed[rows])
    on_head = _head_ways(category, ids, rows[head], dataset, placed)
    dense = changed if category in placed.owners else np.minimum(difference / FULL_DIFFERENCE, 1)
    # What it owns is nobody else's; what it only pushes keeps its looks.
    hides = np.repeat(owned[rows].astype(np.float32)[None], len(ids), 0)
    for number, clip in enumerate(clips):
        below = showing[number, rows[head]] if category in SHADE_ONLY else None
        hides[number, head] = covers(dense[number, rows[head]], _hidden(clip, rows[head], dataset, placed), below)
    model = CategoryModel(network, codes, rows, mask[rows].astype(np.float32), hides, basis)
    # The photo's own eyeglasses make room for others.
    is_replaced = category == "eyeglasses" and bool((placed.block == PARTS.index("eyeglasses")).any())
    columns = np.full(PROPERTIES, category not in COLOUR_ONLY or is_replaced)
    columns[COLOUR] = True
    columns[OFFSET] |= category in PRESSES
    for id, one in on_head.items():
        start_on_head(model, ids.index(id), one, head, columns=columns)
    basis[: len(ids), np.flatnonzero(is_pushed[rows]), OFFSET] = push[:, rows[is_pushed[rows]]]
    return model


def _pushed(category: str, ids: list[str], placed: Placed) -> FloatArray:
    """How far its variants move each Gaussian that another category owns, [V, N, 3] m."""
    out = np.zeros((len(ids), len(placed.base), 3), np.float32)
    for owner, name in enumerate(placed.owners):
        for number, id in enumerate(ids):
            if f"{category}/{id}" in placed.ways[name].pushed:
                out[number, placed.owner == owner] = placed.ways[name].pushed[f"{category}/{id}"]
    return out


def _start_ways(
    basis: FloatArray, own: np.ndarray, ways: Ways, codes: Mapping[str, FloatArray], network: CodeNetwork
) -> None:
    """What is owned appears, moves and grows with the weight; what several variants share has the mean shape and colour
    of those that are mixed, and is there as soon as one is worn, or threads from the first bend on."""
    first = len(network.linear)
    for way, id in enumerate(ways.variants):
        variant = list(codes).index(id)
        if not network.shared:
            basis[variant, own] = ways.whole[way] + ways.portion[way]
            continue
        basis[variant, own] = ways.whole[way]
        basis[first + variant, own] = ways.portion[way]
        for knot, bow in enumerate(ways.bows[way]):
            basis[first + network.shared * (1 + knot) + variant, own] = bow


def _head_ways(
    category: str, ids: list[str], rows: np.ndarray, dataset: Dataset, placed: Placed
) -> dict[str, dict[float, FloatArray]]:
    """Variant -> weight -> `surface_way` [n, 14] of Gaussians on the head, as far as the dataset tells what became of
    the head's surface: 1 is among the weights."""
    before = _head(dataset, _source(dataset), placed)
    if before is None:
        return {}
    binding = placed.binding.take(rows)
    out: dict[str, dict[float, FloatArray]] = {id: {} for id in ids}
    for clip in dataset.clips:
        worn = list(clip.look.variants.get(category, {}))
        if clip.kind in ("variant", "between") and len(worn) == 1 and worn[0] in out:
            after = _head(dataset, clip.path, placed)
            if after is not None:
                out[worn[0]][clip.look.variants[category][worn[0]]] = surface_way(before, after, binding)
    return {id: ways for id, ways in out.items() if 1.0 in ways}


def _hidden(clip: Clip, rows: np.ndarray, dataset: Dataset, placed: Placed) -> FloatArray | None:
    """How much a variant hides of what lies below it, [n], as far as the dataset tells."""
    head = _head(dataset, clip.path, placed)
    return None if head is None else under(head, head.hides, placed.binding.take(rows))


def _source(dataset: Dataset) -> str:
    return next(c.path for c in dataset.clips if c.kind == "source")


def _head(dataset: Dataset, clip: str, placed: Placed) -> HeadSurface | None:
    head = read_head(dataset.folder, clip)
    needed = int(placed.binding.triangles[placed.owner < 0].max()) + 1
    if head is not None and len(head.vertices) < needed:
        raise CorruptFile(f"heads/{clip}.safetensors has {len(head.vertices)} vertices, fewer than the subject.")
    return head


def _expression(subject: Subject, placed: Placed) -> ExpressionModel:
    own = tuple(b.driver for b in subject.look.blends)
    drivers = (*own, *(ExpressionDriver("+".join(c), dict(c)) for c in CHANNELS))
    moving = [PARTS.index(p) for p in ("mouth", "face", "eyes", "irises")]
    rows = np.flatnonzero(np.isin(placed.block, moving) & (placed.owner < 0)).astype(np.int32)
    return ExpressionModel(drivers, rows, np.zeros((len(drivers), len(rows), 7), np.float32))
