"""Everything that is measured on one avatar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from perse_engine.evaluation.avatar.betweens import BetweenScore, betweens
from perse_engine.evaluation.avatar.composition import Composition, composition
from perse_engine.evaluation.avatar.distance import Distance
from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.avatar.flicker import Ramp, flicker
from perse_engine.evaluation.avatar.identity import Identity, identity
from perse_engine.evaluation.avatar.leakage import Leakage, leakage
from perse_engine.evaluation.avatar.order import Order, order
from perse_engine.evaluation.avatar.realism import FeatureNetwork, Realism, realism
from perse_engine.evaluation.avatar.reconstruction import Reconstruction, reconstruction
from perse_engine.evaluation.subject.identity import FaceEmbedder
from perse_engine.progress import Progress
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset

STAGE = "evaluation"


@dataclass(frozen=True)
class AvatarMeasures:
    """See docs/reference/evaluation.md; what needs a network is None without it."""

    reconstruction: Reconstruction
    betweens: tuple[BetweenScore, ...]
    leakage: tuple[Leakage, ...]
    composition: tuple[Composition, ...]
    flicker: tuple[Ramp, ...]
    order: Order
    identity: Identity | None = None
    realism: Realism | None = None


@dataclass(frozen=True)
class Judges:
    """What measuring needs beside an avatar: truth, a distance for smoothness, and the networks that were given."""

    dataset: Dataset
    exact: ExactPictures
    distance: Distance
    lpips: Distance | None = None
    embedder: FaceEmbedder | None = None
    features: FeatureNetwork | None = None


def measure_avatar(renderer: Renderer, judges: Judges, progress: Progress) -> AvatarMeasures:
    """Run every protocol."""
    dataset, exact = judges.dataset, judges.exact
    embedder, features = judges.embedder, judges.features
    parts: dict[str, Callable[[], Any]] = {
        "reconstruction": lambda: reconstruction(renderer, dataset, judges.lpips),
        "betweens": lambda: betweens(renderer, dataset, exact, judges.distance),
        "leakage": lambda: leakage(renderer, dataset),
        "composition": lambda: composition(renderer, dataset, exact),
        "flicker": lambda: flicker(renderer, dataset, exact),
        "order": lambda: order(renderer, dataset, exact),
    }
    if embedder is not None:
        parts["identity"] = lambda: identity(renderer, dataset, embedder)
    if features is not None:
        parts["realism"] = lambda: realism(renderer, dataset, exact, features)
    found = {}
    for k, (name, measure) in enumerate(parts.items()):
        progress.report(STAGE, k, len(parts))
        found[name] = measure()
    progress.report(STAGE, len(parts), len(parts))
    return AvatarMeasures(**found)
