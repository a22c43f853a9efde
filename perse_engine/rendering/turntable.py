"""The turntable: the camera swings around the head, once each way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perse_engine.look import Look
from perse_engine.progress import Progress
from perse_engine.rendering.image import to_uint8
from perse_engine.rendering.render import VIEWS_TOGETHER, Renderer
from perse_engine.rendering.sheet import BACKGROUND
from perse_engine.rendering.video import write_mp4
from perse_engine.scene import Camera, Expression, Pose

SWING_DEG = 45.0


def write_turntable(
    path: Path,
    renderer: Renderer,
    progress: Progress,
    *,
    look: Look | None = None,
    size_px: int = 512,
    seconds: float = 4.0,
    fps: int = 30,
) -> int:
    """Write an MP4 of a camera swing of +-45 degrees in a neutral pose, ready to loop; returns its frames."""
    total = round(seconds * fps)
    chosen = look or Look()

    def frames() -> Iterator[npt.NDArray[np.uint8]]:
        for first in range(0, total, VIEWS_TOGETHER):
            progress.report("turntable", first, total)
            angles = [
                SWING_DEG * math.sin(2 * math.pi * i / total) for i in range(first, min(first + VIEWS_TOGETHER, total))
            ]
            cameras = [Camera.orbit(angle, width_px=size_px, height_px=size_px) for angle in angles]
            for view in renderer.render_views(chosen, Pose(), Expression(), cameras, BACKGROUND):
                yield to_uint8(view.rgb)

    return write_mp4(path, frames(), fps=fps)
