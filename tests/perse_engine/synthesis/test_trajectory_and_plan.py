"""What a dataset shows is decided by the recipe alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perse_engine.recipe import Recipe
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.dataset import Clip
from perse_engine.synthesis.plan import BETWEEN_STEPS, FINE_STEPS, plan_clips
from perse_engine.synthesis.trajectory import (
    HEAD_PITCH_DEG,
    HEAD_ROLL_DEG,
    HEAD_YAW_DEG,
    HELDOUT_PITCH_DEG,
    HELDOUT_YAW_DEG,
    WIDE_FOV_DEG,
    close_ups,
    make_trajectory,
)
from perse_engine.vocabulary import ADDITIVE_CATEGORIES


def plan(preset: str = "standard", seed: int = 0) -> tuple[Clip, ...]:
    recipe = Recipe.of(preset, seed=seed)
    return plan_clips(recipe, make_trajectory(40, 64, seed))


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_a_trajectory_is_deterministic(count: int, seed: int) -> None:
    first, second = make_trajectory(count, 64, seed), make_trajectory(count, 64, seed)
    assert [(f.pose, f.expression, f.split) for f in first] == [(f.pose, f.expression, f.split) for f in second]


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_a_trajectory_counts_its_frames_and_starts_neutral(count: int, seed: int) -> None:
    frames = make_trajectory(count, 64, seed)
    assert [f.index for f in frames] == list(range(count))
    assert (frames[0].pose, frames[0].expression, frames[0].split) == (Pose(), Expression(), "train")


@settings(max_examples=20)
@given(st.integers(3, 60), st.integers(0, 2**32 - 1))
def test_every_trajectory_of_three_frames_has_both_splits(count: int, seed: int) -> None:
    splits = [f.split for f in make_trajectory(count, 64, seed)]
    assert 1 <= splits.count("heldout") < splits.count("train")


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_poses_stay_within_their_limits(seed: int) -> None:
    for frame in make_trajectory(40, 64, seed):
        assert abs(frame.pose.yaw_deg) <= HEAD_YAW_DEG
        assert abs(frame.pose.pitch_deg) <= HEAD_PITCH_DEG
        assert abs(frame.pose.roll_deg) <= HEAD_ROLL_DEG


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_held_out_frames_cover_yaw_jaw_smile_and_blink_evenly(seed: int) -> None:
    held = [f for f in make_trajectory(48, 64, seed) if f.split == "heldout"]
    assert len(held) == 7
    turned = [f.pose.yaw_deg for f in held if f.camera.world_to_cam[0, 0] == 1]
    assert all(abs(f.pose.yaw_deg) <= HELDOUT_YAW_DEG and abs(f.pose.pitch_deg) <= HELDOUT_PITCH_DEG for f in held)
    assert max(turned) - min(turned) > 0.5 * HELDOUT_YAW_DEG
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight"):
        amounts = sorted(f.expression[name] for f in held)
        assert amounts[0] == 0
        assert amounts[-1] > 0.6


def test_held_out_frames_repeat_nothing_that_is_trained() -> None:
    frames = make_trajectory(40, 64, 0)
    trained = [(f.pose, f.expression) for f in frames if f.split == "train"]
    assert not any((f.pose, f.expression) in trained for f in frames if f.split == "heldout")


def test_another_seed_is_another_trajectory() -> None:
    assert make_trajectory(8, 64, 1)[3].pose != make_trajectory(8, 64, 2)[3].pose


def test_poses_reach_both_sides() -> None:
    yaws = np.array([f.pose.yaw_deg for f in make_trajectory(40, 64, 0)])
    assert yaws.min() < -15
    assert yaws.max() > 15


@given(st.integers(0, 2**32 - 1))
def test_only_trained_frames_with_a_moved_camera_are_wider(seed: int) -> None:
    frames = make_trajectory(40, 64, seed)
    usual = frames[0].camera
    wider = [f for f in frames if f.camera.fx < usual.fx]
    assert any(f.camera.fx < 0.75 * usual.fx for f in wider)
    assert all(f.split == "train" and not np.array_equal(f.camera.world_to_cam, usual.world_to_cam) for f in wider)
    widest = Camera.orbit(fov_deg=WIDE_FOV_DEG, width_px=64, height_px=64).fx
    assert all(widest <= f.camera.fx <= usual.fx for f in frames)


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_close_ups_count_on_and_repeat_trained_poses_with_a_longer_lens(count: int, seed: int) -> None:
    frames = make_trajectory(count, 64, seed)
    near = close_ups(frames)
    assert [f.index for f in near] == list(range(count, count + len(near)))
    trained = [(f.pose, f.expression) for f in frames if f.split == "train"]
    assert all((f.pose, f.expression) in trained and f.split == "train" for f in near)
    assert all(f.camera.fx > 1.5 * frames[0].camera.fx for f in near)


def test_close_ups_show_the_photos_pose_and_only_the_source_look() -> None:
    photographed = Pose(-12.0, 4.0, 2.0), Expression({"mouthSmileLeft": 0.4})
    frames = make_trajectory(40, 64, 0, photographed)
    near = close_ups(frames)
    assert len(near) == 5
    assert photographed in [(f.pose, f.expression) for f in near]
    clips = plan_clips(Recipe.of("draft"), frames, near)
    assert {c.kind for c in clips if set(c.frames) & {f.index for f in near}} == {"source"}
    assert [replace(c, frames=()) for c in clips] == [
        replace(c, frames=()) for c in plan_clips(Recipe.of("draft"), frames)
    ]


def test_a_plan_is_deterministic() -> None:
    assert plan(seed=5) == plan(seed=5)


def test_clip_paths_are_unique() -> None:
    paths = [c.path for c in plan()]
    assert len(set(paths)) == len(paths)


def test_there_is_one_source_clip_with_every_frame() -> None:
    sources = [c for c in plan() if c.kind == "source"]
    assert len(sources) == 1
    assert sources[0].frames == tuple(range(40))
    assert sources[0].look.categories() == ()


def test_every_variant_of_the_recipe_has_a_whole_clip() -> None:
    recipe = Recipe.of("standard")
    variants = [c for c in plan() if c.kind == "variant"]
    assert [tuple(c.path.split("/")) for c in variants] == list(recipe.variants)
    assert all(c.frames == tuple(range(40)) for c in variants)


def test_variants_of_a_draft_show_some_trained_frames_each_and_all_of_them_together() -> None:
    frames = make_trajectory(40, 64, 0)
    held = {f.index for f in frames if f.split == "heldout"}
    shown = [set(c.frames) for c in plan_clips(Recipe.of("draft"), frames) if c.kind == "variant"]
    assert all(held < own and 0 in own and len(own - held) == Recipe.of("draft").size().variant_frames for own in shown)
    assert set.union(*shown) == {f.index for f in frames}


def test_variants_of_which_videos_are_made_show_every_frame() -> None:
    frames = make_trajectory(40, 64, 0)
    clips = plan_clips(Recipe.of("draft", animator="wan-vace"), frames)
    assert all(len(c.frames) == len(frames) for c in clips if c.kind == "variant")


def test_every_variant_is_shown_on_the_way_from_the_source() -> None:
    looks = [c.look for c in plan() if c.kind == "between"]
    for category, id in Recipe.of("standard").variants:
        weights = [look.variants[category][id] for look in looks if list(look.variants.get(category, {})) == [id]]
        assert tuple(weights) == (FINE_STEPS if category in ADDITIVE_CATEGORIES else BETWEEN_STEPS)


def test_pictures_that_models_make_are_few() -> None:
    recipe = Recipe.of("standard", editor="diffusion")
    clips = [c for c in plan_clips(recipe, make_trajectory(40, 64, 0)) if "hat/source--beanie-grey@" in c.path]
    assert tuple(c.look.variants["hat"]["beanie-grey"] for c in clips) == BETWEEN_STEPS


def test_neighbouring_variants_are_shown_half_and_half() -> None:
    halves = [c for c in plan() if c.kind == "between" and "--" in c.path and "source" not in c.path.split("/")[1][:6]]
    assert halves
    assert all(sorted(next(iter(c.look.variants.values())).values()) == [0.5, 0.5] for c in halves)


def test_mixes_show_several_categories_and_some_are_held_out() -> None:
    mixes = [c for c in plan() if c.kind == "mix"]
    assert all(len(c.look.categories()) >= 2 for c in mixes)
    assert {c.split for c in mixes} == {"train", "heldout"}


@pytest.mark.parametrize("preset", ["draft", "standard"])
def test_clips_name_frames_in_ascending_order(preset: str) -> None:
    assert all(list(c.frames) == sorted(set(c.frames)) for c in plan(preset))


def test_one_category_alone_has_no_mixes() -> None:
    recipe = Recipe.of("draft", categories=("hat",))
    assert not [c for c in plan_clips(recipe, make_trajectory(40, 64, 0)) if c.kind == "mix"]
