"""Avatar + Motion -> video with sound, transparent video, or a folder of transparent pictures."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from perse_engine.errors import InvalidValue
from perse_engine.look import Look
from perse_engine.motion.motion import Motion
from perse_engine.progress import Progress
from perse_engine.rendering.image import encode_image, to_rgba8, to_uint8
from perse_engine.rendering.render import Renderer, RenderOutput
from perse_engine.rendering.sheet import BACKGROUND
from perse_engine.rendering.sound import Sound
from perse_engine.rendering.video import write_mp4, write_webm
from perse_engine.scene import Camera

STAGE = "animation"
SIZES_PX = (64, 4096)
VIDEO_FPS = (1, 120)
Colour = tuple[float, float, float]

_WRITERS: Mapping[str, Callable[..., int]] = {"mp4": write_mp4, "webm": write_webm}
FORMATS = (*_WRITERS, "png")


def animate(
    path: Path,
    renderer: Renderer,
    motion: Motion,
    progress: Progress,
    *,
    look: Look | None = None,
    camera: Camera | None = None,
    background: Colour | None = None,
    sound: Sound | None = None,
    format: str | None = None,
) -> int:
    """Render every frame of a motion; returns how many.

    Args:
        path: the video, or the folder that png pictures frame_00000.png, ... go into; the folder must be new or empty.
            Either appears when it is complete.
        renderer: of the avatar.
        motion: its rate is a video's rate, which must be whole.
        progress: told of each frame.
        look: worn where the motion has no looks of its own.
        camera: whose size is the picture's; None: 512 x 512 px, from the front.
        background: sRGB 0..1. None leaves webm and png transparent, and gives mp4 the contact sheet's grey.
        sound: heard in the video, which it cannot make longer.
        format: one of FORMATS; None reads it from the path's suffix, none being png.

    Raises:
        InvalidValue: a size, rate, place or sound that cannot be written.
        UnknownName: a look that the avatar does not have.
        BackendMissing: this machine encodes no WebM.
        Cancelled: from `progress`.
    """
    kind = format_of(path, format)
    view = camera or Camera.orbit()
    if not all(SIZES_PX[0] <= side <= SIZES_PX[1] for side in (view.width_px, view.height_px)):
        size = f"{view.width_px} x {view.height_px}"
        raise InvalidValue(f"The size is {size} px; both must lie in {SIZES_PX[0]}..{SIZES_PX[1]}.")
    if kind == "png":
        if sound is not None:
            raise InvalidValue("A folder of pictures holds no sound.", hint="Name a .mp4 or .webm file.")
        return _write_folder(path, _frames(renderer, motion, progress, look or Look(), view, background), background)
    if motion.fps != round(motion.fps) or not VIDEO_FPS[0] <= motion.fps <= VIDEO_FPS[1]:
        raise InvalidValue(
            f"A video has a whole number of frames a second, {VIDEO_FPS[0]}..{VIDEO_FPS[1]}, not {motion.fps:g}."
        )
    behind = background or (BACKGROUND if kind == "mp4" else None)
    frames = _frames(renderer, motion, progress, look or Look(), view, behind)
    pixels = (to_rgba8(f.rgb, f.alpha) if behind is None else to_uint8(f.rgb) for f in frames)
    return _WRITERS[kind](path, pixels, fps=round(motion.fps), sound=sound)


def format_of(path: Path, format: str | None = None) -> str:
    """One of FORMATS, from the suffix when it is not said.

    Raises:
        InvalidValue: there is no such format.
    """
    named = path.suffix.lower().removeprefix(".") or "png" if format is None else format
    if named not in FORMATS or (format is None and path.suffix.lower() == ".png"):
        raise InvalidValue(
            f"An animation cannot be written as {named!r}.", hint="Name a .mp4 or .webm file, or a folder for pictures."
        )
    return named


def _frames(
    renderer: Renderer, motion: Motion, progress: Progress, look: Look, camera: Camera, background: Colour | None
) -> Iterator[RenderOutput]:
    total = len(motion.frames)
    for index, frame in enumerate(motion.frames):
        progress.report(STAGE, index, total)
        worn = motion.look_at(index / motion.fps, look)
        yield renderer.render(worn, frame.pose, frame.expression, camera, background)
    progress.report(STAGE, total, total)


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
