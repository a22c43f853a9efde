"""Looks: what they accept, refuse, and how they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import InvalidValue, UnknownName
from perse_engine.look import Look
from perse_engine.vocabulary import CATEGORIES

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(lambda n: n != "code")
WEIGHTS = st.dictionaries(NAMES, st.floats(0, 0.25), min_size=1, max_size=4)
CODES = st.lists(st.floats(-9, 9), min_size=1, max_size=5).map(tuple)


@st.composite
def looks(draw: st.DrawFn) -> Look:
    categories = draw(st.lists(st.sampled_from(CATEGORIES), unique=True, max_size=4))
    variants, codes = {}, {}
    for category in categories:
        if draw(st.booleans()):
            variants[category] = draw(WEIGHTS)
        else:
            codes[category] = draw(CODES)
    return Look(variants, codes)


@given(looks())
def test_json_round_trips(look: Look) -> None:
    assert Look.from_json(look.to_json()) == look  # type: ignore[arg-type]


def test_an_empty_look_is_the_source() -> None:
    assert Look().categories() == ()


def test_a_weight_of_0_leaves_the_category_at_the_source() -> None:
    assert Look({"hair": {"long-wavy-blonde": 0.0}}).categories() == ()


def test_categories_come_in_the_order_of_the_vocabulary() -> None:
    assert Look({"skin": {"tanned": 1.0}, "hair": {"a": 1.0}}, {"beard": (0.0,)}).categories() == (
        "hair",
        "beard",
        "skin",
    )


def test_words_are_parsed_with_and_without_weights() -> None:
    look = Look.parse(["hair=long-wavy-blonde:0.7", "hat=beanie-grey", "hair=source-length-straight-black:0.3"])
    assert look == Look(
        {"hair": {"long-wavy-blonde": 0.7, "source-length-straight-black": 0.3}, "hat": {"beanie-grey": 1.0}}
    )


@pytest.mark.parametrize("word", ["hair", "hair=", "=x", "", "hair=x:much", "hair=x:nan", "hair=x:1.5", "hair=x:-0.1"])
def test_unreadable_words_are_refused(word: str) -> None:
    with pytest.raises((InvalidValue, UnknownName)):
        Look.parse([word])


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(UnknownName, match="wings"):
        Look({"wings": {"large": 1.0}})


def test_weights_that_sum_to_more_than_1_are_refused() -> None:
    with pytest.raises(InvalidValue, match="sum"):
        Look({"hair": {"a": 0.6, "b": 0.6}})


def test_a_category_cannot_have_variants_and_a_code() -> None:
    with pytest.raises(InvalidValue, match="both"):
        Look({"hair": {"a": 1.0}}, {"hair": (0.0,)})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_code_that_is_not_finite_is_refused(number: float) -> None:
    with pytest.raises(InvalidValue, match="finite"):
        Look({}, {"hair": (number,)})
