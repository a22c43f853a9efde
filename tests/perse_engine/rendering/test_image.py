"""Encoded renders keep their pixels and say that a machine made them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from perse_engine.errors import InvalidValue
from perse_engine.rendering.image import SOURCE_TYPE, encode_image, to_uint8

GRADIENT = np.linspace(0, 1, 8 * 10 * 3, dtype=np.float32).reshape(8, 10, 3)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_every_format_carries_the_generated_mark(format: str) -> None:
    data = encode_image(GRADIENT, format=format)  # type: ignore[arg-type]
    assert SOURCE_TYPE.encode() in data
    assert Image.open(io.BytesIO(data)).format == format.upper()


def test_png_keeps_every_pixel() -> None:
    back = np.asarray(Image.open(io.BytesIO(encode_image(GRADIENT))))
    assert np.array_equal(back, to_uint8(GRADIENT))


def test_transparency_stores_straight_colour() -> None:
    alpha = np.full((8, 10), 0.5, np.float32)
    back = np.asarray(Image.open(io.BytesIO(encode_image(np.full((8, 10, 3), 0.25, np.float32), alpha))))
    assert back.shape == (8, 10, 4)
    assert set(np.unique(back[..., :3])) == {128}
    assert set(np.unique(back[..., 3])) == {128}


def test_jpeg_refuses_transparency() -> None:
    with pytest.raises(InvalidValue, match="transparency"):
        encode_image(GRADIENT, np.ones((8, 10), np.float32), format="jpeg")
