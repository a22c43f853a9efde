"""What the avatar was taught, drawn again: the subject dressed by the editor at any look, moment and weight."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import InvalidValue
from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.animator import PortraitAnimator, RigAnimator
from perse_engine.synthesis.dataset import Dataset, Frame
from perse_engine.synthesis.editor import AttributeEditor
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.storage import read_images

Array = npt.NDArray[Any]

SAME_LEVELS = 0.5
"""Mean difference, levels of 255, up to which a picture drawn again is the dataset's own."""


@dataclass(frozen=True)
class Exact:
    """rgb [H, W, 3] float32 0..1 over black, alpha [H, W] float32 0..1, labels [H, W] uint8 (REGION_LABELS)."""

    rgb: Array
    alpha: Array
    labels: npt.NDArray[np.uint8]


class ExactPictures:
    """Draws and remembers pictures; one object serves every avatar of one subject."""

    def __init__(
        self, subject: Subject, editor: AttributeEditor | None = None, animator: PortraitAnimator | None = None
    ) -> None:
        self._subject = subject
        self._editor, self._animator = editor or ProceduralEditor(), animator or RigAnimator()
        self._drawn: dict[tuple[str, str], MeshImage] = {}

    def of(self, look: Look, frames: Sequence[Frame]) -> list[Exact]:
        """A picture per frame, in order."""
        own = json.dumps(look.to_json(), sort_keys=True)
        keys = [(own, _key(f)) for f in frames]
        missing = tuple(f for f, k in zip(frames, keys, strict=True) if k not in self._drawn)
        if missing:
            dressed = self._editor.dress(self._subject, look)
            for frame, image in zip(missing, self._animator.animate(dressed, missing), strict=True):
                self._drawn[own, _key(frame)] = image
        return [_exact(self._drawn[k]) for k in keys]

    def check(self, dataset: Dataset) -> None:
        """Draw a held-out picture of every variant again and compare.

        Raises:
            InvalidValue: the editor or the renderer has changed since the dataset was made, or other code made it.
        """
        frame = next(f for f in dataset.frames if f.split == "heldout")
        for clip in dataset.clips:
            if clip.kind != "variant" or frame.index not in clip.frames:
                continue
            again = self.of(clip.look, [frame])[0].rgb
            before = read_images(dataset, clip, frame.index).image.astype(np.float32) / 255
            levels = 255 * float(np.abs(again - before).mean())
            if levels > SAME_LEVELS:
                raise InvalidValue(
                    f"{clip.path} drawn again differs from its dataset by {levels:.2f} levels of 255 on average.",
                    hint="The editor has changed since, or another made it; make the avatar again and measure that.",
                )


def moment(pose: Pose, expression: Expression, size_px: int) -> Frame:
    """A frame of no trajectory: the frontal camera of datasets."""
    return Frame(-1, pose, expression, Camera.orbit(width_px=size_px, height_px=size_px), "heldout")


def _key(frame: Frame) -> str:
    camera = frame.camera
    view = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width_px, camera.height_px)
    return repr((frame.pose, sorted(frame.expression.weights.items()), view, camera.world_to_cam.tolist()))


def _exact(image: MeshImage) -> Exact:
    rgba = image.rgba.astype(np.float32) / 255
    return Exact(rgba[..., :3], rgba[..., 3], image.labels)
