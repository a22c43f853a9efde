"""What lies before what: a closed lid hides the eye, closed lips hide the teeth. Judged on renders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.exact import Exact, ExactPictures, moment
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Dataset
from perse_engine.vocabulary import REGION_LABELS

Array = npt.NDArray[Any]

YAWS_DEG = (-25.0, 0.0, 25.0)
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
CLOSED_LIPS: tuple[dict[str, float], ...] = ({}, {"mouthPressLeft": 0.8, "mouthPressRight": 0.8})
OPEN_LIPS = {"jawOpen": 0.7}
EYEBALL = (REGION_LABELS["sclera"], REGION_LABELS["iris"])
MOUTH = (REGION_LABELS["mouth_interior"],)
TELLING = 0.08
"""Open and closed must differ by so much (0..1) for a pixel to tell which it shows."""


@dataclass(frozen=True)
class Order:
    """Share of the pixels that show eyeball (teeth, throat) when open, and lid (lip) when closed, which on the closed
    render look more like the open picture than like the closed one: the worst of three yaws. `pixels` were judged."""

    eyes_through_lids: float
    eye_pixels: int
    mouth_through_lips: float
    mouth_pixels: int


def order(renderer: Renderer, dataset: Dataset, exact: ExactPictures) -> Order:
    """Blink at 1, and lips at rest and pressed, each at three yaws."""
    eyes = [_through(renderer, dataset, exact, yaw, {}, BLINK, EYEBALL) for yaw in YAWS_DEG]
    lips = [
        _through(renderer, dataset, exact, yaw, OPEN_LIPS, closed, MOUTH) for yaw in YAWS_DEG for closed in CLOSED_LIPS
    ]
    return Order(max(s for s, _ in eyes), sum(n for _, n in eyes), max(s for s, _ in lips), sum(n for _, n in lips))


def _through(
    renderer: Renderer, dataset: Dataset, exact: ExactPictures, yaw: float, opened: dict[str, float],
    closed: dict[str, float], inner: tuple[int, ...],
) -> tuple[float, int]:  # fmt: skip
    frames = [moment(Pose(yaw), Expression(weights), dataset.size_px) for weights in (opened, closed)]
    truth_open, truth_closed = exact.of(Look(), frames)
    shut = frames[1]
    shown = renderer.render(Look(), shut.pose, shut.expression, shut.camera).rgb
    return shown_through(shown, truth_open, truth_closed, inner)


def shown_through(shown: Array, opened: Exact, closed: Exact, inner: tuple[int, ...]) -> tuple[float, int]:
    """Share of the judged pixels that look open on a closed render [H, W, 3], and how many were judged."""
    judged = np.isin(opened.labels, inner) & ~np.isin(closed.labels, inner)
    judged &= np.abs(opened.rgb - closed.rgb).mean(-1) > TELLING
    to_open, to_closed = (np.abs(shown - p.rgb).mean(-1)[judged] for p in (opened, closed))
    count = int(judged.sum())
    return (float((to_open < to_closed).mean()) if count else 0.0), count
