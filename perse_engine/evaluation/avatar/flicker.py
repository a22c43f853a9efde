"""Slow ramps: does a picture ever jump between two frames that are hardly different."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.exact import ExactPictures, moment
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Dataset, Frame
from perse_engine.vocabulary import ADDITIVE_CATEGORIES

Array = npt.NDArray[Any]

FRAMES = 24


@dataclass(frozen=True)
class Ramp:
    """Something that goes evenly from one end to the other in 24 frames.

    Attributes:
        jump: the largest mean absolute difference between neighbouring frames over the median one; exact_jump: of the
            editor's own pictures, which move unevenly themselves where lids or lips meet.
        unexplained: median change of the error (render - exact) from frame to frame over the exact pictures' change.
    """

    name: str
    jump: float
    exact_jump: float
    unexplained: float


def flicker(renderer: Renderer, dataset: Dataset, exact: ExactPictures) -> tuple[Ramp, ...]:
    """Blink, jaw, yaw, and the slider of one variant that changes the head itself and of one that adds surface."""
    size = dataset.size_px
    t = np.linspace(0, 1, FRAMES)
    still = Pose(), Expression()
    moving = {
        "blink": [(Look(), Pose(), Expression({"eyeBlinkLeft": float(x), "eyeBlinkRight": float(x)})) for x in t],
        "jaw": [(Look(), Pose(), Expression({"jawOpen": float(x)})) for x in t],
        "yaw -20 to 20": [(Look(), Pose(40 * float(x) - 20), Expression()) for x in t],
    }
    for look in _slid(dataset):
        category = look.categories()[0]
        id = next(iter(look.variants[category]))
        moving[f"{category}={id}"] = [(Look({category: {id: float(x)}}), *still) for x in t]
    out = []
    for name, states in moving.items():
        frames = [(look, moment(pose, expression, size)) for look, pose, expression in states]
        out.append(_ramp(name, renderer, exact, frames))
    return tuple(out)


def _slid(dataset: Dataset) -> list[Look]:
    looks = [c.look for c in dataset.clips if c.kind == "variant"]
    own = [x for x in looks if x.categories()[0] not in ADDITIVE_CATEGORIES]
    added = [x for x in looks if x.categories()[0] in ADDITIVE_CATEGORIES]
    return own[:1] + added[-1:]


def _ramp(name: str, renderer: Renderer, exact: ExactPictures, states: Sequence[tuple[Look, Frame]]) -> Ramp:
    own = [renderer.render(look, f.pose, f.expression, f.camera).rgb for look, f in states]
    true = [exact.of(look, [f])[0].rgb for look, f in states]
    error = [a - b for a, b in zip(own, true, strict=True)]
    wanted = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(true)])
    extra = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(error)])
    return Ramp(name, jump(own), jump(true), float(np.median(extra) / max(float(np.median(wanted)), 1e-9)))


def jump(pictures: Sequence[Array]) -> float:
    """The largest mean absolute difference between neighbours over the median one."""
    steps = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)])
    return float(steps.max() / max(float(np.median(steps)), 1e-9))
