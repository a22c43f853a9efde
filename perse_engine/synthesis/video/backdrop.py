"""Pictures over black with alpha, as datasets have them, and over a plain backdrop, as video models see them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.head.mesh_raster import MeshImage

Rgb = npt.NDArray[np.uint8]

BACKDROP = 214
"""A light grey: far from the mid grey that stands for "unknown" in masked videos."""


def over_backdrop(rgba: npt.NDArray[np.uint8]) -> Rgb:
    """Premultiplied [H, W, 4] over the backdrop, [H, W, 3]."""
    clear = 255 - rgba[..., 3:].astype(np.uint16)
    return (rgba[..., :3] + (clear * BACKDROP + 127) // 255).clip(0, 255).astype(np.uint8)


def off_backdrop(picture: Rgb, alpha: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The opposite, with a known alpha [H, W]: premultiplied [H, W, 4]."""
    clear = 255 - alpha[..., None].astype(np.int32)
    shown = picture.astype(np.int32) - (clear * BACKDROP + 127) // 255
    return np.dstack([np.clip(shown, 0, alpha[..., None]), alpha]).astype(np.uint8)


def resized(picture: npt.NDArray[np.uint8], size_px: int) -> npt.NDArray[np.uint8]:
    """A square picture with another side."""
    if picture.shape[0] == size_px:
        return picture
    how = cv2.INTER_AREA if picture.shape[0] > size_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=how), np.uint8)


def pasted(base: MeshImage, picture: Rgb, dressed: MeshImage, mask: npt.NDArray[np.float32]) -> MeshImage:
    """`picture` over the backdrop inside `mask`, with the alpha and labels of `dressed`; where the mask is 0, the very
    bytes of `base`."""
    inside = mask > 0
    rgba = np.where(inside[..., None], off_backdrop(picture, dressed.rgba[..., 3]), base.rgba)
    return MeshImage(np.ascontiguousarray(rgba), np.where(mask > 0.5, dressed.labels, base.labels))
