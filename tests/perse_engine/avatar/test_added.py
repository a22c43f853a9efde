"""Adapters: their gates, and their reach when categories share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.avatar.added import RANK, Adapter, gates, reach


def test_a_gate_is_shut_at_0_exactly_and_straight_at_1() -> None:
    assert gates(0.0).tolist() == [0.0] * RANK
    assert gates(1.0).tolist() == [1.0] + [0.0] * (RANK - 1)


def test_in_betweens_can_go_any_way() -> None:
    """Three in-betweens and the end are enough to tell the directions apart."""
    assert np.linalg.matrix_rank(np.stack([gates(w) for w in (0.25, 0.5, 0.75, 1.0)])) == RANK


@given(st.floats(0, 0.999))
def test_gates_are_continuous(weight: float) -> None:
    assert np.abs(gates(weight + 0.001) - gates(weight)).max() < 0.02


def test_no_adapter_leaves_a_categorys_reach_alone() -> None:
    cover = np.array([0.2, 0.0, 1.0], np.float32)
    assert reach(cover, []) is cover


@pytest.mark.parametrize(
    ("weight", "expected"), [(1.0, [0.8, 0.0, 1.0]), (0.5, [0.4, 0.0, 1.0]), (0.1, [0.2, 0.0, 1.0])]
)
def test_an_adapter_reaches_as_far_as_it_is_on(weight: float, expected: list[float]) -> None:
    adapter = Adapter(
        np.array([0, 2], np.int32), np.ones(2, np.float32), np.array([0.8, 0.5], np.float32),
        np.zeros((RANK, 2, 14), np.float32),
    )  # fmt: skip
    out = reach(np.array([0.2, 0.0, 1.0], np.float32), [(adapter, weight)])
    assert out.tolist() == pytest.approx(expected)
