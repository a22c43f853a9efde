"""Skin without the frame looks like the skin before it was put on."""

from __future__ import annotations

import numpy as np

from perse_engine.portrait.bare_face import frame_mask, without_frame
from perse_engine.portrait.eyewear import Eyewear, Stroke
from perse_engine.portrait.lens_film import film_of, without_film

SIZE = 120


def _eyewear() -> Eyewear:
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1) * 20
    rims = [Stroke(ring + [x, 60.0], np.full(64, 2.5), is_closed=True) for x in (32.0, 88.0)]
    bridge = Stroke(np.array([[52.0, 60.0], [68.0, 60.0]]), np.full(2, 2.0))
    return Eyewear((rims[0], rims[1]), (bridge,), (None, None))


def _skin() -> np.ndarray:
    shade = np.linspace(150, 200, SIZE)[:, None, None] * [1.0, 0.8, 0.7]
    return np.broadcast_to(shade, (SIZE, SIZE, 3)) + np.random.default_rng(0).normal(0, 2, (SIZE, SIZE, 3))


def test_the_frame_is_gone_and_the_rest_is_as_it_was() -> None:
    skin = _skin().astype(np.uint8)
    eyewear = _eyewear()
    mask = frame_mask(eyewear, SIZE) > 0
    worn = skin.copy()
    for stroke in eyewear.strokes():
        for x, y in stroke.px.astype(int):
            worn[y - 2 : y + 3, x - 2 : x + 3] = 10
    bare = without_frame(worn, eyewear)
    assert np.abs(bare.astype(int) - skin)[mask].mean() < 6
    far = ~(np.lib.stride_tricks.sliding_window_view(np.pad(mask, 4), (9, 9)).any((2, 3)))
    assert (bare[far] == worn[far]).all()
    assert far.mean() > 0.5


def test_lenses_are_taken_off_and_told_apart_from_none() -> None:
    skin, eyewear = _skin().astype(np.uint8), _eyewear()
    y, x = np.mgrid[:SIZE, :SIZE]
    inside = np.minimum(np.hypot(x - 32, y - 60), np.hypot(x - 88, y - 60)) < 20
    worn = np.where(inside[..., None], 0.8 * skin + 0.2 * np.array([220, 230, 255]), skin).astype(np.uint8)
    assert film_of(skin, eyewear.rims) is None
    film = film_of(worn, eyewear.rims)
    assert film is not None
    assert np.abs(without_film(worn, eyewear.rims, film).astype(int) - skin)[inside].mean() < 5
