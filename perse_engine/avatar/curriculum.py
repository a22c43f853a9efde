"""Which picture each step of a training shows: what is hard comes more often, once training has found out what is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import Clip, Dataset

SHARES = {"source": 0.16, "variant": 0.53, "between": 0.23, "mix": 0.08}
"""Of all steps."""
ADDITIVE_WEIGHT = 2.0
"""How often a variant of an additive category is drawn, next to other variants: it has more to learn."""
PAIR_WEIGHT = 2.5
"""How often a clip between two variants is drawn, next to one from the source: there are up to seven of those."""
HEARD_FROM, REVISED_AT = 0.15, 0.3
"""Shares of the training: losses in between say how hard a clip is, and what follows is planned by them."""
HARDER, MOST_OFTEN = 2.5, 3.0
"""A clip comes as often as this power of its loss over its kind's mean says, within bounds."""


class Curriculum:
    """The plan of a training of so many steps, in two parts.

    Attributes:
        heard: [2, clips] float32, each clip's summed losses and their number; with the step the whole state.
    """

    def __init__(self, dataset: Dataset, steps: int, seed: int, additive: tuple[str, ...]) -> None:
        self._dataset, self._steps, self._seed, self._additive = dataset, steps, seed, additive
        self._row = {clip.path: k for k, clip in enumerate(dataset.clips)}
        self.heard = np.zeros((2, len(dataset.clips)), np.float32)

    def plan(self, first: int) -> list[tuple[Clip, int]]:
        """The steps from `first` on, to the next revision or to the end; empty there."""
        revised = round(REVISED_AT * self._steps)
        if first < revised:
            return plan_steps(self._dataset, self._steps, self._seed, self._additive)[first:revised]
        rest = plan_steps(self._dataset, self._steps - revised, self._seed, self._additive, self._often())
        return rest[first - revised :]

    def hear(self, step: int, clip: Clip, loss: float) -> None:
        """What a step of the plan lost."""
        if HEARD_FROM <= step / self._steps < REVISED_AT:
            self.heard[:, self._row[clip.path]] += loss, 1

    def _often(self) -> dict[str, float]:
        """How often clips come, by their paths, next to others of their kind."""
        sums, counts = self.heard
        mean = sums / np.maximum(counts, 1)
        out: dict[str, float] = {}
        for kind in SHARES:
            own = [k for k, c in enumerate(self._dataset.clips) if c.kind == kind and counts[k]]
            if own:
                often = (mean[own] / mean[own].mean()) ** HARDER
                limited = np.clip(often, 1 / MOST_OFTEN, MOST_OFTEN)
                out |= {self._dataset.clips[k].path: float(w) for k, w in zip(own, limited, strict=True)}
        return out


def plan_steps(
    dataset: Dataset, steps: int, seed: int, additive: tuple[str, ...], often: Mapping[str, float] | None = None
) -> list[tuple[Clip, int]]:
    """Which picture each step shows; drawn at once, so that a resumed training shows the same.

    A clip comes back at even distances, and shows each of its frames before it repeats one. `often` has the weights of
    clips among their kind by their paths, 1 of those that it lacks.
    """
    random = np.random.default_rng([seed, 3])
    train = {f.index for f in dataset.frames if f.split == "train" and f.valid}
    shown: list[tuple[float, Clip, int]] = []
    for clip, share in _shares(dataset, train, additive, often or {}):
        expected = steps * share
        frames = [i for i in clip.frames if i in train]
        count = int(np.ceil(expected)) + 1
        order = np.concatenate([random.permutation(frames) for _ in range(-(-count // len(frames)))])
        phase = random.random()
        shown += [((k + phase) / expected, clip, int(frame)) for k, frame in enumerate(order[:count])]
    shown.sort(key=lambda one: one[0])
    return [(clip, frame) for _, clip, frame in shown[:steps]]


def _shares(
    dataset: Dataset, train: set[int], additive: tuple[str, ...], often: Mapping[str, float]
) -> list[tuple[Clip, float]]:
    """The clips that are trained, each with its share of all steps."""
    clips: dict[str, list[Clip]] = {}
    for clip in dataset.clips:
        if clip.split == "train" and clip.kind in SHARES and train.intersection(clip.frames):
            clips.setdefault(clip.kind, []).append(clip)
    total = sum(SHARES[kind] for kind in clips)
    out = []
    for kind, own in clips.items():
        weights: FloatArray = np.array([_favour(clip, additive) * often.get(clip.path, 1.0) for clip in own])
        out += [(clip, SHARES[kind] / total * float(w)) for clip, w in zip(own, weights / weights.sum(), strict=True)]
    return out


def _favour(clip: Clip, additive: tuple[str, ...]) -> float:
    if clip.kind == "variant":
        return ADDITIVE_WEIGHT if clip.look.categories()[0] in additive else 1.0
    is_pair = clip.kind == "between" and any(len(ids) > 1 for ids in clip.look.variants.values())
    return PAIR_WEIGHT if is_pair else 1.0
