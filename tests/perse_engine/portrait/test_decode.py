"""Bytes from outside become a clean Portrait or a PortraitError, and nothing else."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from perse_engine.errors import PortraitError, PortraitTooLarge, PortraitTooSmall, UndecodablePortrait
from perse_engine.portrait.decode import MAX_BYTES, decode_portrait, encode_portrait
from perse_engine.portrait.portrait import Portrait

SIDE = 256


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def corner_picture(width: int = SIDE, height: int = SIDE) -> Image.Image:
    """Grey, with a red upper left quarter."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    return Image.fromarray(pixels)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds one empty chunk of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_raise_only_portrait_errors(data: bytes) -> None:
    with pytest.raises(PortraitError):
        decode_portrait(data)


@settings(deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 2**16), st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_decodes_or_raises_a_portrait_error(format: str, place: int, patch: bytes) -> None:
    data = bytearray(saved(corner_picture(), format))
    place %= len(data)
    data[place : place + len(patch)] = patch
    try:
        portrait = decode_portrait(bytes(data))
    except PortraitError:
        return
    assert portrait.rgb.dtype == np.uint8


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_every_accepted_format_keeps_the_picture(format: str) -> None:
    rgb = decode_portrait(saved(corner_picture(), format)).rgb
    assert rgb.shape == (SIDE, SIDE, 3)
    assert np.abs(rgb[20, 20].astype(int) - (255, 0, 0)).max() < 12
    assert np.abs(rgb[200, 200].astype(int) - 128).max() < 6


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_picture_is_refused(format: str, astronaut_png: bytes) -> None:
    data = saved(Image.open(io.BytesIO(astronaut_png)), format)
    with pytest.raises(UndecodablePortrait):
        decode_portrait(data[: len(data) * 2 // 3])


def test_a_small_file_that_promises_many_pixels_is_refused_by_its_header() -> None:
    data = png_header(30_000, 30_000)
    assert len(data) < 100
    with pytest.raises(PortraitTooLarge):
        decode_portrait(data)


def test_a_file_with_too_many_pixels_below_pillows_own_limit_is_refused() -> None:
    with pytest.raises(PortraitTooLarge):
        decode_portrait(png_header(8000, 6000))


def test_a_file_with_too_many_bytes_is_refused() -> None:
    with pytest.raises(PortraitTooLarge, match="MB"):
        decode_portrait(bytes(MAX_BYTES + 1))


def test_a_picture_with_a_short_side_is_refused() -> None:
    with pytest.raises(PortraitTooSmall):
        decode_portrait(saved(corner_picture(SIDE - 1, 400), "PNG"))


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP", "PPM"])
def test_other_formats_are_refused(format: str) -> None:
    with pytest.raises(UndecodablePortrait):
        decode_portrait(saved(corner_picture(), format))


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    [(1, (20, 20)), (2, (20, -20)), (3, (-20, -20)), (4, (-20, 20)), (6, (20, -20)), (8, (-20, 20))],
)
def test_exif_orientation_turns_the_picture_upright(orientation: int, red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    rgb = decode_portrait(saved(corner_picture(300, 256), "PNG", exif=exif)).rgb
    assert tuple(rgb[red_at]) == (255, 0, 0)
    assert rgb.shape[:2] == ((300, 256) if orientation >= 5 else (256, 300))


def test_location_and_comment_are_gone_after_encoding() -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET-DESCRIPTION"
    exif.get_ifd(0x8825)[29] = "SECRET-GPS-DATE"
    data = saved(corner_picture(), "JPEG", exif=exif, comment=b"SECRET-COMMENT")
    assert data.count(b"SECRET") == 3
    clean = encode_portrait(decode_portrait(data))
    assert b"SECRET" not in clean
    assert not Image.open(io.BytesIO(clean)).getexif()


def test_a_stored_portrait_reads_back_nearly_the_same(astronaut_png: bytes) -> None:
    portrait = decode_portrait(astronaut_png)
    again = decode_portrait(encode_portrait(portrait))
    assert np.abs(again.rgb.astype(int) - portrait.rgb).mean() < 2


def test_cmyk_becomes_rgb() -> None:
    rgb = decode_portrait(saved(corner_picture().convert("CMYK"), "JPEG", quality=95)).rgb
    assert np.abs(rgb[200, 200].astype(int) - 128).max() < 6
    assert np.abs(rgb[20, 20].astype(int) - (255, 0, 0)).max() < 12


def test_a_palette_with_a_clear_entry_is_laid_over_white() -> None:
    palette = corner_picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    red = palette.getpixel((20, 20))
    rgb = decode_portrait(saved(palette, "PNG", transparency=red)).rgb
    assert tuple(rgb[20, 20]) == (255, 255, 255)
    assert np.abs(rgb[200, 200].astype(int) - 128).max() < 3


def test_half_alpha_is_mixed_with_white() -> None:
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 128))
    rgb = decode_portrait(saved(image, "PNG")).rgb
    assert np.abs(rgb.astype(int) - 127).max() <= 1


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    grey = np.full((SIDE, SIDE), 32768, np.uint16)
    rgb = decode_portrait(saved(Image.fromarray(grey), "PNG")).rgb
    assert np.abs(rgb.astype(int) - 128).max() <= 1


def test_a_broken_colour_profile_does_not_refuse_the_picture() -> None:
    rgb = decode_portrait(saved(corner_picture(), "PNG", icc_profile=b"not a profile")).rgb
    assert tuple(rgb[20, 20]) == (255, 0, 0)


def test_an_srgb_profile_leaves_colours_as_they_are() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    rgb = decode_portrait(saved(corner_picture(), "PNG", icc_profile=profile)).rgb
    assert np.abs(rgb[20, 20].astype(int) - (255, 0, 0)).max() <= 2


def test_an_animated_webp_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (SIDE, SIDE), c) for c in ((255, 0, 0), (0, 0, 255))]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert tuple(decode_portrait(data).rgb[100, 100]) == (255, 0, 0)


def test_a_portrait_knows_its_size() -> None:
    portrait = Portrait(np.zeros((3, 5, 3), np.uint8))
    assert (portrait.width_px, portrait.height_px) == (5, 3)
