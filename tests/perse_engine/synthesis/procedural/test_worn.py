"""Between two variants of what one wears once, one object of a shape between theirs."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.subject import Subject
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit
from perse_engine.synthesis.procedural.procedural_editor import APPLY
from perse_engine.synthesis.procedural.worn import Worn, one_after_the_other
from perse_engine.vocabulary import VariantSpec, variant_spec
from tests.perse_engine.synthesis.procedural.dressing import assert_sound, parts_of

PAIRS = [
    ("hat", "beanie-grey", "fedora-brown"), ("hat", "cowboy-brown", "beret-red"),
    ("headphones", "over-ear-black-classic", "on-ear-red-slim"), ("eyeglasses", "round-black", "cat-eye-red-thick"),
]  # fmt: skip


def mixed(subject: Subject, category: str, weights: dict[str, float]) -> list[AddedPart]:
    outfit = Outfit.of(subject)
    APPLY[category](outfit, Worn(tuple((spec_of(category, id), w) for id, w in weights.items())))
    return outfit.parts


def spec_of(category: str, id: str) -> VariantSpec:
    spec = variant_spec(category, id)
    assert spec is not None
    return spec


def width(parts: list[AddedPart]) -> float:
    return float(np.ptp(np.vstack([p.vertices for p in parts])[:, 0]))


@pytest.mark.parametrize(("category", "first", "second"), PAIRS)
def test_half_way_is_one_sound_object_of_a_size_between(
    category: str, first: str, second: str, astronaut_subject: Subject
) -> None:
    half = mixed(astronaut_subject, category, {first: 0.5, second: 0.5})
    ends = [parts_of(astronaut_subject, category, id) for id in (first, second)]
    assert len(half) == max(map(len, ends))
    for part in half:
        assert_sound(part)
    low, high = sorted(map(width, ends))
    assert low < width(half) < high


def test_the_mean_of_one_is_its_own_exactly() -> None:
    assert Worn(((spec_of("hat", "beanie-grey"), 0.3),)).mean(lambda spec: 1 / 3) == 1 / 3


def test_the_mean_weighs() -> None:
    worn = Worn(((spec_of("hat", "beanie-grey"), 0.2), (spec_of("hat", "cap-navy"), 0.6)))
    assert worn.weight == pytest.approx(0.8)
    assert worn.mean(lambda spec: 1.0 if spec.id == "cap-navy" else 5.0) == pytest.approx(2.0)


def test_what_is_painted_goes_on_top_of_what_was(astronaut_subject: Subject) -> None:
    order: list[tuple[str, float]] = []
    paint = one_after_the_other(lambda outfit, spec, weight: order.append((spec.id, weight)))
    paint(Outfit.of(astronaut_subject), Worn(((spec_of("skin", "tanned"), 0.3), (spec_of("skin", "rosy"), 0.6))))
    assert order == [("tanned", 0.3), ("rosy", 0.6)]
