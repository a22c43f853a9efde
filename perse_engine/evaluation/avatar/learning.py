"""Training contenders on one dataset, from the same Gaussians, with one budget."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.curriculum import Curriculum
from perse_engine.avatar.drawing import TrainingRasterizer, View, training_rasterizer
from perse_engine.avatar.pictures import Pictures, Sight
from perse_engine.avatar.start import Start, start_avatar
from perse_engine.avatar.training import RASTER_MODE, SSIM_FROM, Trainer
from perse_engine.head.subject import Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Clip, Dataset

STAGE = "training"
REPORT_EVERY = 20

MakeTrainer = Callable[[Start, View], Trainer]


@dataclass(frozen=True)
class Budget:
    """Steps, or seconds of processor time of the whole process (all its threads), whichever is given."""

    steps: int | None = None
    processor_s: float | None = None


@dataclass(frozen=True)
class Spent:
    """What a training took. Processor time, not the clock: other work on the machine does not count."""

    steps: int
    processor_s: float


class School:
    """One dataset and one placing of Gaussians, from which every contender starts anew."""

    def __init__(self, subject: Subject, dataset: Dataset, recipe: Recipe, progress: Progress) -> None:
        self.dataset, self._recipe, self._progress = dataset, recipe, progress
        self._rasterizer: TrainingRasterizer
        self._rasterizer, _ = training_rasterizer(recipe.rasterizer, RASTER_MODE)
        self._pictures = Pictures(dataset)
        self._start = start_avatar(subject, dataset, recipe, self._pictures, self._rasterizer, progress)

    @property
    def steps(self) -> int:
        """Of the recipe's preset."""
        return self._recipe.size().train_steps

    def start(self) -> Start:
        """A copy of what training changes."""
        s = self._start
        return replace(
            s,
            placed=replace(s.placed, base=s.placed.base.copy()),
            categories=copy.deepcopy(s.categories),
            expression=copy.deepcopy(s.expression),
        )

    def teach(self, make: MakeTrainer, start: Start, dataset: Dataset, budget: Budget) -> tuple[Avatar, Spent]:
        """Train one contender on (a part of) the dataset with the schedule of `train`, stretched over the budget; each
        has what it finds hard more often."""
        size = self.dataset.size_px
        trainer = make(start, View(start.placed.binding, self._rasterizer, (size, size)))
        frames = {f.index: f for f in self.dataset.frames}
        curriculum = Curriculum(dataset, self.steps, self._recipe.seed, self._start.placed.owners)
        plan: list[tuple[Clip, int]] = []
        began, step, first = time.process_time(), 0, 0
        while (used := _used(budget, step, time.process_time() - began)) < 1:
            at = step % self.steps
            if at == 0 or at - first == len(plan):
                plan, first = curriculum.plan(at), at
            clip, index = plan[at - first]
            sight = Sight(frames[index], start.vertices[index], self._pictures.target(clip, index))
            loss = trainer.step(clip.look, sight, trainer.rate(used), with_ssim=used >= SSIM_FROM)
            curriculum.hear(at, clip, loss)
            step += 1
            if step % REPORT_EVERY == 0:
                self._progress.report(STAGE, round(1000 * min(used, 1.0)), 1000)
        return trainer.avatar({}), Spent(step, time.process_time() - began)


def _used(budget: Budget, step: int, processor_s: float) -> float:
    """Share of the budget that is used, 0 and up."""
    if budget.processor_s is not None:
        return processor_s / budget.processor_s
    assert budget.steps is not None
    return step / budget.steps
