"""One clip drives several avatars: does each keep its face? By their own skin, without a face model.

Every frame's face is straightened (perse_engine/motion/picture_fit.py) and compared, brightness and contrast aside,
with each avatar's face at rest: the face that a frame resembles most should be its own.

python -m benchmarks.reenactment me/ you/ they/ --video of-somebody.mp4
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.capture import FPS, Array
from perse_engine.avatar.storage import load_avatar
from perse_engine.look import Look
from perse_engine.motion.animate import animate
from perse_engine.motion.capture import find_landmarks
from perse_engine.motion.clips import make_clip
from perse_engine.motion.drive import drive_by_video
from perse_engine.motion.motion import Motion
from perse_engine.motion.picture_fit import PictureFit, crop_face
from perse_engine.motion.rig_fit import find_driver
from perse_engine.motion.take import read_take
from perse_engine.progress import SilentProgress
from perse_engine.rendering.image import to_uint8
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose

GREY = (0.8, 0.8, 0.8)
STEP = 5
"""Every fifth frame is compared."""


def rest_of(renderer: Renderer) -> PictureFit:
    """The avatar's own face at rest, from the front."""
    seen = renderer.render(Look(), Pose(), Expression(), Camera.orbit(width_px=512, height_px=512), GREY)
    picture = to_uint8(seen.rgb)
    landmarks = find_landmarks(picture)
    assert landmarks is not None, "the avatar at rest shows no face"
    return PictureFit(find_driver(np.stack([landmarks] * 5)), [crop_face(picture, landmarks)])


def likeness(renderer: Renderer, motion: Motion, rests: Sequence[PictureFit]) -> Array:
    """Correlation of the driven avatar's frames with each face at rest, [frames, avatars]."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "driven.mp4"
        animate(video, renderer, motion, SilentProgress())
        rows = []
        for index, frame in enumerate(read_take(video, motion.fps)):
            landmarks = find_landmarks(frame.rgb) if index % STEP == 0 else None
            if landmarks is not None:
                crop = crop_face(frame.rgb, landmarks)
                rows.append([rest.likeness(crop) for rest in rests])
    return np.array(rows)


def main() -> None:
    """Print each avatar's likeness to itself and to the one that it resembles next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("avatars", type=Path, nargs="+", help="two folders or more, as `perse create` leaves them")
    parser.add_argument("--video", type=Path, help="what drives them; a clip of talking when absent")
    parser.add_argument("--seconds", type=float, default=6.0, help="of that clip")
    arguments = parser.parse_args()
    if arguments.video is not None:
        motion = drive_by_video(arguments.video, SilentProgress()).motion
    else:
        motion = make_clip("talk", seconds=arguments.seconds, fps=FPS, seed=1)
    renderers = [Renderer(load_avatar(folder)) for folder in arguments.avatars]
    rests = [rest_of(renderer) for renderer in renderers]
    print(f"{'avatar':<30}{'itself':>8}{'lowest':>8}{'next':>8}{'own face nearest':>19}")
    for index, (folder, renderer) in enumerate(zip(arguments.avatars, renderers, strict=True)):
        rows = likeness(renderer, motion, rests)
        own, others = rows[:, index], np.delete(rows, index, 1).max(1)
        print(f"{folder!s:<30}{own.mean():8.2f}{own.min():8.2f}{others.mean():8.2f}{(own > others).mean():18.0%}")


if __name__ == "__main__":
    main()
