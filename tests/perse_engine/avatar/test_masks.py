"""How much a variant hides of what lies below it."""

from __future__ import annotations

import numpy as np

from perse_engine.avatar.masks import covers

CHANGED = np.array([1.0, 1.0, 0.5, 0.0], np.float32)
SHOWING = np.array([1.0, 0.0, 1.0, 1.0], np.float32)


def test_paint_hides_where_it_is_seen_and_shade_its_share() -> None:
    shade = np.full(4, 0.3, np.float32)
    assert np.allclose(covers(CHANGED, SHOWING, shade), [1.0, 0.3, 0.3, 0.3])


def test_without_surfaces_every_change_counts_as_paint() -> None:
    assert np.allclose(covers(CHANGED, SHOWING, None), [1.0, 1.0, 0.25, 0.0])
