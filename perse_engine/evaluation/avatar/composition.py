"""Several categories at once, in combinations that were never trained, against each of them alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from perse_engine.evaluation.avatar.exact import ExactPictures
from perse_engine.evaluation.pictures import psnr_db
from perse_engine.look import Look
from perse_engine.rendering.render import Renderer
from perse_engine.synthesis.dataset import Dataset, Frame

OVERLAPPING: tuple[tuple[str, ...], ...] = (("hat", "hair", "eyeglasses"), ("beard", "mouth", "skin"))
"""Triples whose regions overlap; their pairs are measured too."""
FRAMES = 3


@dataclass(frozen=True)
class Composition:
    """Variants at once (`category=variant` words). PSNR over foreground on held-out frames, exact pictures as truth.

    Attributes:
        psnr_db: all of them on.
        alone_db: the mean of each of them alone; worst_alone_db: of the one that is worst alone.
        loss_db: alone_db - psnr_db; negative where the combination is the easier picture.
    """

    variants: tuple[str, ...]
    psnr_db: float
    alone_db: float
    worst_alone_db: float
    loss_db: float


def composition(renderer: Renderer, dataset: Dataset, exact: ExactPictures) -> tuple[Composition, ...]:
    """Every triple of OVERLAPPING and its pairs, as far as the avatar has them and never saw them so."""
    frames = [f for f in dataset.frames if f.split == "heldout"][:FRAMES]
    first: dict[str, Look] = {}
    for clip in dataset.clips:
        if clip.kind == "variant":
            first.setdefault(clip.look.categories()[0], clip.look)
    alone: dict[str, float] = {}
    out: list[Composition] = []
    for categories in _combinations():
        if not all(c in first for c in categories):
            continue
        look = Look({c: first[c].variants[c] for c in categories})
        if is_trained(dataset, look):
            continue
        for c in categories:
            if c not in alone:
                alone[c] = _psnr(renderer, exact, first[c], frames)
        together, singles = _psnr(renderer, exact, look, frames), [alone[c] for c in categories]
        words = tuple(f"{c}={next(iter(first[c].variants[c]))}" for c in categories)
        mean = float(np.mean(singles))
        out.append(Composition(words, together, mean, min(singles), mean - together))
    return tuple(out)


def is_trained(dataset: Dataset, look: Look) -> bool:
    """Whether a trained clip shows all of a look's variants together."""
    wanted = {(c, id) for c, ids in look.variants.items() for id in ids}
    return any(
        clip.split == "train" and wanted <= {(c, id) for c, ids in clip.look.variants.items() for id in ids}
        for clip in dataset.clips
    )


def _combinations() -> list[tuple[str, ...]]:
    pairs = [pair for triple in OVERLAPPING for pair in itertools.combinations(triple, 2)]
    return [*OVERLAPPING, *pairs]


def _psnr(renderer: Renderer, exact: ExactPictures, look: Look, frames: list[Frame]) -> float:
    values = []
    for frame, truth in zip(frames, exact.of(look, frames), strict=True):
        output = renderer.render(look, frame.pose, frame.expression, frame.camera)
        values.append(psnr_db(output.rgb, truth.rgb, (truth.alpha > 0) | (output.alpha > 0.01)))
    return float(np.mean(values))
