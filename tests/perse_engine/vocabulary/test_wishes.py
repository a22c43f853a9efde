"""Free text becomes wishes: a table of phrases, and promises that hold for any text."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perse_engine.errors import UnsupportedWish
from perse_engine.vocabulary import CATALOGUE, CATEGORIES, VariantSpec
from perse_engine.vocabulary.phrases import adjective_table, idle_words, noun_table
from perse_engine.vocabulary.wish import Wish, find_variant, is_value, said, slot_names, slot_values
from perse_engine.vocabulary.wishes import MAX_CHARACTERS, parse_wish, parse_wishes, split_words
from perse_engine.vocabulary.words import DEFAULTS, DEGREES, GRADED, WORDS

PHRASES: list[tuple[str, str, dict[str, str]]] = [
    ("short curly auburn hair", "hair", {"length": "short", "texture": "curly", "colour": "ginger"}),
    ("red hair", "hair", {"colour": "ginger"}),
    ("dark red hair", "hair", {"colour": "red"}),
    ("hair that is long and blond", "hair", {"length": "long", "colour": "blonde"}),
    ("very long straight hair", "hair", {"length": "waist", "texture": "straight"}),
    ("shoulder-length wavy hair", "hair", {"length": "shoulder", "texture": "wavy"}),
    ("salt-and-pepper hair", "hair", {"colour": "grey"}),
    ("a buzz cut", "hair", {"length": "buzz"}),
    ("a blonde bob", "hair", {"length": "chin", "colour": "blonde"}),
    ("platinum blonde curls", "hair", {"texture": "curly", "colour": "light-blonde"}),
    ("light brown hair", "hair", {"colour": "light-brown"}),
    ("a redhead", "hair", {"colour": "ginger"}),
    ("a curly haired person", "hair", {"texture": "curly"}),
    ("a ginger man", "hair", {"colour": "ginger"}),
    ("bald", "hair", {"presence": "none"}),
    ("an afro", "hair", {"style": "afro"}),
    ("long brown braids", "hair", {"length": "long", "style": "braided", "colour": "brown"}),
    ("hair dyed blue", "hair", {"colour": "blue"}),
    ("a full beard", "beard", {"style": "full"}),
    ("full grey beard", "beard", {"style": "full", "colour": "grey"}),
    ("brown stubble", "beard", {"style": "stubble", "colour": "brown"}),
    ("five o'clock shadow", "beard", {"style": "stubble"}),
    ("black goatee", "beard", {"style": "goatee", "colour": "black"}),
    ("a mustache", "beard", {"style": "moustache"}),
    ("handlebar moustache", "beard", {"style": "handlebar"}),
    ("van dyke beard", "beard", {"style": "van-dyke"}),
    ("mutton chops", "beard", {"style": "mutton-chops"}),
    ("a very long ginger beard", "beard", {"length": "very-long", "colour": "ginger"}),
    ("medium to long beard", "beard", {"length": "medium-to-long"}),
    ("a beard between short and medium", "beard", {"length": "short-to-medium"}),
    ("bushy curly black beard", "beard", {"density": "dense", "texture": "curly", "colour": "black"}),
    ("full beard and moustache", "beard", {"style": "full"}),
    ("no beard", "beard", {"presence": "none"}),
    ("without a beard", "beard", {"presence": "none"}),
    ("clean-shaven", "beard", {"presence": "none"}),
    ("beard removed", "beard", {"presence": "none"}),
    ("no beard but a moustache", "beard", {"style": "moustache"}),
    ("thick dark eyebrows", "eyebrows", {"thickness": "thick", "colour": "dark"}),
    ("slightly thicker eyebrows", "eyebrows", {"thickness": "slightly-thick"}),
    ("eyebrows a bit thinner", "eyebrows", {"thickness": "slightly-thin"}),
    ("very bushy brows", "eyebrows", {"density": "very-dense"}),
    ("straight blonde eyebrows", "eyebrows", {"shape": "straight", "colour": "blonde"}),
    ("highly arched eyebrow", "eyebrows", {"shape": "arched"}),
    ("a wide nose", "nose", {"width": "wide"}),
    ("a much wider nose", "nose", {"width": "very-wide"}),
    ("a small upturned nose", "nose", {"length": "short", "tip": "upturned"}),
    ("an aquiline nose", "nose", {"bridge": "aquiline"}),
    ("roman nose", "nose", {"bridge": "aquiline"}),
    ("button nose with flared nostrils", "nose", {"length": "short", "nostrils": "flared"}),
    ("full red lips", "mouth", {"fullness": "full", "colour": "red"}),
    ("red lipstick", "mouth", {"colour": "red"}),
    ("dark red lips", "mouth", {"colour": "dark-red"}),
    ("slight smile", "mouth", {"smile": "slightly-smiling"}),
    ("heart-shaped lips", "mouth", {"shape": "heart"}),
    ("plumper lips", "mouth", {"fullness": "full"}),
    ("no smile", "mouth", {"smile": "none"}),
    ("tanned skin", "skin", {"tone": "tanned"}),
    ("very pale skin with freckles", "skin", {"tone": "very-pale", "marks": "freckled"}),
    ("dark skin", "skin", {"tone": "deep"}),
    ("deep wrinkles", "skin", {"lines": "aged", "tone": "deep"}),
    ("crow's feet", "skin", {"lines": "aged"}),
    ("rosy cheeks", "skin", {"tone": "rosy"}),
    ("blue eye shadow", "skin", {"shadow": "blue"}),
    ("pink blush and smoky eyes", "skin", {"makeup": "smoky", "blush": "pink"}),
    ("no freckles", "skin", {"marks": "none"}),
    ("without wrinkles", "skin", {"lines": "none"}),
    ("spectacles", "eyeglasses", {}),
    ("round gold specs", "eyeglasses", {"shape": "round", "colour": "gold"}),
    ("shades", "eyeglasses", {"lens": "dark"}),
    ("square dark sunglasses", "eyeglasses", {"shape": "square", "colour": "dark", "lens": "dark"}),
    ("thin round gold glasses", "eyeglasses", {"thickness": "thin", "shape": "round", "colour": "gold"}),
    ("without glasses", "eyeglasses", {"presence": "none"}),
    ("a brown fedora", "hat", {"type": "fedora", "colour": "brown"}),
    ("a navy blue baseball cap", "hat", {"type": "cap", "colour": "navy"}),
    ("take off the hat", "hat", {"presence": "none"}),
    ("silver hoop earrings", "earrings", {"type": "hoop", "material": "silver"}),
    ("pearl studs", "earrings", {"type": "stud", "material": "pearl"}),
    ("black over-ear headphones", "headphones", {"type": "over-ear", "colour": "black"}),
    ("a striped blue t-shirt", "cloth", {"type": "t-shirt", "colour": "blue", "pattern": "striped"}),
]

TEXTS = st.one_of(
    st.text(max_size=120),
    st.lists(
        st.sampled_from(
            sorted({*noun_table(), *(p for c in CATEGORIES for p in adjective_table(c)), *idle_words(), *DEGREES})
            + ["no", "not", "without", "very", "a bit", ",", "to", "unicorn", "-", "Brille"]
        ),
        max_size=14,
    ).map(" ".join),
)


@pytest.mark.parametrize(("text", "category", "slots"), PHRASES, ids=[p[0] for p in PHRASES])
def test_a_phrase_is_one_wish(text: str, category: str, slots: dict[str, str]) -> None:
    wish = parse_wish(text)
    assert (wish.category, dict(wish.slots)) == (category, slots)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "short curly auburn hair and thin round gold glasses",
            {
                "hair": {"length": "short", "texture": "curly", "colour": "ginger"},
                "eyeglasses": {"shape": "round", "thickness": "thin", "colour": "gold"},
            },
        ),
        (
            "long hair and thick, dark eyebrows",
            {"hair": {"length": "long"}, "eyebrows": {"thickness": "thick", "colour": "dark"}},
        ),
        (
            "glasses: round, gold, and a red hat",
            {"eyeglasses": {"shape": "round", "colour": "gold"}, "hat": {"colour": "red"}},
        ),
        ("hair that is long and red and a hat", {"hair": {"length": "long", "colour": "ginger"}, "hat": {}}),
        ("no beard or glasses", {"beard": {"presence": "none"}, "eyeglasses": {"presence": "none"}}),
        ("a beard without glasses", {"beard": {}, "eyeglasses": {"presence": "none"}}),
        ("a smiling blonde woman", {"mouth": {"smile": "smiling"}, "hair": {"colour": "blonde"}}),
        ("a blonde woman with round glasses", {"hair": {"colour": "blonde"}, "eyeglasses": {"shape": "round"}}),
    ],
)
def test_several_categories_are_several_wishes(text: str, expected: dict[str, dict[str, str]]) -> None:
    assert {w.category: dict(w.slots) for w in parse_wishes(text)} == expected


def test_one_wish_is_asked_for_where_there_are_several() -> None:
    with pytest.raises(UnsupportedWish):
        parse_wish("a beard and a hat")


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("purple unicorn beard", ("purple", "unicorn")),
        ("hair not too long", ("not", "too", "long")),
        ("not curly hair", ("not", "curly")),
        ("very red lips", ("very",)),
        ("\u957f\u53d1 hair", ("\u957f\u53d1",)),
    ],
)
def test_what_is_not_understood_is_said(text: str, lost: tuple[str, ...]) -> None:
    assert parse_wish(text).not_understood == lost


@pytest.mark.parametrize(
    "text",
    ["", "   ", "make it nice", "\U0001f9d4\U0001f3fd", "\u0431\u043e\u0440\u043e\u0434\u0430", "\0\x1b[2J", "''--;"],
)
def test_a_text_without_category_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UnsupportedWish) as refusal:
        parse_wishes(text)
    assert refusal.value.hint and "hair" in refusal.value.hint


def test_a_text_far_longer_than_a_wish_is_refused() -> None:
    with pytest.raises(UnsupportedWish):
        parse_wishes("red hair " * 1200)
    assert parse_wish("red hair".ljust(MAX_CHARACTERS)).slots


def test_control_characters_and_emoji_are_passed_over() -> None:
    assert dict(parse_wish("a\x00 red\x1b \U0001f600hat\u202e").slots) == {"colour": "red"}


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused_and_every_word_accounted_for(text: str) -> None:
    try:
        wishes = parse_wishes(text)
    except UnsupportedWish:
        return
    words = [w for wish in wishes for w in (*wish.understood, *wish.not_understood)]
    assert Counter(words) == Counter(split_words(text)[0])
    for wish in wishes:
        try:
            spec = wish.to_variant()
        except UnsupportedWish:
            assert not wish.slots
            continue
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", spec.id)
        assert find_variant(spec.category, spec.id) == spec


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda v: f"{v.category}-{v.id}")
def test_the_catalogues_prompts_are_understood(spec: VariantSpec) -> None:
    wish = parse_wish(spec.prompt)
    assert wish.category == spec.category
    if spec.category in GRADED or spec.category == "hair":
        assert dict(wish.slots) == dict(spec.slots)
        assert not wish.not_understood
    else:
        # Prompts of added things need not say all that their shape needs.
        assert wish.slots
        assert wish.slots.items() <= spec.slots.items()


@pytest.mark.parametrize("category", CATEGORIES)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_variant_survives_its_id(category: str, data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(slot_names(category)), min_size=1))
    slots = {slot: data.draw(st.sampled_from(slot_values(category, slot))) for slot in names}
    spec = Wish(category, slots, (), ()).to_variant()
    assert slots.items() <= spec.slots.items()
    assert find_variant(category, spec.id) == spec


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_variant_survives_its_prompt(data: st.DataObject) -> None:
    category = data.draw(st.sampled_from(["hair", *GRADED]))
    slots = {}
    for slot in data.draw(st.sets(st.sampled_from(slot_names(category)), min_size=1)):
        value = data.draw(st.sampled_from(slot_values(category, slot)))
        graded = [g for g in (f"very-{value}", f"slightly-{value}") if is_value(category, slot, g)]
        slots[slot] = data.draw(st.sampled_from([value, *graded]))
    spec = Wish(category, slots, (), ()).to_variant()
    assert slots.items() <= spec.slots.items()
    assert find_variant(category, spec.id) == spec
    if spec.id.startswith("wish-"):
        assert dict(parse_wish(spec.prompt).slots) == dict(spec.slots)


@pytest.mark.parametrize(
    "id", ["wish", "wish-", "wish-colour-none-such", "wish-presence-some", "wish-length", "red", "wish-" * 99]
)
def test_an_id_that_describes_nothing_is_no_variant(id: str) -> None:
    assert find_variant("mouth", id) is None
    assert find_variant("tail", id) is None


def test_a_value_is_said_so_that_it_is_meant_first() -> None:
    for category, slots in WORDS.items():
        for slot, values in slots.items():
            for value in values:
                assert (slot, value) in adjective_table(category)[said(category, slot, value)], (category, value)


def test_a_wish_for_what_the_catalogue_has_is_the_catalogues_variant() -> None:
    assert parse_wish("a tweed brown fedora").to_variant().id == "fedora-brown"
    assert parse_wish("eyebrows, thick and dark").to_variant().id == "thick-dark"


def test_what_a_wish_leaves_open_is_filled_in() -> None:
    for category, slots in DEFAULTS.items():
        assert slots.items() <= Wish(category, {}, (), ()).to_variant().slots.items()
    assert parse_wish("shades").to_variant().slots["shape"]
