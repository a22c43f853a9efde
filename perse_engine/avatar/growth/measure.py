"""How well a new variant came out, and that nothing else moved."""

from __future__ import annotations

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.drawing import View, training_rasterizer
from perse_engine.avatar.growth.inversion import with_expression
from perse_engine.avatar.growth.lesson import Lesson
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Frame

OLD_LOOKS = 6
SAME_DB = 99.0
"""What identical pictures are said to have."""


def measure(avatar: Avatar, before: Avatar, lesson: Lesson, rasterizer: str) -> dict[str, float]:
    """On held-out frames: PSNR in the changed region and of the picture, of in-betweens, and of older looks.

    Returns:
        region_psnr_db, psnr_db: the variant at 1; between_psnr_db: in-betweens, whole picture; source_region_psnr_db:
        the source look against the variant's pictures, so what was to be gained; old_psnr_db: older looks (the source
        and some variants) against the avatar before, the worst.
    """
    drawn = _Drawn(avatar, lesson, rasterizer)
    first = lesson.clips[0]
    region: list[tuple[float, float]] = []
    source: list[tuple[float, float]] = []
    whole: list[tuple[float, float]] = []
    for frame in lesson.split(first, "heldout"):
        mask = lesson.changed(first, frame.index) > 0
        target = lesson.target(first, frame.index)[0]
        image = drawn.picture(first.look, frame)
        region.append(_error(image, target, mask))
        whole.append(_error(image, target, np.ones_like(mask)))
        source.append(_error(drawn.picture(Look(), frame), target, mask))
    between = [_heldout(drawn, lesson, clip) for clip in lesson.clips if clip.kind == "between"]
    out = {"region_psnr_db": _psnr(region), "psnr_db": _psnr(whole), "source_region_psnr_db": _psnr(source)}
    return out | {
        "between_psnr_db": _psnr([e for errors in between for e in errors]),
        "old_psnr_db": _old(drawn, before, lesson, rasterizer),
    }


class _Drawn:
    """Draws an avatar's looks at the lesson's frames."""

    def __init__(self, avatar: Avatar, lesson: Lesson, rasterizer: str) -> None:
        kernels = training_rasterizer(rasterizer, avatar.raster_mode)[0]
        self._avatar = avatar
        self._view = View(avatar.binding, kernels, (lesson.size_px, lesson.size_px))

    def picture(self, look: Look, frame: Frame) -> FloatArray:
        """Premultiplied colours [H, W, 3]."""
        x = with_expression(self._avatar, self._avatar.bake(look).properties, frame.expression)
        vertices = self._avatar.binding.rig.posed(frame.pose, frame.expression)
        self._view.draw(x, vertices, frame.camera)
        return np.clip(self._view.colours, 0, 1)


def _heldout(drawn: _Drawn, lesson: Lesson, clip: Clip) -> list[tuple[float, float]]:
    out = []
    for frame in lesson.split(clip, "heldout"):
        target = lesson.target(clip, frame.index)[0]
        out.append(_error(drawn.picture(clip.look, frame), target, np.ones(target.shape[:2], bool)))
    return out


def _old(drawn: _Drawn, before: Avatar, lesson: Lesson, rasterizer: str) -> float:
    old = _Drawn(before, lesson, rasterizer)
    looks = [Look(), *(Look({c: {v: 1.0}}) for c, ids in before.variants().items() for v in ids)][:OLD_LOOKS]
    frame = lesson.frames[0]
    everywhere = np.ones((lesson.size_px, lesson.size_px), bool)
    return min(_psnr([_error(drawn.picture(o, frame), old.picture(o, frame), everywhere)]) for o in looks)


def _error(image: FloatArray, target: FloatArray, mask: np.ndarray) -> tuple[float, float]:
    square = ((image - target) ** 2).mean(-1)
    return float(square[mask].sum()), float(mask.sum())


def _psnr(errors: list[tuple[float, float]]) -> float:
    mean = sum(e for e, _ in errors) / max(sum(n for _, n in errors), 1.0)
    return SAME_DB if mean <= 0 else float(min(SAME_DB, -10 * np.log10(mean)))
