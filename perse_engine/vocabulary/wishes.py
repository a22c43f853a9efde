"""From free text to wishes: "short curly auburn hair and thin round gold glasses".

A word table, not a language model: nouns cut the text into parts, adjectives fill the slots of the noun that they stand
by, and every word that did nothing is reported.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from perse_engine.errors import UnsupportedWish
from perse_engine.vocabulary.categories import CATEGORIES
from perse_engine.vocabulary.phrases import (
    adjective_table,
    degree_table,
    idle_words,
    listed,
    noun_table,
    phrases_at,
)
from perse_engine.vocabulary.wish import NONE, PRESENCE, Wish, in_order, is_value
from perse_engine.vocabulary.words import BOUNDARIES, GRADED, IMPLIED, LINKS, NEGATIONS, NOT, PEOPLE, REMOVABLE, REMOVED

MAX_CHARACTERS = 500
HINT = f"Name what to change, for example 'short curly auburn hair'. Categories: {', '.join(CATEGORIES)}."

Slots = dict[str, str]


@dataclass(frozen=True)
class _Noun:
    """Words [start, end) that name a category, and the slots they fill by themselves."""

    category: str
    slots: Slots
    start: int
    end: int


@dataclass
class _Part:
    """What is known of one noun's part of the text."""

    slots: Slots = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    is_absent: bool = False


def parse_wish(text: str) -> Wish:
    """The one wish of a text.

    Raises:
        UnsupportedWish: see `parse_wishes`, or the text names several categories.
    """
    found = parse_wishes(text)
    if len(found) > 1:
        names = ", ".join(w.category for w in found)
        raise UnsupportedWish(f"The wish names several categories: {names}.", hint="Wish for one at a time.")
    return found[0]


def parse_wishes(text: str) -> tuple[Wish, ...]:
    """A wish per category that the text names, in the order of the text.

    Raises:
        UnsupportedWish: the text names no category, or is far longer than a wish.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnsupportedWish(f"The wish has {len(text)} characters; at most {MAX_CHARACTERS} are read.", hint=HINT)
    words, breaks = split_words(text)
    nouns = _nouns(words)
    if not nouns:
        raise UnsupportedWish("The wish names nothing that can be changed.", hint=HINT)
    ends = _cuts(words, breaks, nouns)
    parts = [_read_part(words, n, a, b) for n, a, b in zip(nouns, [0, *ends], [*ends, len(words)], strict=True)]
    for k in range(1, len(nouns)):
        between = set(words[nouns[k - 1].end : nouns[k].start])
        # "no beard or glasses".
        if parts[k - 1].is_absent and between & {"or", "nor"} and between <= idle_words():
            parts[k].is_absent = True
    return tuple(_merged(words, nouns, parts, [0, *ends, len(words)]))


def split_words(text: str) -> tuple[list[str], set[int]]:
    """Lower-case words, and the indices of those that follow a comma or a full stop."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("\u2019", "")
    plain = re.sub(r"\bmake[ -]up\b", "makeup", plain)
    words: list[str] = []
    breaks: set[int] = set()
    for token in re.findall(r"[^\W_]+|[,.;]", plain):
        if token in ",.;":
            breaks.add(len(words))
        else:
            words.append(token)
    return words, breaks


def _nouns(words: Sequence[str]) -> list[_Noun]:
    found: list[_Noun] = []
    i = 0
    while i < len(words):
        size, meaning = next(phrases_at(words, i, noun_table()), (1, None))
        if meaning:
            found.append(_Noun(meaning[0], dict(meaning[1]), i, i + size))
        elif words[i] in IMPLIED and listed(PEOPLE) & set(words[i + 1 : i + 3]):
            found.append(_Noun(IMPLIED[words[i]], {}, i, i))
        i += size
    return found or [_Noun(IMPLIED[w], {}, i, i) for i, w in enumerate(words) if w in IMPLIED]


def _cuts(words: Sequence[str], breaks: set[int], nouns: Sequence[_Noun]) -> list[int]:
    """Where one noun's part ends and the next one's begins: where most words find a slot."""
    cuts = []
    for first, second in itertools.pairwise(nouns):
        links_back = first.end < second.start and words[first.end] in listed(LINKS)
        places = [first.end, second.start] + [
            i for i in range(first.end, second.start) if i in breaks or words[i] in listed(BOUNDARIES)
        ]

        def fit(cut: int, first: _Noun = first, second: _Noun = second, late: bool = links_back) -> tuple[int, int]:
            own = _read_part(words, _Noun(first.category, {}, first.end, first.end), first.end, cut)
            other = _read_part(words, _Noun(second.category, {}, second.start, second.start), cut, second.start)
            # Adjectives stand before their noun, unless a verb ties them to the one before.
            return len(own.used) + len(other.used), cut if late else -cut

        cuts.append(max(places, key=fit))
    return cuts


def _read_part(words: Sequence[str], noun: _Noun, start: int, end: int) -> _Part:
    """Fill the slots of one noun from words [start, end)."""
    part = _Part(dict(noun.slots), set(range(noun.start, noun.end)))
    part.is_absent = noun.slots.get(PRESENCE) == NONE
    table = adjective_table(noun.category)
    degree: tuple[str, list[int]] | None = None
    negation: int | None = None
    i = start
    while i < end:
        if noun.start <= i < noun.end:
            if negation is not None:
                part.used |= _remove(part, noun, negation)
            elif degree:
                own = {s: _graded(noun.category, s, v, degree[0]) for s, v in noun.slots.items()}
                part.used |= set(degree[1]) if own != noun.slots else set()
                part.slots |= own
            degree, negation, i = None, None, noun.end
            continue
        size, value = next(phrases_at(words[:end], i, degree_table()), (0, ""))
        longer, meaning = next(phrases_at(words[:end], i, table), (0, ()))
        if meaning and longer >= size:
            here = list(range(i, i + longer))
            if negation is not None and i < noun.start and words[negation] not in listed(NOT):
                # "no thick beard": the noun takes it along.
                part.used |= set(here)
            elif negation is not None:
                # "not too long" says what it is not; what it is instead is not known.
                negation = None
            elif chosen := _choice(part.slots, meaning):
                graded = _graded(noun.category, *chosen, degree[0] if degree else "")
                part.slots[chosen[0]] = graded
                part.used |= {*here, *(degree[1] if degree and graded != chosen[1] else [])}
                if other := _range_end(words, i + longer, end, noun.category, chosen):
                    part.slots[chosen[0]] = f"{chosen[1]}-to-{other[0]}"
                    part.used |= set(range(i, other[1]))
                    longer = other[1] - i
            degree = None
            i += longer
        elif size:
            degree = (value, list(range(i, i + size)))
            i += size
        else:
            negation = i if words[i] in listed(NEGATIONS) else negation
            if words[i] in idle_words():
                part.used.add(i)
            i += 1
    if (
        negation is not None
        and words[negation] in listed(REMOVED)
        and not set(range(negation + 1, end)) - part.used - {negation}
    ):
        # "beard removed", "glasses off": nothing follows.
        part.used |= _remove(part, noun, negation)
    return part


def _remove(part: _Part, noun: _Noun, negation: int) -> set[int]:
    removable = [s for s in noun.slots if s in REMOVABLE.get(noun.category, ())]
    if removable:
        part.slots[removable[0]] = NONE
        return {negation}
    if noun.category in ("nose", "mouth", "skin"):
        part.slots = {s: v for s, v in part.slots.items() if s not in noun.slots}
        part.used -= set(range(noun.start, noun.end))
        return set()
    part.is_absent = True
    return {negation}


def _choice(slots: Slots, meanings: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The first meaning whose slot is free, or already says so."""
    return next(((s, v) for s, v in meanings if slots.get(s, v) == v), None)


def _graded(category: str, slot: str, value: str, degree: str) -> str:
    graded = f"{degree}-{value}"
    return graded if degree and is_value(category, slot, graded) else value


def _range_end(
    words: Sequence[str], i: int, end: int, category: str, chosen: tuple[str, str]
) -> tuple[str, int] | None:
    """The second value of "medium to long" or "between medium and long", and the word after it."""
    slot, first = chosen
    joins = i < end and (words[i] == "to" or (words[i] == "and" and "between" in words[max(0, i - 4) : i]))
    if not joins or slot not in GRADED.get(category, ()):
        return None
    size, meanings = next(phrases_at(words[:end], i + 1, adjective_table(category)), (0, ()))
    value = dict(meanings).get(slot)
    return (value, i + 1 + size) if value and value != first else None


def _merged(
    words: Sequence[str], nouns: Sequence[_Noun], parts: Sequence[_Part], ends: Sequence[int]
) -> Iterator[Wish]:
    """One wish per category: what is wished for goes before what is wished away."""
    for category in dict.fromkeys(n.category for n in nouns):
        own = [k for k, n in enumerate(nouns) if n.category == category]
        slots: Slots = {}
        for k in (k for k in own if not parts[k].is_absent):
            slots = {**parts[k].slots, **slots}
        if all(parts[k].is_absent for k in own):
            slots = {PRESENCE: NONE}
        used = set().union(*(parts[k].used for k in own))
        here = [i for k in own for i in range(ends[k], ends[k + 1])]
        yield Wish(
            category, in_order(category, slots),
            tuple(words[i] for i in here if i in used), tuple(words[i] for i in here if i not in used),
        )  # fmt: skip
