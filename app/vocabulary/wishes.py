"""From own words, or from a variant's id, to a variant: the engine's words with the API's problems."""

from __future__ import annotations

from app.problems import Problem
from perse_engine.vocabulary import CATEGORIES, VariantSpec, Wish, find_variant, parse_wishes, variants_of

# The vocabulary raises it; it is defined in a room that this one does not see.
from perse_engine.vocabulary.wishes import UnsupportedWish  # type: ignore[attr-defined]

HINT = "POST /v1/vocabulary/wishes turns words into ids; GET /v1/vocabulary lists the catalogue."


def read_wishes(text: str) -> tuple[Wish, ...]:
    """A wish per category that the text names, or 422 when it names none."""
    try:
        return parse_wishes(text)
    except UnsupportedWish as error:
        raise Problem("unsupported_wish", error.message, error.hint) from error


def variant_of(wish: Wish) -> tuple[VariantSpec | None, Problem | None]:
    """The variant that answers a wish, or why there is none."""
    try:
        return wish.to_variant(), None
    except UnsupportedWish as error:
        return None, Problem("unsupported_wish", error.message, error.hint)


def known_variant(category: str, id: str) -> VariantSpec:
    """The catalogue's variant, or the one that an id of the form `wish-<slot>-<value>-...` describes; else 422."""
    check_category(category)
    variant = find_variant(category, id)
    if variant is not None:
        return variant
    if not id.startswith("wish-"):
        raise Problem("unknown_name", f"There is no variant {category}/{id}.", HINT)
    raise Problem("unknown_name", f"The id {id!r} holds a slot or a value that {category} does not have.", HINT)


def prompted_variant(category: str, prompt: str) -> VariantSpec:
    """The variant that own words ask for in one category; words that were not understood are not passed over."""
    check_category(category)
    found = read_wishes(prompt)
    if [w.category for w in found] != [category]:
        named = ", ".join(w.category for w in found)
        raise Problem("unsupported_wish", f"The prompt names {named}; it should name {category} only.", HINT)
    if found[0].not_understood:
        words = ", ".join(repr(w) for w in found[0].not_understood)
        raise Problem("unsupported_wish", f"Not understood in the prompt for {category}: {words}.", HINT)
    variant, problem = variant_of(found[0])
    if problem is not None:
        raise problem
    assert variant is not None
    return variant


def check_category(category: str) -> None:
    """422 when there is no such category with variants."""
    if category not in CATEGORIES or not variants_of(category):
        raise Problem("unknown_name", f"There is no category {category!r} with variants.", "See GET /v1/vocabulary.")
