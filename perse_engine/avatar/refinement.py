"""Mending a dataset's pictures while an avatar learns from them.

Where a video model made the pictures, each is off a little on its own: the head is turned otherwise than it was driven,
the picture is shifted, its exposure floats. Before a step learns from a picture, the picture is registered to what the
avatar shows of it, and the step draws the avatar where it was found to be.

Whatever all pictures were found to be off would move the avatar for good. So the rig's own pictures, which are exact,
are registered now and then too: what they are off is the avatar's drift, and is taken from what is found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from perse_engine.avatar.drawing import TrainingRasterizer, View
from perse_engine.avatar.head_turn import head_flow, turned
from perse_engine.avatar.pictures import Sight
from perse_engine.avatar.registration import CORRECTIONS, GAIN, SHIFT, TURN, registered
from perse_engine.avatar.start import Start
from perse_engine.head.mesh_raster import MeshImage
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.animator import RigAnimator
from perse_engine.synthesis.dataset import Clip, Dataset, Frame

RIG_PICTURES, DRIFT_EVERY = 6, 8
"""Pictures of the rig, and after how many steps the next of them is looked at."""
KEPT = np.array([1.0] * 5 + [0.9] * 3, np.float32)
"""Share of what was found that is mended. Rig and pictures may differ in colour, so drift says nothing of exposure: the
share that is left lets the avatar take on the exposure that all pictures have in common."""
FLOW_PX = 64
"""Width of the maps of how pixels move, which are smooth."""


Draw = Callable[[Look, Sight], FloatArray]
"""What the avatar shows of a look there, at the target's size: [H, W, 3] float32 over black."""


class Refinement:
    """The corrections of every picture that is trained, and how far the avatar has drifted from the rig meanwhile.

    Attributes:
        corrections: [pictures, 8] float32, columns as `registration` has them; 0 until a picture was mended.
        drifts: [RIG_PICTURES, 8] float32, what the rig's pictures were last found to be off; 0 for exposures.
    """

    def __init__(self, subject: Subject, dataset: Dataset, start: Start, rasterizer: TrainingRasterizer) -> None:
        pictures = [(clip.path, index) for clip in dataset.clips for index in clip.frames]
        self._rows = {picture: row for row, picture in enumerate(pictures)}
        self._size_px, self._rig = dataset.size_px, start.placed.binding.rig
        self.corrections = np.zeros((len(pictures), CORRECTIONS), np.float32)
        self.drifts = np.zeros((RIG_PICTURES, CORRECTIONS), np.float32)
        frames = [f for f in dataset.frames if f.split == "train" and f.valid]
        # Of the untrained avatar, whose shape training hardly changes: so a resumed training has the same.
        base, binding = start.placed.base, start.placed.binding
        view = View(binding, rasterizer, (FLOW_PX, FLOW_PX))
        self._flows = {f.index: head_flow(view, base, binding, start.vertices[f.index], f.camera) for f in frames}
        chosen = tuple(frames[len(frames) * k // RIG_PICTURES] for k in range(RIG_PICTURES))
        images = RigAnimator().animate(subject.look, chosen)
        self._rig_pictures = [
            _of_rig(f, start.vertices[f.index], image) for f, image in zip(chosen, images, strict=True)
        ]

    def mend(self, draw: Draw, clip: Clip, sight: Sight, step: int) -> Sight:
        """What a step should learn from instead; what is found is where the picture starts the next time."""
        if step == 0:
            for number in range(RIG_PICTURES):
                self._measure_drift(draw, number)
        elif step % DRIFT_EVERY == 0:
            self._measure_drift(draw, step // DRIFT_EVERY % RIG_PICTURES)
        own, drift = self.corrections[self._rows[clip.path, sight.frame.index]], self.drifts.mean(0)
        own[:] = KEPT * (self._registered(draw, clip.look, sight, own + drift) - drift)
        return self._mended(sight, own)

    def arrays(self) -> dict[str, FloatArray]:
        """The whole state, for a checkpoint; changed in place."""
        return {"corrections": self.corrections, "drifts": self.drifts}

    def _measure_drift(self, draw: Draw, number: int) -> None:
        drift = self.drifts[number]
        drift[:] = self._registered(draw, Look(), self._rig_pictures[number], drift)
        drift[GAIN] = 0

    def _registered(self, draw: Draw, look: Look, sight: Sight, known: FloatArray) -> FloatArray:
        height, width = sight.target[1].shape
        flow = cv2.resize(self._flows[sight.frame.index], (width, height), interpolation=cv2.INTER_LINEAR)
        return registered(draw(look, self._mended(sight, known)), sight.target[0], flow, known, self._size_px)

    def _mended(self, sight: Sight, correction: FloatArray) -> Sight:
        frame, (x, y) = sight.frame, (float(v) for v in correction[SHIFT])
        camera = replace(frame.camera, cx=frame.camera.cx + x, cy=frame.camera.cy + y)
        vertices = turned(self._rig, sight.vertices, correction[TURN])
        colours = np.asarray(sight.target[0] / (1 + correction[GAIN]), np.float32)
        return Sight(replace(frame, camera=camera), vertices, (colours, sight.target[1]))


def _of_rig(frame: Frame, vertices: FloatArray, image: MeshImage) -> Sight:
    rgba = image.rgba.astype(np.float32) / 255
    return Sight(frame, vertices, (np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])))
