"""Recipes: what a preset means, what is refused, and when two are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.recipe import Acceptance, FrameLimits, Learned, Recipe
from perse_engine.vocabulary import PRESETS, variants_of


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_preset_takes_the_first_variants_of_each_of_its_categories(preset: str) -> None:
    size = PRESETS[preset]
    expected = [(c, v.id) for c in size.categories for v in variants_of(c)[: size.variants_per_category]]
    assert list(Recipe.of(preset).variants) == expected


def test_categories_narrow_a_recipe() -> None:
    assert {c for c, _ in Recipe.of("draft", categories=("hat",)).variants} == {"hat"}


def test_extra_variants_are_added_once() -> None:
    extra = ("hair", variants_of("hair")[-1].id)
    recipe = Recipe.of("draft", categories=("hair",), variants=(extra, extra))
    assert recipe.variants.count(extra) == 1
    assert len(recipe.variants) == PRESETS["draft"].variants_per_category + 1


@pytest.mark.parametrize(
    "wish",
    [
        {"preset": "huge"},
        {"categories": ("wings",)},
        {"variants": (("hair", "none-such"),)},
        {"editor": "magic"},
        {"animator": "magic"},
        {"rasterizer": "magic"},
        {"rig": "magic"},
    ],
)
def test_unknown_names_are_refused(wish: dict[str, Any]) -> None:
    with pytest.raises(UnknownName):
        Recipe.of(**wish)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_outside_32_bits_is_refused(seed: int) -> None:
    with pytest.raises(InvalidValue):
        Recipe.of(seed=seed)


@given(st.sampled_from(list(PRESETS)), st.integers(0, 2**32 - 1))
def test_json_round_trips(preset: str, seed: int) -> None:
    recipe = Recipe.of(preset, seed=seed)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_the_diffusion_editor_brings_its_models_and_json_keeps_them() -> None:
    assert Recipe.of("draft").learned is None
    assert Recipe.of("draft", editor="diffusion").learned == Learned()
    learned = Learned(interpolator="diffusion", encoder_model="clip-vit-large", acceptance=Acceptance(attempts=5))
    recipe = Recipe.of("draft", editor="diffusion", learned=learned)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert list(learned.edit_models().values()) == ["flux2-klein-4b", "sdxl-base", "clip-vit-large"]


def test_the_rig_is_part_of_a_recipe() -> None:
    recipe = Recipe.of("draft", rig="flame")
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.fingerprint() != Recipe.of("draft").fingerprint()


def test_recipes_from_before_there_were_models_are_read() -> None:
    value = Recipe.of("draft").to_json()
    del value["learned"]
    assert Recipe.from_json(value) == Recipe.of("draft")


def test_the_procedural_editor_takes_no_models() -> None:
    with pytest.raises(InvalidValue, match="takes models"):
        Recipe.of("draft", learned=Learned())


def test_an_unknown_interpolator_is_refused() -> None:
    with pytest.raises(UnknownName, match="magic"):
        Learned(interpolator="magic")


def test_other_limits_are_another_fingerprint() -> None:
    strict = Learned(acceptance=Acceptance(max_drift=0.01))
    prints = {Recipe.of("draft", editor="diffusion", learned=one).fingerprint() for one in (Learned(), strict)}
    assert len(prints) == 2


def test_equal_recipes_have_equal_fingerprints() -> None:
    assert Recipe.of("draft").fingerprint() == Recipe.of("draft").fingerprint()


def test_another_seed_is_another_fingerprint() -> None:
    assert Recipe.of(seed=1).fingerprint() != Recipe.of(seed=2).fingerprint()


def test_other_numbers_of_the_preset_are_another_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe.of("draft")
    before = recipe.fingerprint()
    monkeypatch.setitem(PRESETS, "draft", replace(PRESETS["draft"], train_steps=1))
    assert recipe.fingerprint() != before


def test_specs_are_the_catalogues_entries_in_order() -> None:
    recipe = Recipe.of("draft")
    assert [(s.category, s.id) for s in recipe.specs()] == list(recipe.variants)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Acceptance(max_drift=-0.1),
        lambda: Acceptance(min_identity=-1.5),
        lambda: Acceptance(max_residual=float("nan")),
        lambda: FrameLimits(max_turn_deg=-1),
        lambda: FrameLimits(min_share=1.5),
    ],
)
def test_a_limit_that_could_never_be_meant_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidValue):
        make()


def test_pictures_of_video_models_are_mended_unless_told_otherwise() -> None:
    assert not Recipe.of("draft").refinement
    assert not Recipe.of("draft", editor="diffusion").refinement
    assert Recipe.of("draft", animator="wan-vace").refinement
    assert not Recipe.of("draft", animator="wan-vace", refinement=False).refinement
    assert Recipe.of("draft", refinement=True).refinement
