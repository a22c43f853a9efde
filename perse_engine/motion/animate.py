"""Avatar + Motion -> video, or a folder of transparent pictures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.motion.motion import Motion
from perse_engine.progress import Progress
from perse_engine.rendering.image import encode_image, to_uint8
from perse_engine.rendering.render import Renderer, RenderOutput
from perse_engine.rendering.sheet import BACKGROUND
from perse_engine.rendering.video import write_mp4
from perse_engine.scene import Camera

STAGE = "animation"
SIZES_PX = (64, 4096)
Colour = tuple[float, float, float]


def animate(
    path: Path,
    renderer: Renderer,
    motion: Motion,
    progress: Progress,
    *,
    look: Look | None = None,
    size_px: int = 512,
    background: Colour | None = None,
) -> int:
    """Render every frame of a motion, seen from the front; returns how many.

    `path` that ends in .mp4 becomes a video, over `background` or the contact sheet's grey; its rate is the motion's,
    which must be whole. Any other path is a folder of frame_00000.png, ..., over `background` or transparent; it must
    be new or empty, and appears when it is complete. `look` is worn where the motion has no looks of its own.

    Raises:
        InvalidValue: a size, rate or place that cannot be written.
        UnknownName: a look that the avatar does not have.
        Cancelled: from `progress`.
    """
    if not SIZES_PX[0] <= size_px <= SIZES_PX[1]:
        raise InvalidValue(f"The size is {size_px} px; it must lie in {SIZES_PX[0]}..{SIZES_PX[1]}.")
    is_video = path.suffix.lower() == ".mp4"
    if is_video:
        if motion.fps != round(motion.fps):
            raise InvalidValue(f"A video needs a whole number of frames a second, not {motion.fps:g}.")
        frames = _frames(renderer, motion, progress, look or Look(), size_px, background or BACKGROUND)
        return write_mp4(path, (_pixels(f) for f in frames), fps=round(motion.fps))
    if path.suffix:
        raise InvalidValue(f"An animation cannot be written as {path.suffix}.", hint="Name a .mp4 file, or a folder.")
    return _write_folder(path, _frames(renderer, motion, progress, look or Look(), size_px, background), background)


def _frames(
    renderer: Renderer, motion: Motion, progress: Progress, look: Look, size_px: int, background: Colour | None
) -> Iterator[RenderOutput]:
    camera = Camera.orbit(width_px=size_px, height_px=size_px)
    total = len(motion.frames)
    for index, frame in enumerate(motion.frames):
        progress.report(STAGE, index, total)
        worn = motion.look_at(index / motion.fps, look)
        yield renderer.render(worn, frame.pose, frame.expression, camera, background)
    progress.report(STAGE, total, total)


def _pixels(output: RenderOutput) -> npt.NDArray[np.uint8]:
    return to_uint8(output.rgb)


def _write_folder(path: Path, frames: Iterator[RenderOutput], background: Colour | None) -> int:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InvalidValue(f"{path.name} is there already and not an empty folder.", hint="Name a new folder.")
    partial = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    count = 0
    try:
        for count, output in enumerate(frames, 1):
            alpha = output.alpha if background is None else None
            (partial / f"frame_{count - 1:05d}.png").write_bytes(encode_image(output.rgb, alpha))
        partial.chmod(0o755)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return count
