"""Dataset to Avatar: the training loop.

A step draws one frame of one clip and follows hand-written gradients back to base and bases; there is no autograd over
Gaussians. In-between clips supervise interpolated codes (PERSE's stage 2), mixed clips the composition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.avatar.avatar import ALL_COLUMNS, EXPRESSION_COLUMNS, Avatar, strength
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.checkpoint import load_checkpoint, save_checkpoint
from perse_engine.avatar.curriculum import ADDITIVE_WEIGHT, Curriculum
from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.kernels import add_basis, take_rows
from perse_engine.avatar.latent import CODE_SIZE, active_bases, column_weights, sharing
from perse_engine.avatar.perceptual import PerceptualTerm
from perse_engine.avatar.pictures import Pictures, Sight
from perse_engine.avatar.placing import Placed
from perse_engine.avatar.properties import COLOUR, OPACITY, PROPERTIES, RATES
from perse_engine.avatar.refinement import Refinement
from perse_engine.avatar.revealed import RevealedSkin, revealed_skin
from perse_engine.avatar.start import COLOUR_ONLY, Start, start_avatar
from perse_engine.compiled import PARALLEL_WORK
from perse_engine.errors import Cancelled
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.scene import FloatArray
from perse_engine.splatting.adam import Adam
from perse_engine.splatting.backends import RasterMode
from perse_engine.splatting.losses import ImageLoss, LossWeights
from perse_engine.synthesis.dataset import Clip, Dataset

STAGE = "training"
RASTER_MODE: RasterMode = "antialiased"
"""How avatars are trained, and drawn ever after."""
FIRST_RATE, FINAL_RATE = 0.45, 0.054
"""The learning rate falls exponentially from the one to the other, shares of RATES: what starts on exact surfaces loses
them at higher rates (docs/experiments.md, Half as fast)."""
SSIM_FROM = 0.7
"""Share of the training after which SSIM joins the loss: it costs as much as the rasteriser and L1 alone gets as far
until the end (research/avatar.md section 4)."""
COARSE, COARSE_UNTIL, COARSE_PX = 2, 0.3, 256
"""Pictures are this many times smaller during this share of the training, unless they would have fewer px than that."""
EXPRESSION_RATE, EXPRESSION_DECAY = 0.12, 1e-3
"""Of the learned residuals: few frames show each, so fast ones without a pull to 0 speckle the skin of other frames."""
BUMP_RATE, BUMP_DECAY = 0.3, 1e-3
"""Of the bases that show half way only: most changes are even with the weight, and few frames contradict the others."""
CHECKPOINT_EVERY_S = 15.0
REPORT_EVERY = 20


def train(
    subject: Subject, dataset: Dataset, recipe: Recipe, folder: Path, progress: Progress,
    watch: Callable[[Avatar], None] | None = None, perceptual: PerceptualTerm | None = None,
) -> tuple[Avatar, dict[str, float]]:  # fmt: skip
    """Train, or go on from the checkpoint in `folder`; returns the avatar and what training measured.

    `watch` is called every few steps with the avatar as it is then, whose arrays go on changing. `perceptual` joins the
    loss together with SSIM.

    Raises:
        Cancelled: from `progress`, at a step boundary; a checkpoint of that step stays.
        BackendMissing: the recipe's rasteriser is not there.
        CorruptFile: the checkpoint belongs to another recipe or is damaged.
    """
    rasterizer, backend = training_rasterizer(recipe.rasterizer, RASTER_MODE)
    pictures = Pictures(dataset)
    start = start_avatar(subject, dataset, recipe, pictures, rasterizer, progress)
    view = View(start.placed.binding, rasterizer, (dataset.size_px, dataset.size_px))
    trainer = Trainer(start, view, perceptual)
    refinement = Refinement(subject, dataset, start, rasterizer) if recipe.refinement else None
    total = recipe.size().train_steps
    curriculum = Curriculum(dataset, total, recipe.seed, start.placed.owners)
    arrays = {"curriculum.heard": curriculum.heard, **(refinement.arrays() if refinement else {})}
    fingerprint = recipe.fingerprint()
    step = load_checkpoint(folder, trainer.state(), fingerprint, arrays)
    frames = {f.index: f for f in dataset.frames}
    began = saved = time.monotonic()
    losses: list[float] = []
    first = step
    while plan := curriculum.plan(step):
        with closing(_targets(pictures, dataset.size_px, plan, step, total)) as targets:
            for (clip, index), target in zip(plan, targets, strict=True):
                sight = Sight(frames[index], start.vertices[index], target)
                if refinement:
                    sight = refinement.mend(trainer.draw, clip, sight, step)
                rate = trainer.rate(step / total)
                losses.append(trainer.step(clip.look, sight, rate, with_ssim=step >= SSIM_FROM * total))
                curriculum.hear(step, clip, losses[-1])
                step += 1
                if step % REPORT_EVERY == 0 or step == total:
                    if time.monotonic() - saved > CHECKPOINT_EVERY_S and step < total:
                        save_checkpoint(folder, trainer.state(), step, fingerprint, arrays)
                        saved = time.monotonic()
                    if watch is not None:
                        watch(trainer.avatar({}))
                    try:
                        progress.report(STAGE, step, total)
                    except Cancelled:
                        save_checkpoint(folder, trainer.state(), step, fingerprint, arrays)
                        raise
    seconds = time.monotonic() - began
    measured = {
        "steps": float(total),
        "gaussians": float(len(start.placed.base)),
        "seconds": seconds,
        "steps_per_s": (total - first) / seconds if seconds else 0.0,
        "final_loss": float(np.mean(losses[-100:])) if losses else 0.0,
    }
    return trainer.avatar({"rasterizer": backend, "recipe": recipe.to_json()}), measured


def _targets(
    pictures: Pictures, size_px: int, plan: Sequence[tuple[Clip, int]], first: int, total: int
) -> Generator[tuple[FloatArray, FloatArray]]:
    """The pictures of a plan whose first step is the training's `first` one."""
    coarse = COARSE if size_px >= COARSE * COARSE_PX else 1
    until = COARSE_UNTIL * total
    return pictures.in_order((*one, coarse if first + k < until else 1) for k, one in enumerate(plan))


class Trainer:
    """Parameters, their optimisers, and one step."""

    def __init__(self, start: Start, view: View, perceptual: PerceptualTerm | None = None) -> None:
        self._start, self._view, self._perceptual = start, view, perceptual
        self._base = start.placed.base
        self._owned = np.flatnonzero(start.placed.owner >= 0)
        self._base_adam = Adam(self._base, RATES)
        self._categories = {
            c: _CategoryTrainer(
                m,
                shaded=(start.placed.owner[m.rows] < 0) & (c in COLOUR_ONLY),
                pushed=_is_anothers(start.placed, m, c),
                bump_rate=BUMP_RATE * (ADDITIVE_WEIGHT if c in start.placed.owners else 1.0),
            )
            for c, m in start.categories.items()
        }
        e = start.expression
        rates = EXPRESSION_RATE * RATES[EXPRESSION_COLUMNS]
        decays = np.full(len(EXPRESSION_COLUMNS), EXPRESSION_DECAY, np.float32)
        # An optimiser per driver: only those that are on pay for a step.
        self._expression_adams = [Adam(e.basis[k : k + 1], rates, decays=decays) for k in range(len(e.drivers))]
        self._expression_ones = np.ones((len(e.rows), len(EXPRESSION_COLUMNS)), np.float32)
        self._losses = ImageLoss(LossWeights(l1=1.0, ssim=0.0)), ImageLoss(LossWeights(l1=0.8, ssim=0.2))
        self._grads = np.zeros_like(view.colours), np.zeros_like(view.alpha)
        self._revealed: list[RevealedSkin] = []

    def rate(self, used: float) -> float:
        """By what RATES are multiplied after such a share of the training."""
        return float(FIRST_RATE * (FINAL_RATE / FIRST_RATE) ** used)

    def draw(self, look: Look, sight: Sight) -> FloatArray:
        """What the avatar shows there, at the target's size: [H, W, 3] over black, valid until the next call."""
        colours, alpha = sight.target
        if alpha.shape != self._view.alpha.shape:
            self._view.colours, self._view.alpha = np.zeros_like(colours), np.zeros_like(alpha)
            self._grads = np.zeros_like(colours), np.zeros_like(alpha)
        height, width = alpha.shape
        x = self._properties(look)
        self._add_expression(x, self._start.expression.values(sight.frame.expression))
        self._view.draw(x, sight.vertices, sight.frame.camera.resized(width, height))
        return self._view.colours

    def step(self, look: Look, sight: Sight, rate: float, *, with_ssim: bool) -> float:
        """One step on one picture, of any size; returns its loss."""
        self.draw(look, sight)
        target = sight.target
        grad_colours, grad_alpha = self._grads
        loss = self._losses[with_ssim](self._view.colours, self._view.alpha, *target, grad_colours, grad_alpha)
        if with_ssim and self._perceptual is not None:
            loss += self._perceptual.add(self._view.colours, target[0], grad_colours)
        grad_x = self._view.back(grad_colours, grad_alpha)
        self._learn_expression(grad_x, self._start.expression.values(sight.frame.expression), rate)
        self._learn_look(look, grad_x, rate)
        return loss

    def _properties(self, look: Look) -> FloatArray:
        """Properties [N, 14] at a look, neutral expression; the caller's own array."""
        x = self._base.copy()
        active = {c: self._categories[c] for c in look.categories()}
        codes = {c: t.code(look.variants[c]) for c, t in active.items()}
        covers = {c: t.model.cover(codes[c], len(x)) for c, t in active.items()}
        shares = sharing({c: strength(z) for c, z in codes.items()}, covers)
        for category, trainer in active.items():
            trainer.add(x, codes[category], shares[category])
        self._revealed = revealed_skin({c: t.model for c, t in active.items()}, codes)
        for revealed in self._revealed:
            revealed.add(x)
        return x

    def _learn_look(self, look: Look, grad_x: FloatArray, rate: float) -> None:
        """Everything that `_properties` depends on, from gradients [N, 14] of the look it was last called with."""
        for revealed in reversed(self._revealed):
            revealed.back(grad_x)
        for category in look.categories():
            self._categories[category].learn(grad_x, rate)
        self._base_adam.step(grad_x, rate_factor=rate)
        # Owned Gaussians are invisible in the source look, exactly and always. How far below 0 an opacity starts says
        # at which slider value its Gaussian appears: a hat comes down, a curtain grows, instead of fading in whole.
        self._base[self._owned, OPACITY] = np.minimum(self._base[self._owned, OPACITY], 0)

    def _add_expression(self, x: FloatArray, values: FloatArray) -> None:
        e = self._start.expression
        active = np.flatnonzero(values)
        with PARALLEL_WORK:
            add_basis(x, e.rows, self._expression_ones, EXPRESSION_COLUMNS, e.basis, active, values[active])

    def _learn_expression(self, grad_x: FloatArray, values: FloatArray, rate: float) -> None:
        on = np.flatnonzero(values)
        if not len(on):
            return
        e = self._start.expression
        grad = np.empty_like(self._expression_ones)
        with PARALLEL_WORK:
            take_rows(grad_x, e.rows, self._expression_ones, EXPRESSION_COLUMNS, grad)
        for k in on:
            self._expression_adams[k].step_basis(values[k : k + 1], grad, rate_factor=rate)

    def state(self) -> dict[str, tuple[Adam, npt.NDArray[np.float32]]]:
        """Every optimiser with its parameters, by name: the whole state of a checkpoint."""
        out = {"base": self._base_adam}
        out |= {f"expression.{k}": a for k, a in enumerate(self._expression_adams)}
        for category, trainer in self._categories.items():
            out |= {f"{category}.{name}": adam for name, adam in trainer.adams().items()}
        return {name: (adam, adam.parameters) for name, adam in out.items()}

    def avatar(self, details: dict[str, object]) -> Avatar:
        """The avatar as it is now."""
        start = self._start
        return Avatar(
            start.placed.binding, self._base, start.categories, start.expression, details, raster_mode=RASTER_MODE
        )


def _is_anothers(placed: Placed, model: CategoryModel, category: str) -> npt.NDArray[np.bool_]:
    """Which of a category's Gaussians another one owns, [n]: it may only push them."""
    owner = placed.owner[model.rows]
    own = placed.owners.index(category) if category in placed.owners else -1
    return np.asarray((owner >= 0) & (owner != own))


class _CategoryTrainer:
    """The part of a step that belongs to one category; `shaded` [n]: rows of which only the colour may change, `pushed`
    [n]: those that stay as they start."""

    def __init__(
        self, model: CategoryModel, shaded: npt.NDArray[np.bool_], pushed: npt.NDArray[np.bool_], bump_rate: float
    ) -> None:
        self.model = model
        self._shaded, self._pushed = np.flatnonzero(shaded), np.flatnonzero(pushed)
        # Portions and bows are geometry, and stay.
        whole, bumps, _ = np.split(model.basis, [len(model.codes), len(model.network.linear)])
        self._whole_adam = Adam(whole, RATES)
        self._bump_adam = Adam(bumps, bump_rate * RATES, decays=np.full(PROPERTIES, BUMP_DECAY, np.float32))
        self._grad = np.empty(model.basis.shape[1:], np.float32)

    def code(self, weights: Any) -> FloatArray:
        """z = sum of weight times code; the source's code is 0."""
        out = np.zeros(CODE_SIZE, np.float32)
        for id, weight in weights.items():
            out += np.float32(weight) * self.model.codes[id]
        return out

    def add(self, x: FloatArray, code: FloatArray, share: FloatArray) -> None:
        m = self.model
        self._coefficients = m.network(code)
        active = active_bases(self._coefficients)
        self._weights = column_weights(m.mask, share[m.rows])
        with PARALLEL_WORK:
            add_basis(x, m.rows, self._weights, ALL_COLUMNS, m.basis, active, self._coefficients[active])

    def learn(self, grad_x: FloatArray, rate: float) -> None:
        m = self.model
        with PARALLEL_WORK:
            take_rows(grad_x, m.rows, self._weights, ALL_COLUMNS, self._grad)
        self._grad[self._shaded, : COLOUR.start] = 0
        self._grad[self._pushed] = 0
        # Bases that are off step too, along their momentum: steps of those alone that are on were worse at any rate.
        whole, bumps, _ = np.split(self._coefficients, [len(m.codes), len(m.network.linear)])
        self._whole_adam.step_basis(whole, self._grad, rate_factor=rate)
        self._bump_adam.step_basis(bumps, self._grad, rate_factor=rate)

    def adams(self) -> dict[str, Adam]:
        return {"basis": self._whole_adam, "bumps": self._bump_adam}
