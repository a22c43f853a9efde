"""Everything that is measured on one avatar."""

from __future__ import annotations

from dataclasses import dataclass

from perse_engine.evaluation.avatar.betweens import BetweenScore, betweens
from perse_engine.evaluation.avatar.composition import Composition, composition
from perse_engine.evaluation.avatar.distance import Distance
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.flicker import Ramp, flicker
from perse_engine.evaluation.avatar.leakage import Leakage, leakage
from perse_engine.evaluation.avatar.order import Order, order
from perse_engine.evaluation.avatar.reconstruction import Reconstruction, reconstruction
from perse_engine.progress import Progress
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset

STAGE = "evaluation"


@dataclass(frozen=True)
class AvatarMeasures:
    """See docs/reference/evaluation.md."""

    reconstruction: Reconstruction
    betweens: tuple[BetweenScore, ...]
    leakage: tuple[Leakage, ...]
    composition: tuple[Composition, ...]
    flicker: tuple[Ramp, ...]
    order: Order


@dataclass(frozen=True)
class Judges:
    """What measuring needs beside an avatar: truth, a distance for smoothness, and LPIPS where a network was given."""

    dataset: Dataset
    exact: ExactPictures
    distance: Distance
    lpips: Distance | None = None


def measure_avatar(renderer: Renderer, judges: Judges, progress: Progress) -> AvatarMeasures:
    """Run every protocol."""
    dataset, exact = judges.dataset, judges.exact
    progress.report(STAGE, 0, 6)
    rebuilt = reconstruction(renderer, dataset, judges.lpips)
    progress.report(STAGE, 1, 6)
    paths = betweens(renderer, dataset, exact, judges.distance)
    progress.report(STAGE, 2, 6)
    leaked = leakage(renderer, dataset)
    progress.report(STAGE, 3, 6)
    composed = composition(renderer, dataset, exact)
    progress.report(STAGE, 4, 6)
    ramps = flicker(renderer, dataset, exact)
    progress.report(STAGE, 5, 6)
    found = AvatarMeasures(rebuilt, paths, leaked, composed, ramps, order(renderer, dataset, exact))
    progress.report(STAGE, 6, 6)
    return found
