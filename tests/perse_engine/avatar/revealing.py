"""A small avatar two of whose categories do nothing but reveal skin and tone it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.latent import CodeNetwork
from perse_engine.avatar.properties import PROPERTIES
from perse_engine.scene import FloatArray

COUNT = 5
DARKER = np.array([[-0.4, 0.0, 0.1, 0.0], [0.0, -0.5, 0.0, 0.02], [0.0, 0.1, -0.5, 0.01]], np.float32)
"""What the variant skin/one makes of skin."""
REVEALS = np.array([[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]], np.float32)
"""Of Gaussians 1, 2 and 3, by cloth/one and cloth/two."""


def revealing_models() -> dict[str, CategoryModel]:
    """Skin and cloth."""
    skin = _model([0], tones=np.stack([DARKER, 0 * DARKER]))
    return {"skin": skin, "cloth": _model([1, 2, 3], reveals=REVEALS)}


def revealing(avatar: Avatar) -> Avatar:
    """An avatar that has these two categories alone."""
    return replace(avatar, categories=revealing_models())


def _model(rows: list[int], **told: FloatArray) -> CategoryModel:
    """A category of two variants whose bases change nothing."""
    random = np.random.default_rng(len(rows))
    codes = random.standard_normal((2, 32)).astype(np.float32)
    network = CodeNetwork.start(random, codes)
    n = len(rows)
    basis = np.zeros((len(network), n, PROPERTIES), np.float32)
    named = dict(zip(("one", "two"), codes, strict=True))
    mask, covers = np.ones(n, np.float32), np.zeros((2, n), np.float32)
    return CategoryModel(network, named, np.array(rows, np.int32), mask, covers, basis, **told)
