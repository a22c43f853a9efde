"""Words to codes: how far apart descriptors are."""

from __future__ import annotations

import pytest

from perse_engine.avatar.growth.guess import distance
from perse_engine.vocabulary import parse_wish, variant_spec
from tests.perse_engine.avatar.growth.conftest import wish


def test_a_variant_is_no_way_from_itself() -> None:
    assert distance(wish("long wavy blonde hair"), wish("long wavy blonde hair")) == 0


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ("long wavy light blonde hair", "long wavy black hair"),
        ("shoulder length wavy blonde hair", "buzz cut blonde hair"),
        ("long wavy blonde hair", "short curly black hair"),
    ],
)
def test_what_looks_nearer_is_nearer(near: str, far: str) -> None:
    spec = variant_spec("hair", "long-wavy-blonde")
    assert spec is not None
    assert 0 <= distance(spec, wish(near)) < distance(spec, wish(far)) <= 1


def test_grades_stand_beside_their_word() -> None:
    plain, graded, other = wish("wide nose"), wish("very wide nose"), wish("slim nose")
    assert distance(plain, graded) < distance(plain, other)


def test_distances_are_symmetric() -> None:
    a, b = (parse_wish(t).to_variant() for t in ("thin round gold glasses", "square red glasses"))
    assert distance(a, b) == distance(b, a)
