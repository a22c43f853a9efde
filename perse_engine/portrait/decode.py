"""Bytes from outside to a clean Portrait. Run it in a limited child process: the bytes are hostile until it returns."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from perse_engine.errors import PortraitTooLarge, PortraitTooSmall, UndecodablePortrait
from perse_engine.portrait.portrait import Portrait

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_BYTES = 20_000_000
MAX_PIXELS = 40_000_000
MIN_SIDE_PX = 256
STORED_JPEG_QUALITY = 95


def decode_portrait(data: bytes) -> Portrait:
    """Decode one JPEG, PNG or WebP picture: upright, sRGB, over white, 8 bits, nothing but pixels kept.

    The header is read and its size checked before any pixel is decoded, so that a small file cannot unfold into
    gigabytes.

    Raises:
        PortraitTooLarge, PortraitTooSmall, UndecodablePortrait.
    """
    if len(data) > MAX_BYTES:
        raise PortraitTooLarge(
            f"The file has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are accepted.",
            hint="Save it as a JPEG, or make it smaller.",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            _check_header(data)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                # Truncated files pass verify() but not load().
                image.load()
                return Portrait(_clean_pixels(image))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_many_pixels() from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, Warning) as error:
            raise UndecodablePortrait(
                "The file is not one whole JPEG, PNG or WebP picture.", hint="Save the photo again as JPEG or PNG."
            ) from error


def encode_portrait(portrait: Portrait) -> bytes:
    """The clean picture as a JPEG without any metadata; what is stored."""
    file = io.BytesIO()
    image = Image.frombytes("RGB", (portrait.width_px, portrait.height_px), portrait.rgb.tobytes())
    image.save(file, "JPEG", quality=STORED_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _check_header(data: bytes) -> None:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _too_many_pixels()
        if min(width, height) < MIN_SIDE_PX:
            raise PortraitTooSmall(
                f"The picture has {width} x {height} px; the shorter side needs at least {MIN_SIDE_PX}.",
                hint="Send the photo in a higher resolution.",
            )
        image.verify()


def _too_many_pixels() -> PortraitTooLarge:
    return PortraitTooLarge(
        f"The picture has more than {MAX_PIXELS / 1e6:.0f} million pixels.", hint="Make it smaller before sending."
    )


def _clean_pixels(image: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image.seek(0)
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I") or upright.mode == "F":
        # 16-bit grey: Pillow would clip instead of scaling.
        grey = np.asarray(upright, np.float32) / 65535.0 * 255.0
        upright = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    upright = _to_srgb(upright)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        rgba = upright.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        upright = Image.alpha_composite(white, rgba)
    return np.array(upright.convert("RGB"), np.uint8)


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "L", "CMYK"):
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        # A broken colour profile does not make the pixels unusable.
        return image
    return converted or image
