"""Contenders start alike, learn from one dataset, and differ in what they are said to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.training import Trainer
from perse_engine.evaluation.avatar.ablations import (
    ABLATIONS,
    UnsharedTrainer,
    without_clips,
    without_masks,
)
from perse_engine.evaluation.avatar.baselines.conditioned import ConditionedTrainer
from perse_engine.evaluation.avatar.baselines.networks import (
    GLOBAL_MLP,
    LOCAL_MLP,
    ConditionedProperties,
    Shape,
    encoded,
)
from perse_engine.evaluation.avatar.learning import Budget, School
from perse_engine.evaluation.avatar.measures import Judges
from perse_engine.evaluation.avatar.study import OURS, Contender, study
from perse_engine.evaluation.protocols import heldout
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Dataset
from perse_engine.vocabulary.presets import PRESETS

HAIR = Look({"hair": {"long-wavy-blonde": 1.0}})
BOTH = Look({"hair": {"long-wavy-blonde": 1.0}, "eyeglasses": {"round-black": 1.0}})


@pytest.fixture(scope="module")
def school(astronaut_subject: Subject, tiny_dataset: Dataset, tiny_recipe: Recipe) -> School:
    return School(astronaut_subject, tiny_dataset, tiny_recipe, SilentProgress())


def taught(school: School, make: object, steps: int = 12) -> Avatar:
    return school.teach(make, school.start(), school.dataset, Budget(steps=steps))[0]  # type: ignore[arg-type]


def test_ours_taught_again_is_what_train_makes(school: School, tiny_avatar: Avatar) -> None:
    again = taught(school, Trainer, school.steps)
    assert np.array_equal(again.base, tiny_avatar.base)
    assert np.array_equal(again.categories["hair"].basis, tiny_avatar.categories["hair"].basis)


def test_teaching_leaves_the_next_start_alone(school: School) -> None:
    before = school.start()
    taught(school, Trainer, 3)
    assert np.array_equal(school.start().placed.base, before.placed.base)


def test_a_budget_of_time_is_kept(school: School) -> None:
    _, spent = school.teach(Trainer, school.start(), school.dataset, Budget(processor_s=0.2))
    assert spent.steps > 0
    assert spent.processor_s >= 0.2


@pytest.mark.parametrize("shape", [LOCAL_MLP, GLOBAL_MLP])
def test_a_baseline_learns_the_dataset(school: School, tiny_dataset: Dataset, shape: Shape) -> None:
    make = partial(ConditionedTrainer, shape=shape, seed=0)
    before, after = (Renderer(taught(school, make, n), "cpu") for n in (1, 40))
    first, last = (heldout(r, tiny_dataset)["psnr_db"]["mean"] for r in (before, after))  # type: ignore[index]
    assert last > first + 1


def test_a_baseline_starts_as_its_seed_says() -> None:
    points = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    networks = [ConditionedProperties(LOCAL_MLP, points, {"hair": ("a", "b")}, seed) for seed in (0, 0, 1)]
    first, again, other = (n.codes.detach().numpy() for n in networks)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_baseline_has_as_many_gaussians_and_valid_opacities(school: School, tiny_avatar: Avatar) -> None:
    made = taught(school, partial(ConditionedTrainer, shape=LOCAL_MLP, seed=0))
    assert len(made) == len(tiny_avatar)
    properties = made.bake(BOTH).properties
    assert np.isfinite(properties).all()
    assert ((properties[:, 10] > 0) & (properties[:, 10] < 1)).all()


def test_encoded_positions_tell_neighbours_apart() -> None:
    points = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32) * 0.1
    features = encoded(points)
    assert features.shape == (50, 3 + 36)
    near = np.linalg.norm(features - encoded(points)[0], axis=1)
    assert near[0] == 0
    assert near[1:].min() > 0.5


def test_without_masks_every_category_reaches_every_gaussian(school: School) -> None:
    start = without_masks(school.start())
    model, gated = start.categories["eyeglasses"], school.start().categories["eyeglasses"]
    assert len(model.rows) == len(start.placed.base) > len(gated.rows)
    assert np.array_equal(model.basis[:, gated.rows], gated.basis)


def test_without_clips_leaves_out_one_kind(tiny_dataset: Dataset) -> None:
    kinds = {c.kind for c in without_clips(tiny_dataset, "between").clips}
    assert kinds == {c.kind for c in tiny_dataset.clips} - {"between"}


def test_without_sharing_categories_add_up(school: School) -> None:
    plain = taught(school, UnsharedTrainer, 2)
    hair, glasses = (plain.bake(Look({c: BOTH.variants[c]})).properties - plain.base for c in ("hair", "eyeglasses"))
    assert np.allclose(plain.bake(BOTH).properties, plain.base + hair + glasses, atol=1e-5)


@pytest.fixture(scope="module")
def contenders(
    astronaut_subject: Subject, tiny_avatar: Avatar, tiny_recipe: Recipe, judges: Judges
) -> Iterator[tuple[Contender, ...]]:
    whole = PRESETS["tiny"]
    PRESETS["tiny"] = replace(whole, train_steps=4)
    yield study(
        tiny_avatar, astronaut_subject, tiny_recipe, judges, SilentProgress(), baselines=True, ablations=True
    )  # fmt: skip
    PRESETS["tiny"] = whole


def test_a_study_has_a_row_for_everything(contenders: tuple[Contender, ...]) -> None:
    names = [c.name for c in contenders]
    assert names[:2] == ["this avatar", OURS]
    assert set(ABLATIONS) <= set(names)
    assert {"local MLP, equal time", "global MLP, equal time", "global MLP, equal steps"} <= set(names)


def test_equal_steps_are_equal(contenders: tuple[Contender, ...]) -> None:
    spent = {c.name: c.spent for c in contenders if c.spent}
    ours = spent[OURS]
    assert ours.steps == spent["global MLP, equal steps"].steps == spent["no masks"].steps == 4
    assert spent["global MLP, equal time"].processor_s >= ours.processor_s


def test_the_source_look_is_drawn_by_every_kind_of_avatar(school: School) -> None:
    made = taught(school, partial(ConditionedTrainer, shape=GLOBAL_MLP, seed=0), 2)
    camera = Camera.orbit(width_px=64, height_px=64)
    shown = Renderer(made, "cpu").render(Look(), Pose(), Expression({"jawOpen": 0.5}), camera)
    assert shown.alpha.max() > 0.5
