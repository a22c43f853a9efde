"""Contact sheets: the dataset's picture, each contender's, and how they differ, worst frames first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.betweens import EXPRESSION, POSE, look_between
from perse_engine.evaluation.avatar.exact import ExactPictures, moment
from perse_engine.evaluation.avatar.reconstruction import FrameScore
from perse_engine.rendering.image import to_uint8
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset
from perse_engine.synthesis.storage import read_images

Array = npt.NDArray[Any]
Rgb = npt.NDArray[np.uint8]

CELL_PX = 192
CAPTION_PX = 18
DIFFERENCE_GAIN = 4
BACKGROUND = 0.85
BETWEEN_SHOWN = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Sheets:
    """Collects pictures while contenders pass by; one row per frame or way, a column per contender."""

    def __init__(self, dataset: Dataset, exact: ExactPictures) -> None:
        self._dataset, self._exact = dataset, exact
        self._worst: list[FrameScore] = []
        self._rows: list[list[Rgb]] = []
        self._ways: list[tuple[str, str | None, str]] = []
        self._way_rows: list[tuple[str, list[Rgb]]] = []

    def choose(self, worst: Sequence[FrameScore], ways: Sequence[tuple[str, str | None, str]]) -> None:
        """Decide what is shown: frames, worst first, and in-betweens as (category, start, end)."""
        self._worst, self._ways = list(worst), list(ways)
        for score in self._worst:
            picture = self._truth(score)[0]
            self._rows.append([_captioned(picture, f"{score.clip} #{score.frame}")])
        at = moment(POSE, EXPRESSION, self._dataset.size_px)
        for category, start, end in self._ways:
            pictures = [self._exact.of(look_between(category, start, end, t), [at])[0] for t in BETWEEN_SHOWN]
            row = [over_grey(p.rgb, p.alpha) for p in pictures]
            self._way_rows.append((f"exact: {category}, {start or 'source'} to {end}", row))

    def add(self, name: str, renderer: Renderer) -> None:
        """A contender's pictures and differences."""
        frames = {f.index: f for f in self._dataset.frames}
        for score, row in zip(self._worst, self._rows, strict=True):
            frame, look = frames[score.frame], self._dataset.clip(score.clip).look
            output = renderer.render(look, frame.pose, frame.expression, frame.camera)
            rgb = self._truth(score)[1]
            row.append(_captioned(over_grey(output.rgb, output.alpha), name))
            difference = np.clip(DIFFERENCE_GAIN * np.abs(output.rgb - rgb), 0, 1)
            row.append(_captioned(to_uint8(difference), f"difference x{DIFFERENCE_GAIN}"))
        at = moment(POSE, EXPRESSION, self._dataset.size_px)
        for category, start, end in self._ways:
            looks = [look_between(category, start, end, t) for t in BETWEEN_SHOWN]
            outputs = [renderer.render(look, at.pose, at.expression, at.camera) for look in looks]
            self._way_rows.append((f"{name}: {category} to {end}", [over_grey(o.rgb, o.alpha) for o in outputs]))

    def heldout(self) -> Rgb:
        """A row per frame: truth, then picture and difference of every contender."""
        return np.vstack([np.hstack(row) for row in self._rows])

    def betweens(self) -> Rgb:
        """Each way's exact row, with the contenders' rows below it."""
        count = len(self._ways)
        order = [k for way in range(count) for k in range(way, len(self._way_rows), count)]
        rows = []
        for k in order:
            name, pictures = self._way_rows[k]
            cells = [_captioned(p, name if i == 0 else f"{BETWEEN_SHOWN[i]:g}") for i, p in enumerate(pictures)]
            rows.append(np.hstack(cells))
        return np.vstack(rows)

    def _truth(self, score: FrameScore) -> tuple[Rgb, Array]:
        images = read_images(self._dataset, self._dataset.clip(score.clip), score.frame)
        rgb = images.image.astype(np.float32) / 255
        return over_grey(rgb, images.alpha.astype(np.float32) / 255), rgb


def over_grey(rgb: Array, alpha: Array) -> Rgb:
    """A premultiplied picture [H, W, 3] over light grey."""
    return to_uint8(rgb + (1 - alpha[..., None]) * np.float32(BACKGROUND))


def _captioned(picture: Rgb, caption: str) -> Rgb:
    cell = np.full((CELL_PX + CAPTION_PX, CELL_PX, 3), 255, np.uint8)
    cell[CAPTION_PX:] = cv2.resize(picture, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA)
    cv2.putText(cell, caption, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.3, (20, 20, 20), 1, cv2.LINE_AA)
    return cell
