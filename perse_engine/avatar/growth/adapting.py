"""Adapting: fit an adapter and appended Gaussians to a lesson, with everything else of the avatar frozen.

What a clip shows without the adapter is baked once per clip; a step then adds the adapter, draws, and follows
hand-written gradients back to the adapter's basis and to the appended Gaussians only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.added import RANK, Adapter, AddedVariant, gates
from perse_engine.avatar.avatar import ALL_COLUMNS, Avatar
from perse_engine.avatar.drawing import TrainingRasterizer, View
from perse_engine.avatar.growth.appending import Appended
from perse_engine.avatar.growth.inversion import with_expression
from perse_engine.avatar.growth.lesson import Lesson
from perse_engine.avatar.head_ways import surface_way, under, way_mask
from perse_engine.avatar.kernels import add_basis, take_rows
from perse_engine.avatar.latent import column_weights
from perse_engine.avatar.lighting import extended
from perse_engine.avatar.masks import change, covers, mask_of
from perse_engine.avatar.properties import COLOUR, LOG_SCALE, OFFSET, OPACITY, PROPERTIES, RATES
from perse_engine.avatar.start import COLOUR_ONLY, MIN_MASK, SHADE_ONLY
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.progress import Progress
from perse_engine.scene import FloatArray
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.losses import ImageLoss, LossWeights
from perse_engine.synthesis.dataset import Clip, Frame, HeadSurface
from perse_engine.synthesis.plan import BETWEEN_STEPS

STAGE = "training"
FINAL_RATE = 0.03
SSIM_FROM = 0.7
SHARES = {"variant": 0.6, "between": 0.28, "mix": 0.12}
"""How often each kind of clip is shown."""
REPORT_EVERY = 10
LEEWAY_M, LEEWAY_LOG_SCALE, LEEWAY_COLOUR = 0.006, 0.7, 0.05
"""How far training may take offsets and scales from where they start, and colours out of 0..1. What is transparent
feels nothing, wanders, and shows when another category takes a share of its opacity."""
BENDING = 0.5
"""Of the leeway, for the directions that bend the way."""


def measure_change(avatar: Avatar, lesson: Lesson, rasterizer: TrainingRasterizer) -> FloatArray:
    """How much the variant changes each Gaussian that the source look shows, and how much of its pixels then show the
    variant's category, [2, N] in 0..1."""
    frames = [f for f in lesson.split(lesson.clips[0], "train") if f.index in lesson.compared]
    vertices = {f.index: avatar.binding.rig.posed(f.pose, f.expression) for f in frames}
    view = View(avatar.binding, rasterizer, (lesson.size_px, lesson.size_px))
    seen = lesson.changed, lesson.showing
    found = change(view, avatar.base, seen, lesson.clips[:1], frames, vertices)[0]
    return np.where(avatar.base[:, OPACITY] <= 0, np.float32(0), found)


def start_adapter(
    avatar: Avatar, subject: Subject, lesson: Lesson, found: FloatArray, appended: Appended, prompt: str
) -> Avatar:
    """The avatar with the appended Gaussians and an adapter that goes straight to where the editor put the surface.

    The variant's code must be in its category; `found` [2, N] is from `measure_change`.
    """
    (changed, showing), n, m = found, len(avatar), len(appended.base)
    model = avatar.categories[lesson.category]
    count = len(subject.look.rig.vertices)
    source, dressed = HeadSurface.of(subject.look, count), HeadSurface.of(lesson.dressed, count, lesson.hides)
    way = surface_way(source, dressed, appended.binding)
    mask = np.maximum(mask_of(changed), way_mask(way[:n]) * (avatar.base[:, OPACITY] > 0))
    # Of what its code can change, the category's own mask speaks.
    mask[model.rows] = np.maximum(mask[model.rows], model.mask)
    rows = np.flatnonzero(mask > MIN_MASK)
    hidden = under(dressed, dressed.hides, appended.binding)
    below = showing if lesson.category in SHADE_ONLY else None
    cover = covers(changed, None if hidden is None else hidden[:n], below)[rows]
    basis = np.zeros((RANK, len(rows) + m, PROPERTIES), np.float32)
    basis[:, : len(rows)] = _straight(avatar, lesson, rows, way, appended.opened)
    basis[0, len(rows) :] = way[n:]
    basis[0, len(rows) :, OPACITY] = 0
    basis[0, len(rows) :] += appended.change
    if lesson.category in COLOUR_ONLY:
        basis[:, : len(rows), : COLOUR.start] = 0
    adapter = Adapter(
        np.concatenate([rows, np.arange(n, n + m)]).astype(np.int32),
        np.concatenate([mask[rows], np.ones(m)]).astype(np.float32),
        np.concatenate([cover, np.ones(m)]).astype(np.float32),
        basis,
    )
    added = AddedVariant(lesson.category, lesson.variant, prompt, "adapter", m, appended.vertices, adapter)
    return with_appended(avatar, appended, added)


def _straight(
    avatar: Avatar, lesson: Lesson, rows: npt.NDArray[np.int64], way: FloatArray, opened: npt.NDArray[np.bool_]
) -> FloatArray:
    """The basis [RANK, n, 14] with which the surface goes straight along `way` [N, 14], whatever its code does.

    What is transparent in the source look stays so, but for what the code opens rightly.
    """
    weights = (*BETWEEN_STEPS, 1.0)
    is_surface = (avatar.base[rows, OPACITY] > 0)[:, None]
    wanted = []
    for weight in weights:
        code_does = avatar.bake(Look({lesson.category: {lesson.variant: weight}})).properties - avatar.base
        straight = np.where(is_surface, weight * way[rows], 0) - code_does[rows]
        wanted.append(np.where(opened[rows][:, None], 0, straight))
    solve = np.linalg.inv(np.stack([gates(weight) for weight in weights]).astype(np.float64))
    return np.asarray(np.tensordot(solve, np.stack(wanted), 1), np.float32)


def with_appended(avatar: Avatar, appended: Appended, added: AddedVariant) -> Avatar:
    """The avatar with more Gaussians behind its own, none of which any older look shows."""
    return replace(
        avatar,
        binding=appended.binding,
        base=np.vstack([avatar.base, appended.base]),
        added=(*avatar.added, added),
        light=None if avatar.light is None else extended(avatar.light, avatar.binding, appended.binding),
    )


@dataclass(frozen=True)
class _Frozen:
    """What a clip shows without the adapter: properties [N, 14], the adapter's gates and weights [n, 14]."""

    properties: FloatArray
    gate: FloatArray
    weights: FloatArray


def fit_adapter(
    avatar: Avatar, lesson: Lesson, steps: int, rasterizer: TrainingRasterizer, progress: Progress
) -> dict[str, float]:
    """Train the adapter that was added last, in place, and what it appended; returns what training measured.

    Raises:
        Cancelled: from `progress`, at a step boundary.
    """
    fitting = _Fitting(avatar, lesson, rasterizer)
    plan = _plan(lesson, steps)
    began, losses = time.monotonic(), []
    for step, (clip, frame) in enumerate(plan):
        with_ssim = step >= SSIM_FROM * steps
        losses.append(fitting.step(clip, frame, FINAL_RATE ** (step / steps), with_ssim=with_ssim))
        if step % REPORT_EVERY == 0:
            progress.report(STAGE, step, steps)
    progress.report(STAGE, steps, steps)
    return {"steps": float(steps), "train_s": time.monotonic() - began, "final_loss": float(np.mean(losses[-50:]))}


class _Fitting:
    """The parameters, their optimisers, and one step."""

    def __init__(self, avatar: Avatar, lesson: Lesson, rasterizer: TrainingRasterizer) -> None:
        one = avatar.added[-1]
        self._avatar, self._lesson, self._adapter = avatar, lesson, one.adapter
        self._first = len(avatar) - one.gaussians
        self._own = avatar.base[self._first :]
        self._view = View(avatar.binding, rasterizer, (lesson.size_px, lesson.size_px))
        self._frozen = {clip.path: self._freeze(clip) for clip in lesson.clips}
        self._vertices: dict[int, FloatArray] = {}
        self._bounds = _bounds(avatar, lesson)
        self._adams = [Adam(self._adapter.basis[r : r + 1], RATES) for r in range(RANK)]
        self._base_adam = Adam(self._own, RATES) if len(self._own) else None
        self._shaded = np.zeros(0, np.int64)
        if lesson.category in COLOUR_ONLY:
            rows = self._adapter.rows
            self._shaded = np.flatnonzero((rows < self._first) & (avatar.base[rows, OPACITY] > 0))
        self._grad = np.empty(self._adapter.basis.shape[1:], np.float32)
        self._losses = ImageLoss(LossWeights(l1=1.0, ssim=0.0)), ImageLoss(LossWeights(l1=0.8, ssim=0.2))
        self._grads = np.zeros_like(self._view.colours), np.zeros_like(self._view.alpha)

    def step(self, clip: Clip, frame: Frame, rate: float, *, with_ssim: bool) -> float:
        """One step on one picture; returns its loss."""
        frozen, adapter = self._frozen[clip.path], self._adapter
        on = np.flatnonzero(frozen.gate)
        x = with_expression(self._avatar, frozen.properties, frame.expression)
        x[self._first :] = self._own
        with PARALLEL_WORK:
            add_basis(x, adapter.rows, frozen.weights, ALL_COLUMNS, adapter.basis, on, frozen.gate[on])
        self._view.draw(x, self._posed(frame), frame.camera)
        loss = self._losses[with_ssim](
            self._view.colours, self._view.alpha, *self._lesson.target(clip, frame.index), *self._grads
        )
        grad_x = self._view.back(*self._grads)
        with PARALLEL_WORK:
            take_rows(grad_x, adapter.rows, frozen.weights, ALL_COLUMNS, self._grad)
        self._grad[self._shaded, : COLOUR.start] = 0
        for r in on:
            self._adams[r].step_basis(frozen.gate[r : r + 1], self._grad, rate_factor=rate)
            low, high = self._bounds[bool(r)]
            np.clip(adapter.basis[r], low, high, out=adapter.basis[r])
        if self._base_adam is not None:
            self._base_adam.step(np.ascontiguousarray(grad_x[self._first :]), rate_factor=rate)
            # Transparent without the variant, exactly and always; how far below 0 says at which weight they appear.
            self._own[:, OPACITY] = np.minimum(self._own[:, OPACITY], 0)
        return loss

    def _freeze(self, clip: Clip) -> _Frozen:
        category, variant = self._lesson.category, self._lesson.variant
        weight = float(clip.look.variants[category][variant])
        without = replace(self._avatar.added[-1], adapter=Adapter.none())
        # The shares are those of the look with the adapter.
        frozen = replace(self._avatar, added=(*self._avatar.added[:-1], without))
        share = self._avatar.shares(clip.look)
        properties = frozen.bake(clip.look, share).properties
        rows = self._adapter.rows
        return _Frozen(properties, gates(weight), column_weights(self._adapter.mask, share[category][rows]))

    def _posed(self, frame: Frame) -> FloatArray:
        if frame.index not in self._vertices:
            self._vertices[frame.index] = self._avatar.binding.rig.posed(frame.pose, frame.expression)
        return self._vertices[frame.index]


def _bounds(avatar: Avatar, lesson: Lesson) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Between what the first direction of the adapter that was added last may lie, and the others, [n, 14] each."""
    adapter = avatar.added[-1].adapter
    without = replace(avatar.added[-1], adapter=Adapter.none())
    look = Look({lesson.category: {lesson.variant: 1.0}})
    before = replace(avatar, added=(*avatar.added[:-1], without)).bake(look).properties[adapter.rows]
    leeway = np.full(before.shape, np.inf, np.float32)
    leeway[:, OFFSET], leeway[:, LOG_SCALE] = LEEWAY_M, LEEWAY_LOG_SCALE
    low, high = adapter.basis[0] - leeway, adapter.basis[0] + leeway
    low[:, COLOUR], high[:, COLOUR] = -LEEWAY_COLOUR - before[:, COLOUR], 1 + LEEWAY_COLOUR - before[:, COLOUR]
    leeway[:, COLOUR] = 1.0
    bend = np.abs(adapter.basis[1:]).max(0) + BENDING * leeway
    return (low, high), (-bend, bend)


def _plan(lesson: Lesson, steps: int) -> list[tuple[Clip, Frame]]:
    random = np.random.default_rng(steps)
    clips: dict[str, list[Clip]] = {}
    for clip in lesson.clips:
        clips.setdefault(clip.kind, []).append(clip)
    chances = np.array([SHARES[kind] for kind in clips])
    kinds: npt.NDArray[np.str_] = random.choice(list(clips), steps, p=chances / chances.sum())
    plan = []
    for kind in kinds:
        clip = clips[str(kind)][int(random.integers(len(clips[str(kind)])))]
        frames = lesson.split(clip, "train")
        plan.append((clip, frames[int(random.integers(len(frames)))]))
    return plan
