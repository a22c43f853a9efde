"""In-betweens: ten steps from look to look, against the pictures that the editor makes of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.avatar.distance import Distance
from perse_engine.evaluation.avatar.exact import ExactPictures, moment
from perse_engine.evaluation.pictures import psnr_db
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Expression, Pose
from perse_engine.synthesis.dataset import Dataset

Array = npt.NDArray[Any]

STEPS = 10
POSE, EXPRESSION = Pose(12.0, -4.0), Expression({"jawOpen": 0.15})
"""A moment that no clip shows."""
CHANGE = 6 / 255
"""From which difference of the ends, or of an end and an in-between, a pixel belongs to the changed region."""
HALF_TRANSPARENT = (0.1, 0.9)


@dataclass(frozen=True)
class BetweenScore:
    """One way: `start` None is the source. Ratios are means or extremes over the nine in-betweens.

    Attributes:
        step_deviation, step_max: standard deviation and maximum of the ten steps' mean absolute differences, over
            their mean; exact_step_deviation, exact_step_max: of the editor's own pictures.
        psnr_db, worst_psnr_db: against the exact in-betweens inside the changed region, mean and lowest.
        psnr_at_db: at each of the nine.
        fade_psnr_db: what a cross-fade of the avatar's two ends would reach there.
        energy, exact_energy: the lowest gradient energy of the changed region over that expected from the ends.
        half_transparent: the highest share of half-transparent pixels over the larger one of the ends.
        exact_half_transparent: of the editor's own pictures.
        ppl, pdv: sum and standard deviation of the distance between neighbours.
    """

    category: str
    start: str | None
    end: str
    step_deviation: float
    step_max: float
    exact_step_deviation: float
    exact_step_max: float
    psnr_db: float
    worst_psnr_db: float
    psnr_at_db: tuple[float, ...]
    fade_psnr_db: float
    energy: float
    exact_energy: float
    half_transparent: float
    exact_half_transparent: float
    ppl: float
    pdv: float


def betweens(
    renderer: Renderer, dataset: Dataset, exact: ExactPictures, distance: Distance
) -> tuple[BetweenScore, ...]:
    """Every way of `ways`."""
    return tuple(_score(renderer, dataset.size_px, exact, distance, *way) for way in ways(dataset))


def ways(dataset: Dataset) -> list[tuple[str, str | None, str]]:
    """(category, start, end): from the source to each category's first variant, and from there to its second."""
    ids: dict[str, list[str]] = {}
    for clip in dataset.clips:
        if clip.kind == "variant":
            category = clip.look.categories()[0]
            ids.setdefault(category, []).extend(clip.look.variants[category])
    out: list[tuple[str, str | None, str]] = []
    for category, variants in ids.items():
        out.append((category, None, variants[0]))
        out += [(category, *pair) for pair in itertools.pairwise(variants[:2])]
    return out


def _score(
    renderer: Renderer, size_px: int, exact: ExactPictures, distance: Distance, category: str, start: str | None,
    end: str,
) -> BetweenScore:  # fmt: skip
    at = moment(POSE, EXPRESSION, size_px)
    looks = [look_between(category, start, end, k / STEPS) for k in range(STEPS + 1)]
    truth = [exact.of(look, [at])[0] for look in looks]
    shown = [renderer.render(look, at.pose, at.expression, at.camera) for look in looks]
    own, true = [o.rgb for o in shown], [t.rgb for t in truth]
    region = changed_region(true)
    psnr = tuple(float(psnr_db(own[k], true[k], region)) for k in range(1, STEPS))
    faded = [(1 - k / STEPS) * own[0] + k / STEPS * own[-1] for k in range(1, STEPS)]
    neighbours = [distance(a, b) for a, b in itertools.pairwise(own)]
    return BetweenScore(
        category, start, end, *_evenness(own), *_evenness(true),
        float(np.mean(psnr)), min(psnr),
        psnr,
        float(np.mean([psnr_db(f, t, region) for f, t in zip(faded, true[1:-1], strict=True)])),
        lowest_energy(own, region), lowest_energy(true, region),
        half_transparent([o.alpha for o in shown]), half_transparent([t.alpha for t in truth]),
        float(np.sum(neighbours)), float(np.std(neighbours)),
    )  # fmt: skip


def look_between(category: str, start: str | None, end: str, t: float) -> Look:
    """The look a share `t` of the way from `start` (None: the source) to `end`."""
    weights = {end: t} if start is None else {start: 1 - t, end: t}
    return Look({category: {id: w for id, w in weights.items() if w > 0}})


def changed_region(pictures: Sequence[Array]) -> npt.NDArray[np.bool_]:
    """Where any picture of a way differs from its first, [H, W]."""
    first = pictures[0]
    out = np.zeros(first.shape[:2], bool)
    for picture in pictures[1:]:
        out |= np.abs(picture - first).max(-1) > CHANGE
    return out


def _evenness(pictures: Sequence[Array]) -> tuple[float, float]:
    steps = np.array([np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)])
    mean = max(float(steps.mean()), 1e-9)
    return float(steps.std() / mean), float(steps.max() / mean)


def gradient_energy(rgb: Array, region: Array) -> float:
    """Mean squared gradient of luma inside a region: what blurring takes away."""
    luma = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2GRAY)
    dy, dx = np.gradient(luma)
    return float((dx**2 + dy**2)[region].mean()) if region.any() else 0.0


def lowest_energy(pictures: Sequence[Array], region: Array) -> float:
    """The lowest gradient energy of the in-betweens over that of the ends, blended linearly."""
    energy = [gradient_energy(p, region) for p in pictures]
    last = len(energy) - 1
    wanted = [energy[0] + (energy[-1] - energy[0]) * k / last for k in range(len(energy))]
    return min(energy[k] / max(wanted[k], 1e-12) for k in range(1, last))


def half_transparent(alphas: Sequence[Array]) -> float:
    """The highest share of half-transparent pixels of the in-betweens over the larger one of the two ends."""
    low, high = HALF_TRANSPARENT
    shares = [float(((a > low) & (a < high)).sum() / max((a > low).sum(), 1)) for a in alphas]
    return max(shares[1:-1]) / max(shares[0], shares[-1], 1e-9)
