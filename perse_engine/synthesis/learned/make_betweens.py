"""Pictures of the in-betweens of accepted edits: what the dataset's between clips show."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.errors import CorruptFile
from perse_engine.head.subject import Subject
from perse_engine.models.loading import ModelLoader
from perse_engine.progress import Progress
from perse_engine.recipe import Learned
from perse_engine.synthesis.learned.acceptance import Verdict
from perse_engine.synthesis.learned.diffusion_interpolator import open_diffusion_interpolator
from perse_engine.synthesis.learned.edits import EditFolder, Outcome, between_name
from perse_engine.synthesis.learned.interpolator import Face, FaceInterpolator
from perse_engine.synthesis.learned.masks import union
from perse_engine.synthesis.learned.paste import work_landmarks
from perse_engine.synthesis.learned.prompts import plain_words
from perse_engine.synthesis.learned.warp_interpolator import WarpInterpolator
from perse_engine.synthesis.plan import BETWEEN_STEPS
from perse_engine.vocabulary import VariantSpec

Rgb = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

STAGE = "betweens"
SOURCE_PROMPT = "a photo of a person"


@dataclass(frozen=True)
class _Way:
    """From one variant, or the source when None, to another, in steps that the plan of clips has."""

    category: str
    first: VariantSpec | None
    second: VariantSpec
    steps: tuple[float, ...]

    def names(self) -> list[str]:
        if self.first is None:
            return [between_name({self.second.id: t}) for t in self.steps]
        return [between_name({self.first.id: 1 - t, self.second.id: t}) for t in self.steps]


def make_betweens(
    subject: Subject, accepted: Sequence[VariantSpec], learned: Learned, loader: ModelLoader, folder: EditFolder,
    progress: Progress,
) -> None:  # fmt: skip
    """A picture for every in-between of the accepted variants; none where the rig interpolates.

    Raises:
        BackendMissing, CorruptFile: see `ModelLoader.pipeline`.
        Cancelled: from `progress`; what is made stays.
    """
    if learned.interpolator == "rig":
        return
    ways = [w for w in _ways(accepted) if any(folder.outcome(w.category, n) is None for n in w.names())]
    if not ways:
        return
    specs = [spec for way in ways for spec in (way.first, way.second) if spec is not None]
    prompts = [SOURCE_PROMPT, *(plain_words(s) for s in specs)]
    with open_interpolator(learned, loader, prompts) as interpolator:
        source = Face("source", subject.work_rgb, work_landmarks(subject.work_rgb), SOURCE_PROMPT)
        for number, way in enumerate(ways):
            progress.report(STAGE, number, len(ways))
            first, mask = (source, None) if way.first is None else _face(folder, way.first)
            second, other = _face(folder, way.second)
            mask = other if mask is None else union(mask, other)
            pictures = interpolator.between(first, second, mask, way.steps)
            for name, picture in zip(way.names(), pictures, strict=True):
                outcome = Outcome(way.category, name, "", "ends", (Verdict(0, (), {}),))
                folder.write(outcome, picture, mask)
            # A morphing model keeps a LoRA for each end: those that no later way goes from or to are in the way.
            later = (spec for w in ways[number + 1 :] for spec in (w.first, w.second))
            interpolator.forget({source.name, *(_name(spec) for spec in later if spec is not None)})
    progress.report(STAGE, len(ways), len(ways))


def _ways(accepted: Sequence[VariantSpec]) -> Iterator[_Way]:
    for category in dict.fromkeys(s.category for s in accepted):
        own = [s for s in accepted if s.category == category]
        yield from (_Way(category, None, s, BETWEEN_STEPS) for s in own)
        yield from (_Way(category, a, b, (0.5,)) for a, b in itertools.pairwise(own))


@contextmanager
def open_interpolator(learned: Learned, loader: ModelLoader, prompts: Sequence[str]) -> Iterator[FaceInterpolator]:
    """The morphing model that a recipe chooses, knowing `prompts`; else the warp, which needs none.

    Raises:
        BackendMissing, CorruptFile: see `ModelLoader.pipeline`.
    """
    if learned.interpolator != "diffusion":
        yield WarpInterpolator()
        return
    model, spacing = learned.interpolator_model, learned.spacing_model
    with open_diffusion_interpolator(loader, model, prompts, spacing) as interpolator:
        yield interpolator


def _face(folder: EditFolder, spec: VariantSpec) -> tuple[Face, Array]:
    picture = folder.picture(spec.category, spec.id)
    if picture is None:
        raise CorruptFile(f"The picture of {spec.category}/{spec.id} is gone.", hint="Delete the edit.")
    face = Face(_name(spec), picture, work_landmarks(picture), plain_words(spec))
    return face, folder.mask(spec.category, spec.id)


def _name(spec: VariantSpec) -> str:
    return f"{spec.category}/{spec.id}"
