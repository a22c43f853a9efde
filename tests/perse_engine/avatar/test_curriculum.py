"""Which picture each step shows: evenly at first, then what is hard more often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from perse_engine.avatar.curriculum import HEARD_FROM, MOST_OFTEN, PAIR_WEIGHT, REVISED_AT, Curriculum, plan_steps
from perse_engine.look import Look
from perse_engine.synthesis.dataset import Dataset

STEPS = 400
REVISED = round(REVISED_AT * STEPS)


def taught(dataset: Dataset, hard: str, times: float) -> Curriculum:
    """A curriculum at its revision, after losses of one, of a clip so many times as high."""
    curriculum = Curriculum(dataset, STEPS, 0, ())
    for step, (clip, _) in enumerate(curriculum.plan(0)):
        curriculum.hear(step, clip, times if clip.path == hard else 1.0)
    return curriculum


def variant_of(dataset: Dataset) -> str:
    return next(clip.path for clip in dataset.clips if clip.kind == "variant")


def test_its_parts_have_all_steps(tiny_dataset: Dataset) -> None:
    curriculum = Curriculum(tiny_dataset, STEPS, 0, ())
    assert len(curriculum.plan(0)) == REVISED
    assert len(curriculum.plan(REVISED)) == STEPS - REVISED
    assert curriculum.plan(STEPS) == []


def test_what_is_hard_comes_more_often_within_bounds(tiny_dataset: Dataset) -> None:
    hard = variant_of(tiny_dataset)
    counts = {
        times: Counter(clip.path for clip, _ in taught(tiny_dataset, hard, times).plan(REVISED))[hard]
        for times in (1.0, 2.0, 1000.0)
    }
    assert counts[1.0] < counts[2.0] < counts[1000.0] <= MOST_OFTEN * counts[1.0] + 1


def test_a_resumed_training_goes_on_with_the_same_plan(tiny_dataset: Dataset) -> None:
    before = taught(tiny_dataset, variant_of(tiny_dataset), 2.0)
    resumed = Curriculum(tiny_dataset, STEPS, 0, ())
    resumed.heard[...] = before.heard
    for step in (REVISED, REVISED + 17):
        assert resumed.plan(step) == before.plan(step) == before.plan(REVISED)[step - REVISED :]


def test_only_losses_between_warming_up_and_the_revision_count(tiny_dataset: Dataset) -> None:
    curriculum = Curriculum(tiny_dataset, STEPS, 0, ())
    clip = tiny_dataset.clips[0]
    for step in (0, round(HEARD_FROM * STEPS) - 1, REVISED, STEPS - 1):
        curriculum.hear(step, clip, 5.0)
    assert not np.any(curriculum.heard)


def test_two_variants_half_and_half_are_shown_more_often_than_one(tiny_dataset: Dataset) -> None:
    one = next(clip for clip in tiny_dataset.clips if clip.kind == "between")
    both = replace(one, path="both", look=Look({"hair": {"a": 0.5, "b": 0.5}}))
    dataset = replace(tiny_dataset, clips=(*(c for c in tiny_dataset.clips if c.kind != "between"), one, both))
    counts = Counter(clip.path for clip, _ in plan_steps(dataset, STEPS, 0, ()))
    assert counts["both"] == pytest.approx(PAIR_WEIGHT * counts[one.path], rel=0.1)


def test_a_clip_shows_all_its_frames_before_one_comes_again(tiny_dataset: Dataset) -> None:
    train = {frame.index for frame in tiny_dataset.frames if frame.split == "train"}
    plan = plan_steps(tiny_dataset, 400, 0, ())
    for clip in {clip.path: clip for clip, _ in plan}.values():
        frames = [frame for shown, frame in plan if shown.path == clip.path]
        times = [frames.count(frame) for frame in clip.frames if frame in train]
        assert max(times) - min(times) <= 1


def test_the_pictures_of_a_clip_are_spread_over_the_training(tiny_dataset: Dataset) -> None:
    plan = [clip.path for clip, _ in plan_steps(tiny_dataset, 400, 0, ())]
    assert len(plan) == 400
    for path in set(plan):
        halves = plan[:200].count(path), plan[200:].count(path)
        assert abs(halves[0] - halves[1]) <= 2
