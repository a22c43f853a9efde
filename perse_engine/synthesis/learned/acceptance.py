"""Judging an edited picture against the limits of a recipe, and fitting it into the portrait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.recipe import Acceptance
from perse_engine.synthesis.learned.paste import (
    colour_matched,
    drift,
    paste,
    similarity,
    steady_landmarks,
    transformed,
    warped,
    work_landmarks,
)

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]
FaceIdentity = Callable[[Rgb], Array]
"""A work image [S, S, 3] to a vector [D] that tells who it shows; zeros where no face is found."""


@dataclass(frozen=True)
class Verdict:
    """Why a picture was taken or not. `reasons` is empty when it was; `measured` has what could be measured."""

    seed: int
    reasons: tuple[str, ...]
    measured: Mapping[str, float]

    @property
    def is_accepted(self) -> bool:
        """Whether no limit was broken."""
        return not self.reasons


@dataclass(frozen=True)
class Fitted:
    """An edited picture inside the portrait, and what was found about it."""

    picture: Rgb
    verdict: Verdict


def fit(
    portrait: Rgb, landmarks: Array | None, made: Rgb, mask: Array, seed: int, limits: Acceptance,
    identity: FaceIdentity | None = None, steady_below: float = 0.0,
) -> Fitted:  # fmt: skip
    """Align, colour-match and paste a picture that an editor made, and judge it.

    `landmarks` [478, 2] px are the portrait's; None where they are not needed because no limit looks at them. A picture
    that drifted by less than `steady_below` is left where it is.
    """
    measured: dict[str, float] = {}
    reasons: list[str] = []
    found = None if landmarks is None else work_landmarks(made)
    if landmarks is not None and found is not None:
        steady = steady_landmarks(landmarks, mask)
        matrix = similarity(found[steady], landmarks[steady])
        measured["drift"] = drift(landmarks, found, steady)
        measured["residual"] = drift(landmarks, transformed(found, matrix), steady)
        if measured["drift"] >= steady_below:
            made = warped(made, matrix)
    elif landmarks is not None:
        reasons.append("no face is seen on it")
    picture = paste(portrait, colour_matched(made, portrait, mask), mask)
    inside = mask > 0.5
    change = np.abs(picture[inside].astype(np.float64) - portrait[inside]).mean() / 255 if inside.any() else 0.0
    measured["change"] = float(change)
    if identity is not None:
        measured["identity"] = _cosine(identity(portrait), identity(picture))
    reasons += _broken(measured, limits)
    return Fitted(picture, Verdict(seed, tuple(reasons), measured))


def needs_landmarks(limits: Acceptance) -> bool:
    """Whether a limit looks at the face; without one, pictures without a face pass and are not aligned."""
    return limits.max_drift is not None or limits.max_residual is not None


def judged_by_words(verdict: Verdict, gain: float, limits: Acceptance) -> Verdict:
    """The verdict with the latent encoder's: how much nearer the picture came to its words."""
    reasons = list(verdict.reasons)
    if limits.min_attribute_gain is not None and gain < limits.min_attribute_gain:
        reasons.append(f"attribute_gain {gain:.3f} is below {limits.min_attribute_gain:g}")
    return Verdict(verdict.seed, tuple(reasons), {**verdict.measured, "attribute_gain": gain})


def _broken(measured: Mapping[str, float], limits: Acceptance) -> list[str]:
    upper = (("drift", limits.max_drift), ("residual", limits.max_residual))
    lower = (("identity", limits.min_identity), ("change", limits.min_change))
    over = [
        f"{name} {measured[name]:.3f} is above {limit:g}"
        for name, limit in upper
        if limit is not None and name in measured and measured[name] > limit
    ]
    under = [
        f"{name} {measured[name]:.3f} is below {limit:g}"
        for name, limit in lower
        if limit is not None and name in measured and measured[name] < limit
    ]
    return over + under


def _cosine(a: Array, b: Array) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
