"""A face that moves, for cameras and driving videos: the sample portrait, still at first and then tilting its head."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

TILT_DEG = 15.0
STILL_S = 1.0


def pictures(photo: bytes, fps: float, still_s: float) -> Iterator[np.ndarray]:
    """[360, 480, 3] uint8: at rest, then for as long once to the left and the right."""
    rgb = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))[:360, 20:500]
    height, width = rgb.shape[:2]
    for i in range(round(2 * still_s * fps)):
        turn = math.sin(2 * math.pi * max(i / fps - still_s, 0.0) / still_s)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), TILT_DEG * turn, 1.0)
        yield np.asarray(cv2.warpAffine(rgb, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))


def write_camera(path: Path, photo: bytes) -> Path:
    """As Chromium's false camera plays it, again and again, 30 pictures a second: JPEG after JPEG."""
    with path.open("wb") as file:
        for rgb in pictures(photo, 30, 2 * STILL_S):
            Image.fromarray(rgb).save(file, "JPEG", quality=90)
    return path


def write_film(path: Path, photo: bytes, fps: int) -> Path:
    """As MP4."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 480, 360, "yuv420p"
        for rgb in pictures(photo, fps, STILL_S):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path
