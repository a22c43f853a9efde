"""One avatar, and what it is held against: its own parts taken away, and other ways to build it, in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.training import Trainer
from perse_engine.evaluation.avatar.ablations import ABLATIONS, without_clips
from perse_engine.evaluation.avatar.baselines.conditioned import ConditionedTrainer
from perse_engine.evaluation.avatar.baselines.networks import GLOBAL_MLP, LOCAL_MLP, Shape
from perse_engine.evaluation.avatar.disturbed import disturbed_avatars
from perse_engine.evaluation.avatar.learning import Budget, School, Spent
from perse_engine.evaluation.avatar.measures import AvatarMeasures, Judges, measure_avatar
from perse_engine.head.subject import Subject
from perse_engine.progress import Progress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer

OURS = "ours, again"


@dataclass(frozen=True)
class Contender:
    """One row of every table; `spent` is None for the avatar that was loaded."""

    name: str
    what: str
    spent: Spent | None
    measures: AvatarMeasures


OnContender = Callable[[Contender, Renderer], None]
"""Called with each, while it can still be rendered."""


def study(
    avatar: Avatar, subject: Subject, recipe: Recipe, judges: Judges, progress: Progress, *,
    baselines: bool = False, ablations: bool = False, disturbed: bool = False,
    on_contender: OnContender | None = None,
) -> tuple[Contender, ...]:  # fmt: skip
    """Measure the avatar; with baselines or ablations also ours, trained again in this run, and each of those; with
    disturbed also what is learned from disturbed pictures."""
    out: list[Contender] = []

    def add(name: str, what: str, made: Avatar, spent: Spent | None) -> None:
        renderer = Renderer(made, recipe.rasterizer)
        contender = Contender(name, what, spent, measure_avatar(renderer, judges, progress))
        out.append(contender)
        if on_contender:
            on_contender(contender, renderer)

    add("this avatar", "as it lies in its folder", avatar, None)
    if baselines or ablations:
        school = School(subject, judges.dataset, recipe, progress)
        ours, spent = school.teach(Trainer, school.start(), school.dataset, Budget(steps=school.steps))
        add(OURS, "trained in this run, from the same Gaussians as all below", ours, spent)
        if baselines:
            for name, what, made, own in _baselines(school, spent, recipe.seed):
                add(name, what, made, own)
        if ablations:
            for name, what, made, own in _ablations(school):
                add(name, what, made, own)
    if disturbed:
        for name, what, made, own in disturbed_avatars(subject, judges.dataset, recipe, progress):
            add(name, what, made, own)
    return tuple(out)


def _baselines(school: School, ours: Spent, seed: int) -> Iterator[tuple[str, str, Avatar, Spent]]:
    time, steps = Budget(processor_s=ours.processor_s), Budget(steps=ours.steps)
    for name, shape, budget in (
        ("local MLP, equal time", LOCAL_MLP, time),
        ("local MLP, equal steps", LOCAL_MLP, steps),
        ("global MLP, equal time", GLOBAL_MLP, time),
        ("global MLP, equal steps", GLOBAL_MLP, steps),
    ):
        make = partial(ConditionedTrainer, shape=shape, seed=seed)
        made, spent = school.teach(make, school.start(), school.dataset, budget)
        yield name, _said(shape), made, spent


def _said(shape: Shape) -> str:
    given = f"a feature of {shape.feature} per Gaussian" if shape.feature else "the encoded position"
    return f"{given} and all codes through {shape.layers} layers of {shape.width}; no gating"


def _ablations(school: School) -> Iterator[tuple[str, str, Avatar, Spent]]:
    for name, ablation in ABLATIONS.items():
        start, dataset = school.start(), school.dataset
        if ablation.omits is not None:
            dataset = without_clips(dataset, ablation.omits)
        if ablation.change is not None:
            start = ablation.change(start)
        made, spent = school.teach(ablation.trainer, start, dataset, Budget(steps=school.steps))
        yield name, ablation.what, made, spent
