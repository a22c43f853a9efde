"""How much a variant hides of what lies below it."""

from __future__ import annotations

import numpy as np

from perse_engine.avatar.masks import covers

CHANGED = np.array([1.0, 1.0, 0.5, 0.0], np.float32)


def test_the_editor_knows_what_it_hides() -> None:
    hidden = np.array([1.0, 0.3, 0.0, 0.2], np.float32)
    assert np.array_equal(covers(CHANGED, hidden), hidden)


def test_what_lies_below_an_accessory_is_hidden_besides() -> None:
    hidden, below = np.full(4, 0.3, np.float32), np.array([1.0, 0.0, 1.0, 1.0], np.float32)
    assert np.allclose(covers(CHANGED, hidden, below), [1.0, 0.3, 0.3, 0.3])


def test_where_nobody_tells_every_change_counts_as_paint() -> None:
    assert np.allclose(covers(CHANGED, None), [1.0, 1.0, 0.25, 0.0])
