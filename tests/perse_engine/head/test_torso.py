"""What of the photo the neck shows."""

from __future__ import annotations

import numpy as np

from perse_engine.head.torso import ISLAND_MM2, SLIVER_MM, whole

PX_PER_MM = 2.0


def body() -> np.ndarray:
    """A large area, 200 px square."""
    known = np.zeros((300, 300), bool)
    known[100:, 50:250] = True
    return known


def test_islands_are_left_out() -> None:
    known = body()
    side = int(0.8 * np.sqrt(ISLAND_MM2) * PX_PER_MM)
    known[5 : 5 + side, 5 : 5 + side] = True
    assert (whole(known, np.zeros_like(known), PX_PER_MM) == body()).all()


def test_slivers_of_skin_are_left_out_and_of_cloth_kept() -> None:
    known = body()
    width = round(0.5 * SLIVER_MM * PX_PER_MM)
    known[60:100, 100 : 100 + width] = True
    assert (whole(known, np.zeros_like(known), PX_PER_MM) == known).all()
    kept = whole(known, known, PX_PER_MM)
    assert not kept[60:90, 100 : 100 + width].any()
    assert kept[150:, 100:200].all()
