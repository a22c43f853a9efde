"""Where variants reveal skin, and what tones make of it: read off a dataset's heads before training starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.head_ways import under
from perse_engine.avatar.placing import Placed
from perse_engine.avatar.properties import COLOUR
from perse_engine.avatar.revealed import FEWEST, SKIN, fitted_tone
from perse_engine.head.sampling import smoothstep
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import HeadSurface

BARE, REVEALED = 0.9, 0.5
"""From which share on a Gaussian is skin, and is what a variant reveals."""
LEAST_MISSING = 0.25
"""Less of a tone that is missing is the rounding of textures."""
STANDS_BEFORE = (0.3, 0.7)
"""How much of a Gaussian's pixels shows the category when that stands before it a little, and wholly."""
DARKEST = 0.02
"""Of colours of which a share can be told."""


def with_revealed(
    models: dict[str, CategoryModel], source: HeadSurface, heads: Mapping[str, list[HeadSurface]],
    showing: Mapping[str, FloatArray], placed: Placed,
) -> dict[str, CategoryModel]:  # fmt: skip
    """The started models with tones and with what variants reveal, as far as heads tell where they are skin.

    Args:
        heads: category -> its variants' heads, in the order of its codes; categories whose heads are not known lack.
        showing: category -> [V, N] 0..1, how much of each Gaussian's pixels shows the category itself.
    """
    was = under(source, source.bare, placed.binding)
    skin = models.get(SKIN)
    if was is None or skin is None or SKIN not in heads:
        return models
    own = placed.base[skin.rows, COLOUR]
    changes = skin.basis[: len(skin.codes), :, COLOUR] * skin.mask[:, None]
    bare = was[skin.rows] > BARE
    tones = np.stack([fitted_tone(own[bare], own[bare] + change[bare]) for change in changes])
    brought = np.zeros((len(changes), len(placed.base), 3), np.float32)
    brought[:, skin.rows] = changes
    out = models | {SKIN: replace(skin, tones=tones)}
    for category, variants in heads.items():
        if category == SKIN:
            continue
        model = models[category]
        found = [_revealed(model, k, one, was, tones, brought, placed) for k, one in enumerate(variants)]
        # A collar may stand before the skin, and what lies behind it learns to be white.
        reveals = np.stack(found) * (1 - smoothstep(showing[category][:, model.rows], *STANDS_BEFORE))
        if any((one > REVEALED).sum() >= FEWEST for one in reveals):
            out[category] = replace(model, reveals=reveals.astype(np.float32))
    return out


def _revealed(
    model: CategoryModel, variant: int, head: HeadSurface, was: FloatArray, tones: FloatArray, brought: FloatArray,
    placed: Placed,
) -> FloatArray:  # fmt: skip
    """How much of a category's Gaussians a variant shows as skin whose tone does not come by itself, [n] in 0..1."""
    rows = model.rows
    now = under(head, head.bare, placed.binding.take(rows))
    if now is None:
        return np.zeros(len(rows), np.float32)
    before = np.maximum(placed.base[rows, COLOUR], DARKEST)
    after = np.maximum(before + model.mask[:, None] * model.basis[variant, :, COLOUR], DARKEST)
    # Skin that stays, unless it was darker than skin is: the photo's red lining may be labelled so.
    stays = was[rows] * np.minimum((before * after).sum(1) / (after * after).sum(1), 1)
    wanted = after @ tones[:, :, :3].swapaxes(1, 2) + tones[:, None, :, 3]
    comes = (brought[:, rows] * wanted).sum((0, 2)) / np.maximum((wanted * wanted).sum((0, 2)), DARKEST**2)
    comes = (1 - model.covers[variant]) * np.clip(comes, 0, 1)
    missing = now - np.maximum(stays, comes)
    revealed = np.where(missing > LEAST_MISSING, np.clip(missing, 0, 1), 0)
    return np.asarray(np.where(placed.owner[rows] < 0, revealed, 0), np.float32)
