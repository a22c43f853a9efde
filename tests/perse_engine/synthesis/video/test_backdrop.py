"""Over the backdrop and off it again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perse_engine.head.mesh_raster import MeshImage
from perse_engine.synthesis.video.backdrop import BACKDROP, off_backdrop, over_backdrop, pasted, resized

colours = arrays(np.uint8, (4, 4, 3))
alphas = arrays(np.uint8, (4, 4))


@given(colours, alphas)
def test_off_is_the_opposite_of_over(colour: np.ndarray, alpha: np.ndarray) -> None:
    rgba = np.dstack([np.minimum(colour, alpha[..., None]), alpha])
    assert np.array_equal(off_backdrop(over_backdrop(rgba), alpha), rgba)


@given(colours, alphas)
def test_colours_are_never_brighter_than_their_alpha(picture: np.ndarray, alpha: np.ndarray) -> None:
    rgba = off_backdrop(picture, alpha)
    assert (rgba[..., :3] <= alpha[..., None]).all() and np.array_equal(rgba[..., 3], alpha)


def test_nothing_is_the_backdrop() -> None:
    assert (over_backdrop(np.zeros((2, 2, 4), np.uint8)) == BACKDROP).all()


@given(st.integers(0, 2**32 - 1))
def test_where_the_mask_is_0_every_byte_is_the_base_s(seed: int) -> None:
    random = np.random.default_rng(seed)

    def image() -> MeshImage:
        alpha = random.integers(0, 256, (8, 8, 1), np.uint8)
        rgba = np.concatenate([np.minimum(random.integers(0, 256, (8, 8, 3), np.uint8), alpha), alpha], 2)
        return MeshImage(rgba, random.integers(0, 9, (8, 8), np.uint8))

    base, dressed, picture = image(), image(), random.integers(0, 256, (8, 8, 3), np.uint8)
    mask = np.maximum(random.random((8, 8)) - 0.5, 0).astype(np.float32) * 2
    made = pasted(base, picture, dressed, mask)
    assert np.array_equal(made.rgba[mask == 0], base.rgba[mask == 0])
    assert np.array_equal(made.labels[mask == 0], base.labels[mask == 0])
    assert np.array_equal(made.rgba[mask > 0][:, 3], dressed.rgba[mask > 0][:, 3])


def test_sizes() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert resized(picture, 8) is picture
    assert resized(picture, 4).shape == (4, 4, 3) and resized(picture, 12).shape == (12, 12, 3)
