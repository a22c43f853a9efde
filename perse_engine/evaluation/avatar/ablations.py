"""Ours with one part taken away, to see what that part gains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.properties import PROPERTIES
from perse_engine.avatar.start import Start
from perse_engine.avatar.training import Trainer
from perse_engine.evaluation.avatar.learning import MakeTrainer
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import ClipKind, Dataset


def without_clips(dataset: Dataset, kind: ClipKind) -> Dataset:
    """The dataset without the clips of a kind."""
    return replace(dataset, clips=tuple(c for c in dataset.clips if c.kind != kind))


def without_masks(start: Start) -> Start:
    """Every category may change every Gaussian; what an additive category owns still starts with its opacity."""
    return replace(start, categories={c: _everywhere(m, len(start.placed.base)) for c, m in start.categories.items()})


def _everywhere(model: CategoryModel, count: int) -> CategoryModel:
    basis = np.zeros((len(model.basis), count, PROPERTIES), np.float32)
    basis[:, model.rows] = model.basis
    covers = np.zeros((len(model.covers), count), np.float32)
    covers[:, model.rows] = model.covers
    rows, mask = np.arange(count, dtype=np.int32), np.ones(count, np.float32)
    return replace(model, rows=rows, mask=mask, covers=covers, basis=basis)


@dataclass(frozen=True)
class UnsharedAvatar(Avatar):
    """An avatar whose categories add up wherever they meet."""

    def shares(self, look: Look) -> dict[str, FloatArray]:
        """All of it to each."""
        return {c: np.ones(len(self), np.float32) for c in look.categories()}


class UnsharedTrainer(Trainer):
    """Trains an avatar whose categories add up wherever they meet."""

    def _properties(self, look: Look) -> FloatArray:
        x = self._base.copy()
        everything = np.ones(len(x), np.float32)
        for category in look.categories():
            trainer = self._categories[category]
            trainer.add(x, trainer.code(look.variants[category]), everything)
        return x

    def avatar(self, details: dict[str, object]) -> Avatar:
        """The avatar as it is now."""
        a = super().avatar(details)
        return UnsharedAvatar(a.binding, a.base, a.categories, a.expression, a.details, a.raster_mode)


@dataclass(frozen=True)
class Ablation:
    """What is taken away, in words; clips of a kind that are left out; a change to the start; another trainer."""

    what: str
    omits: ClipKind | None = None
    change: Callable[[Start], Start] | None = None
    trainer: MakeTrainer = Trainer


ABLATIONS: Mapping[str, Ablation] = {
    "no in-betweens": Ablation("without interpolation supervision: in-between clips are left out", omits="between"),
    "no mixed clips": Ablation("without supervision of compositions: clips of several categories are left out", "mix"),
    "no masks": Ablation("every category may change every Gaussian", change=without_masks),
    "no sharing": Ablation(
        "categories add up where they meet, instead of the one that changes a Gaussian most ruling it",
        trainer=UnsharedTrainer,
    ),
}
