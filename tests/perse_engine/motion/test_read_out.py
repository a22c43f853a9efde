"""The read-out treats both sides alike, and tells what it names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perse_engine.motion.read_out import FEATURES, FITTED, TABLE, mirrored, read_out
from perse_engine.vocabulary import ARKIT_NAMES


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1.5), min_size=len(FEATURES), max_size=len(FEATURES)))
def test_a_mirrored_face_gives_the_mirrored_weights(values: list[float]) -> None:
    row = np.array([values])
    flipped = row[:, [FEATURES.index(mirrored(name)) for name in FEATURES]]
    there, here = read_out(flipped), read_out(row)
    for name, told in here.items():
        assert told == pytest.approx(there[mirrored(name)], abs=1e-9)


def test_every_name_is_one_of_arkits() -> None:
    assert set(read_out(np.zeros((1, len(FEATURES))))) <= set(ARKIT_NAMES)
    assert {name for names in FITTED.values() for name in names} <= set(ARKIT_NAMES)
    assert all(set(shares) <= set(FEATURES) for shares in TABLE.values())


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_one_side_is_told_on_its_side(side: str) -> None:
    row = np.zeros((1, len(FEATURES)))
    row[0, FEATURES.index(f"mouthSmile{side}")] = 0.5
    row[0, FEATURES.index(f"lid{side}")] = 1.0
    told = read_out(row)
    for name in (f"mouthSmile{side}", f"eyeBlink{side}"):
        assert told[name][0] > 0.3 > told[mirrored(name)][0]
