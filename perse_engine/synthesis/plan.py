"""Which clips a dataset has: decided from the recipe alone, so that a resumed synthesis plans the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from perse_engine.look import Look
from perse_engine.recipe import Recipe
from perse_engine.synthesis.dataset import Clip, Frame
from perse_engine.synthesis.trajectory import GOLDEN
from perse_engine.vocabulary import ADDITIVE_CATEGORIES

BETWEEN_STEPS = (0.25, 0.5, 0.75)
FINE_STEPS = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
"""Of additive categories that are drawn exactly: where the edge of a hat or the tips of hair pass, Gaussians have to be
small, and an edge that no picture shows is blurred. Their clips share the frames that three would have."""
MIX_FRAMES = 12
HELDOUT_MIXES = 3
"""Every n-th mix is never trained."""


def plan_clips(recipe: Recipe, frames: Sequence[Frame], close_ups: Sequence[Frame] = ()) -> tuple[Clip, ...]:
    """Source (with the close-ups), variants, in-betweens and mixes."""
    random = np.random.default_rng([recipe.seed, 1])
    every = tuple(f.index for f in frames)
    train = [f.index for f in frames if f.split == "train"]
    heldout = [f.index for f in frames if f.split == "heldout"]
    size = recipe.size()
    # Of videos in-betweens are made, frame by frame.
    each = size.variant_frames if recipe.animator == "rig" else len(train)
    clips = [Clip("source", "source", Look(), (*every, *(f.index for f in close_ups)))]
    by_category: dict[str, list[str]] = {}
    for number, (category, id) in enumerate(recipe.variants):
        by_category.setdefault(category, []).append(id)
        seen = _spread(train, each, number)
        clips.append(Clip(f"{category}/{id}", "variant", Look({category: {id: 1.0}}), (*seen, *heldout)))

    def some(count: int, held: int) -> tuple[int, ...]:
        chosen = random.choice(train, min(count, len(train)), replace=False).tolist()
        return tuple(sorted({0, *chosen, *heldout[:held]}))

    for category, ids in by_category.items():
        is_fine = recipe.editor == "procedural" and category in ADDITIVE_CATEGORIES
        steps = FINE_STEPS if is_fine else BETWEEN_STEPS
        shown = max(1, round(size.between_frames * len(BETWEEN_STEPS) / len(steps)))
        for id in ids:
            for t in steps:
                path = f"{category}/source--{id}@{t:.2f}"
                clips.append(Clip(path, "between", Look({category: {id: t}}), some(shown, 1 if is_fine else 2)))
        for first, second in itertools.pairwise(ids):
            path = f"{category}/{first}--{second}@0.50"
            look = Look({category: {first: 0.5, second: 0.5}})
            clips.append(Clip(path, "between", look, some(size.between_frames, 2)))
    categories = list(by_category)
    for i in range(size.mix_clips if len(categories) > 1 else 0):
        count = min(2 + i % 2, len(categories))
        chosen = random.choice(categories, count, replace=False).tolist()
        look = Look({c: {str(random.choice(by_category[c])): 1.0} for c in chosen})
        split = "heldout" if i % HELDOUT_MIXES == HELDOUT_MIXES - 1 else "train"
        clips.append(Clip(f"mix/{i:02d}", "mix", look, some(MIX_FRAMES, 3), split))  # type: ignore[arg-type]
    return tuple(clips)


def _spread(indices: Sequence[int], count: int, number: int) -> tuple[int, ...]:
    """At most `count` of indices, evenly, the first among them; of another `number` others, so that together variants
    show them all."""
    first, rest = indices[:1], indices[1:]
    count = min(count - 1, len(rest))
    start = round(number * GOLDEN % 1 * len(rest))
    chosen = {(start + k * len(rest) // count) % len(rest) for k in range(count)}
    return tuple(sorted({*first, *(rest[k] for k in chosen)}))
