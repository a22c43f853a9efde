"""The shared words are complete and unique."""

from __future__ import annotations

import re

import pytest

from perse_engine.vocabulary import (
    ADDITIVE_CATEGORIES,
    ARKIT_NAMES,
    CATALOGUE,
    CATEGORIES,
    EYE_LOOK_NAMES,
    PRESETS,
    REGION_LABELS,
    Preset,
    pose_limits_deg,
    variant_spec,
    variants_of,
)


def test_there_are_arkits_52_expressions() -> None:
    assert len(set(ARKIT_NAMES)) == len(ARKIT_NAMES) == 52


def test_every_sided_expression_has_its_other_side() -> None:
    sided = {"jawLeft", "jawRight", "mouthLeft", "mouthRight"}
    for name in set(ARKIT_NAMES) - sided:
        other = name.replace("Left", "@").replace("Right", "Left").replace("@", "Right")
        assert other in ARKIT_NAMES


def test_eight_expressions_turn_the_eyes() -> None:
    assert len(EYE_LOOK_NAMES) == 8


def test_variant_ids_are_slugs_and_unique_in_their_category() -> None:
    keys = [(v.category, v.id) for v in CATALOGUE]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) for _, id in keys)


def test_every_variant_belongs_to_a_known_category() -> None:
    assert {v.category for v in CATALOGUE} <= set(CATEGORIES)


def test_additive_categories_are_categories() -> None:
    assert set(ADDITIVE_CATEGORIES) <= set(CATEGORIES)


def test_region_labels_are_distinct_bytes_with_background_0() -> None:
    assert sorted(REGION_LABELS.values()) == list(range(len(REGION_LABELS)))
    assert REGION_LABELS["background"] == 0


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.name)
def test_a_preset_names_itself_and_only_editable_categories(preset: Preset) -> None:
    assert PRESETS[preset.name] is preset
    assert all(variants_of(c) for c in preset.categories)


def test_a_variant_is_found_by_category_and_id() -> None:
    assert all(variant_spec(v.category, v.id) is v for v in CATALOGUE)


def test_an_unknown_variant_is_none() -> None:
    assert variant_spec("hair", "none-such") is None


def test_pose_limits_contain_the_frontal_pose() -> None:
    assert all(low < 0 < high for low, high in pose_limits_deg().values())
