"""The avatar while it trains: a picture that is replaced every few seconds."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.look import Look
from perse_engine.rendering.image import encode_image
from perse_engine.rendering.render import Renderer, RenderOutput
from perse_engine.scene import Camera, Expression, Pose

NAME = "preview.webp"
EVERY_S = 2.0
CELL_PX = 256
SMILE = Expression({"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8})
TURN_DEG = 25.0
WORN = ("hair", "eyeglasses", "hat")
"""The first of these that the avatar has is shown in its first variant."""


class Preview:
    """Draws `NAME` in a folder: the source look, turned and smiling, and a variant; three cells side by side,
    transparent. Called with the avatar as often as one likes; it draws every 2 seconds (0.03 s on 2 cores)."""

    def __init__(self, folder: Path, rasterizer: str) -> None:
        self._path, self._rasterizer = folder / NAME, rasterizer
        self._due = 0.0

    def __call__(self, avatar: Avatar) -> None:
        """Replace the picture when it is time."""
        if time.monotonic() < self._due:
            return
        renderer = Renderer(avatar, self._rasterizer)
        shown = (
            _cell(renderer, Look(), Pose(), Expression()),
            _cell(renderer, Look(), Pose(yaw_deg=TURN_DEG), SMILE),
            _cell(renderer, _worn(avatar), Pose(yaw_deg=-TURN_DEG / 2), Expression()),
        )
        data = encode_image(np.hstack([c.rgb for c in shown]), np.hstack([c.alpha for c in shown]), format="webp")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever looks at it from another process sees a whole picture.
        partial = self._path.with_suffix(".part")
        partial.write_bytes(data)
        partial.replace(self._path)
        self._due = time.monotonic() + EVERY_S


def _cell(renderer: Renderer, look: Look, pose: Pose, expression: Expression) -> RenderOutput:
    return renderer.render(look, pose, expression, Camera.orbit(width_px=CELL_PX, height_px=CELL_PX), None)


def _worn(avatar: Avatar) -> Look:
    variants = avatar.variants()
    for category in WORN:
        if variants.get(category):
            return Look({category: {variants[category][0]: 1.0}})
    return Look()
