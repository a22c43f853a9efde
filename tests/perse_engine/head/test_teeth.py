"""Teeth: where photographed ones end."""

from __future__ import annotations

import numpy as np

from perse_engine.head.teeth import LIP_EDGE, LOWEST, PHOTO_TEXELS, _above_edge

TOOTH = np.array([0.8, 0.76, 0.7])
DARK = np.array([0.12, 0.05, 0.05])
HEIGHT, WIDTH = PHOTO_TEXELS
ACROSS = np.linspace(-1, 1, WIDTH)


def teeth_down_to(rows: np.ndarray) -> np.ndarray:
    """A picture of teeth over a dark mouth; rows [WIDTH]."""
    is_tooth = np.arange(HEIGHT)[:, None] < rows[None]
    return np.where(is_tooth[..., None], TOOTH, DARK)


def edge_of(rgb: np.ndarray) -> np.ndarray:
    return _above_edge(rgb, TOOTH).sum(0)


def test_the_edge_is_found() -> None:
    arc = 52 - 6 * ACROSS**2
    middle = np.abs(ACROSS) < 0.5
    assert np.abs(edge_of(teeth_down_to(arc)) - arc)[middle].max() < 2.5


def test_notches_between_crowns_do_not_bend_it() -> None:
    notched = 52 - 14.0 * (np.arange(WIDTH) % 12 < 2)
    edge = edge_of(teeth_down_to(notched))[np.abs(ACROSS) < 0.5]
    assert np.abs(np.diff(edge)).max() < 0.3
    assert np.abs(edge - 52).max() < 3.5


def test_teeth_that_reach_the_lower_lip_end_there() -> None:
    edge = edge_of(teeth_down_to(np.full(WIDTH, HEIGHT)))[np.abs(ACROSS) < 0.5]
    assert np.allclose(edge, (LIP_EDGE + 0.9) / (LOWEST + 0.9) * HEIGHT + 1.2, atol=1.5)
