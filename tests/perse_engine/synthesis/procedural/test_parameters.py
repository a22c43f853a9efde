"""Words become numbers, and numbers blend."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import UnsupportedWish
from perse_engine.synthesis.procedural import beard, eyebrows, mouth, nose, skin
from perse_engine.synthesis.procedural.beard import beard_parameters
from perse_engine.synthesis.procedural.eyebrows import eyebrow_parameters
from perse_engine.synthesis.procedural.mouth import mouth_parameters
from perse_engine.synthesis.procedural.nose import NoseParameters, nose_parameters
from perse_engine.synthesis.procedural.parameters import Table
from perse_engine.synthesis.procedural.skin import skin_parameters
from perse_engine.vocabulary import VariantSpec, parse_wish, variants_of
from perse_engine.vocabulary.wish import slot_values
from perse_engine.vocabulary.words import WORDS

TABLES: dict[str, Table] = {
    "beard": beard.TABLE, "eyebrows": eyebrows.TABLE, "nose": nose.TABLE, "mouth": mouth.TABLE, "skin": skin.TABLE,
}  # fmt: skip
OF = {
    "beard": beard_parameters, "eyebrows": eyebrow_parameters, "nose": nose_parameters, "mouth": mouth_parameters,
    "skin": skin_parameters,
}  # fmt: skip


def spec(text: str) -> VariantSpec:
    return parse_wish(text).to_variant()


@pytest.mark.parametrize("category", TABLES)
def test_the_parser_and_the_editor_know_the_same_words(category: str) -> None:
    for slot in set(WORDS[category]) - {"colour"}:
        assert set(slot_values(category, slot)) <= set(TABLES[category][slot]), slot


@pytest.mark.parametrize("category", TABLES)
def test_no_two_variants_of_a_category_are_the_same_numbers_and_colour(category: str) -> None:
    made = [(OF[category](v), v.slots.get("colour"), v.slots.get("shadow")) for v in variants_of(category)]
    assert len(set(made)) == len(made)


@given(t=st.floats(0, 1))
def test_in_betweens_lie_between(t: float) -> None:
    first, second = (beard_parameters(v) for v in variants_of("beard")[:2])
    mixed = first.blend(second, t)
    for name in (f.name for f in fields(mixed)):
        a, b = sorted((getattr(first, name), getattr(second, name)))
        assert a - 1e-9 <= getattr(mixed, name) <= b + 1e-9


def test_the_ends_of_a_blend_are_the_sets_themselves() -> None:
    first, second = (skin_parameters(v) for v in variants_of("skin")[:2])
    assert first.blend(second, 0.0) == first
    assert first.blend(second, 1.0) == second


def test_words_can_be_graded() -> None:
    amounts = [nose_parameters(spec(f"{w} wide nose")).width for w in ("slightly", "", "very")]
    assert 0 < amounts[0] < amounts[1] < amounts[2]


def test_a_range_is_half_way() -> None:
    short, medium = (beard_parameters(spec(f"{w} beard")).length_mm for w in ("short", "medium"))
    assert beard_parameters(spec("short to medium beard")).length_mm == pytest.approx((short + medium) / 2)


def test_shapes_of_two_words_add_up() -> None:
    both = nose_parameters(spec("a long aquiline nose")).length
    assert both == pytest.approx(sum(nose_parameters(spec(f"{w} nose")).length for w in ("long", "aquiline")))


def test_no_words_are_no_change() -> None:
    assert nose_parameters(VariantSpec("nose", "x", {}, "")) == NoseParameters()


def test_an_unknown_word_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnsupportedWish, match="aquiline"):
        nose_parameters(VariantSpec("nose", "x", {"bridge": "golden"}, ""))
