"""Sampling: what a texture looks like once it is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.head.sampling import for_bilinear, sample


def drawn_height(texels_per_wave: float, *, corrected: bool) -> float:
    """How much of a wave's height bilinear sampling between the texels shows, on average over all phases."""
    places = np.arange(256)
    wave = np.sin(2 * np.pi * places / texels_per_wave).astype(np.float32)
    texture = np.tile(wave, (3, 1))
    where = np.linspace(32, 224, 4001)
    texture = for_bilinear(texture) if corrected else texture
    drawn = sample(texture, np.stack([where, np.ones_like(where)], -1))
    true = np.sin(2 * np.pi * where / texels_per_wave)
    return float((drawn * true).mean() / (true * true).mean())


@pytest.mark.parametrize("texels_per_wave", [2.5, 3.0, 4.0, 6.0, 12.0])
def test_what_bilinear_sampling_costs_is_given_back_and_not_more(texels_per_wave: float) -> None:
    plain, corrected = (drawn_height(texels_per_wave, corrected=c) for c in (False, True))
    assert plain < corrected < 1.002
    assert 1 - corrected < 0.7 * (1 - plain)


def test_a_wave_of_six_texels_is_drawn_whole() -> None:
    assert drawn_height(6.0, corrected=False) < 0.93
    assert drawn_height(6.0, corrected=True) == pytest.approx(1, abs=0.02)


def test_an_even_colour_stays() -> None:
    even = np.full((5, 7, 3), 0.3, np.float32)
    assert np.allclose(for_bilinear(even), even)


def test_the_edge_of_a_photo_gets_no_halo() -> None:
    # A lens and a sensor spread an edge over about two texels.
    places = np.arange(41) - 20.3
    edge = 0.25 + 0.5 / (1 + np.exp(-2.4 * places))
    texture = for_bilinear(np.tile(edge.astype(np.float32), (3, 1)))
    drawn = sample(texture, np.stack([np.linspace(2, 38, 721), np.ones(721)], -1))
    assert drawn.max() < 0.76
    assert drawn.min() > 0.24
