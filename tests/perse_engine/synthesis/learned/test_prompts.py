"""What is said to editors about variants."""

from __future__ import annotations

import pytest

from perse_engine.synthesis.learned.prompts import edit_prompt, is_instructed, needs_short_hair, plain_words
from perse_engine.vocabulary import CATALOGUE, VariantSpec, find_variant, parse_wish


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda s: f"{s.category}/{s.id}")
def test_a_variants_own_words_are_said_and_no_word_of_ours(spec: VariantSpec) -> None:
    said = edit_prompt(spec)
    assert plain_words(spec) in said
    assert "source" not in said


def test_the_users_words_reach_the_editor() -> None:
    said = edit_prompt(parse_wish("short curly auburn hair").to_variant())
    assert "short" in said and "curly" in said


def test_an_instruction_says_what_has_to_stay() -> None:
    nose, hat = find_variant("nose", "wide"), find_variant("hat", "beanie-grey")
    assert nose is not None and hat is not None
    assert is_instructed(nose) and "Keep the same person" in edit_prompt(nose)
    assert not is_instructed(hat)


@pytest.mark.parametrize(
    ("category", "id", "expected"),
    [
        ("hair", "long-wavy-blonde", True),
        ("hair", "source-length-straight-ginger", False),
        ("hair", "wish-colour-red", False),
        ("hair", "wish-style-dreadlocks", True),
        ("hair", "bald", False),
        ("hat", "beanie-grey", True),
        ("beard", "full-brown", False),
    ],
)
def test_hats_and_other_outlines_of_hair_need_a_base(category: str, id: str, expected: bool) -> None:
    spec = find_variant(category, id)
    assert spec is not None
    assert needs_short_hair(spec) is expected
