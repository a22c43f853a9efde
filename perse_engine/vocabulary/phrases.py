"""Look-up of phrases: the word tables turned around, and the forms in which a phrase may stand in a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

from perse_engine.vocabulary.wish import NONE, PRESENCE, SHADES, slot_names, slot_values
from perse_engine.vocabulary.words import ABSENT, BOUNDARIES, DEGREES, FILLERS, LINKS, NOUNS, WORDS

LONGEST_PHRASE = 5
Meaning = TypeVar("Meaning")


def phrases_at(words: Sequence[str], i: int, table: Mapping[str, Meaning]) -> Iterator[tuple[int, Meaning]]:
    """Phrases of a table that begin at word i, with their size, the longest first."""
    for size in range(min(LONGEST_PHRASE, len(words) - i), 0, -1):
        lead = words[i : i + size - 1]
        for last in _forms(words[i + size - 1]):
            phrase = " ".join([*lead, last])
            if phrase in table:
                yield size, table[phrase]
                break


@cache
def noun_table() -> dict[str, tuple[str, dict[str, str]]]:
    """Phrase that names a category -> (category, slots that it fills)."""
    table: dict[str, tuple[str, dict[str, str]]] = {}
    for category, slots in WORDS.items():
        for slot, values in slots.items():
            for value, line in values.items():
                for phrase in (p.rstrip("!") for p in line.split(", ") if p.endswith("!")):
                    # "redhead" is about hair before it is about beards and brows.
                    table.setdefault(phrase, (category, {slot: value}))
    for category, line in NOUNS.items():
        table |= {phrase: (category, {}) for phrase in line.split(", ")}
    for category, line in ABSENT.items():
        table |= {phrase: (category, {PRESENCE: NONE}) for phrase in line.split(", ")}
    return table


@cache
def adjective_table(category: str) -> dict[str, tuple[tuple[str, str], ...]]:
    """Phrase -> what it may mean in a category, as (slot, value) in the order of preference."""
    table: dict[str, tuple[tuple[str, str], ...]] = {}

    def learn(phrase: str, slot: str, value: str) -> None:
        if (slot, value) not in table.get(phrase, ()):
            table[phrase] = (*table.get(phrase, ()), (slot, value))

    for slot, values in WORDS[category].items():
        for value, line in values.items():
            for phrase in line.split(", "):
                learn(phrase.rstrip("!"), slot, value)
    for slot in slot_names(category):
        for value in slot_values(category, slot):
            phrase = value.replace("-", " ")
            if all(slot != other for other, _ in table.get(phrase, ())):
                learn(phrase, slot, value)
    for phrase, meanings in list(table.items()):
        for slot, value in meanings:
            for shade in SHADES if slot == "colour" and not value.startswith(SHADES) else ():
                if f"{shade} {phrase}" not in table:
                    learn(f"{shade} {phrase}", slot, f"{shade}-{value}")
    return table


@cache
def degree_table() -> dict[str, str]:
    """Phrase -> degree."""
    return {phrase: degree for degree, line in DEGREES.items() for phrase in line.split(", ")}


@cache
def listed(line: str) -> frozenset[str]:
    """The phrases of a line of the word tables."""
    return frozenset(line.split(", "))


@cache
def idle_words() -> frozenset[str]:
    """Words that change nothing."""
    return frozenset(w for line in (FILLERS, BOUNDARIES, LINKS) for phrase in line.split(", ") for w in phrase.split())


def _forms(word: str) -> Iterator[str]:
    """The word, its singular, and what it compares: thicker, thinnest, wider, bushier."""
    yield word
    if word.endswith("s") and len(word) > 3:
        yield word[:-1]
        yield word.removesuffix("es")
    for ending in ("er", "est"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            yield stem
            yield stem + "e"
            if stem[-1] == stem[-2]:
                yield stem[:-1]
            if stem.endswith("i"):
                yield stem[:-1] + "y"
