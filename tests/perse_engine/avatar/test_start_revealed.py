"""Where variants reveal skin: read off heads before training starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar, Binding
from perse_engine.avatar.category import CategoryModel
from perse_engine.avatar.latent import CodeNetwork
from perse_engine.avatar.placing import Placed
from perse_engine.avatar.properties import COLOUR, PROPERTIES
from perse_engine.avatar.start_revealed import with_revealed
from perse_engine.scene import FloatArray
from perse_engine.synthesis.dataset import HeadSurface

COUNT = 120
HALF = COUNT // 2
DARKER = 0.5
"""What the tone leaves of skin."""
SKIN_COLOUR, RED = np.array([0.8, 0.6, 0.5], np.float32), np.array([0.15, 0.05, 0.05], np.float32)


@pytest.fixture
def placed(tiny_avatar: Avatar) -> Placed:
    """The first half, on vertex 0, shows skin; the other, on vertex 1, what a garment takes away."""
    b = tiny_avatar.binding
    vertex = (np.arange(COUNT) >= HALF).astype(np.int32)
    bary = np.full((COUNT, 3), 1 / 3, np.float32)
    binding = Binding(b.rig, np.repeat(vertex[:, None], 3, 1), bary, np.ones(COUNT, np.float32))
    base = np.zeros((COUNT, PROPERTIES), np.float32)
    base[:, COLOUR] = np.where(vertex[:, None] == 0, SKIN_COLOUR, RED)
    return Placed(binding, base, np.zeros(COUNT, np.uint8), np.full(COUNT, -1, np.int16))


def _model(rows: slice, change: FloatArray) -> CategoryModel:
    """One variant, whose change of colour [3] is in its basis; it hides nothing."""
    random = np.random.default_rng(4)
    code = random.standard_normal((1, 32)).astype(np.float32)
    network = CodeNetwork.start(random, code)
    index = np.arange(COUNT, dtype=np.int32)[rows]
    basis = np.zeros((len(network), len(index), PROPERTIES), np.float32)
    basis[0, :, COLOUR] = change
    n = len(index)
    covers = np.zeros((1, n), np.float32)
    return CategoryModel(network, {"one": code[0]}, index, np.ones(n, np.float32), covers, basis)


def _head(second: float) -> HeadSurface:
    """Vertex 0 lies on skin, vertex 1 on skin by a share."""
    bare = np.array([[255, round(255 * second)]], np.uint8)
    uv = np.array([[0.5, 0.5], [1.5, 0.5]], np.float32)
    return HeadSurface(np.zeros((2, 3), np.float32), uv, np.zeros((1, 2, 4), np.uint8), bare=bare)


def _revealed(
    placed: Placed, before: float, after: float, colour: FloatArray, *, showing: float = 0.0, toned: bool = False
) -> FloatArray | None:
    """What a garment that gives the second half a colour reveals; how much skin that is before and after. `toned`: the
    tone of skin changes the second half already."""
    skin = _model(slice(0, COUNT if toned else HALF), (DARKER - 1) * SKIN_COLOUR)
    models = {"skin": skin, "cloth": _model(slice(HALF, COUNT), colour - RED)}
    heads = {"skin": [_head(before)], "cloth": [_head(after)]}
    shown = {c: np.full((1, COUNT), showing, np.float32) for c in heads}
    return with_revealed(models, _head(before), heads, shown, placed)["cloth"].reveals


def test_skin_under_a_new_neckline_is_revealed(placed: Placed) -> None:
    found = _revealed(placed, 0.0, 1.0, SKIN_COLOUR)
    assert found is not None and found.shape == (1, COUNT - HALF) and np.allclose(found, 1)


def test_dark_lining_that_was_taken_for_skin_is_revealed_by_what_it_lacked(placed: Placed) -> None:
    found = _revealed(placed, 1.0, 1.0, SKIN_COLOUR)
    share = float(RED @ SKIN_COLOUR / (SKIN_COLOUR @ SKIN_COLOUR))
    assert found is not None and np.allclose(found, 1 - share, atol=0.01)


@pytest.mark.parametrize(
    ("before", "after", "colour", "told"),
    [
        (1.0, 0.0, RED, {}),  # covered
        (1.0, 1.0, RED, {}),  # stays what it was
        (0.0, 1.0, SKIN_COLOUR, {"showing": 1.0}),  # behind a collar
        (0.0, 1.0, SKIN_COLOUR, {"toned": True}),  # takes the tone by itself
    ],
)
def test_what_is_no_skin_or_has_its_tone_is_not_revealed(
    placed: Placed, before: float, after: float, colour: FloatArray, told: dict[str, Any]
) -> None:
    assert _revealed(placed, before, after, colour, **told) is None


def test_a_tone_is_what_it_does_to_bare_skin(placed: Placed) -> None:
    skin = _model(slice(0, HALF), (DARKER - 1) * SKIN_COLOUR)
    shown = {"skin": np.zeros((1, COUNT), np.float32)}
    tones = with_revealed({"skin": skin}, _head(0.0), {"skin": [_head(0.0)]}, shown, placed)["skin"].tones
    assert tones is not None and tones.shape == (1, 3, 4)
    assert np.allclose(tones[0] @ np.r_[SKIN_COLOUR, 1], (DARKER - 1) * SKIN_COLOUR, atol=1e-4)


def test_heads_that_do_not_know_their_skin_reveal_nothing(placed: Placed) -> None:
    models = {"skin": _model(slice(0, HALF), (DARKER - 1) * SKIN_COLOUR)}
    shown = {"skin": np.zeros((1, COUNT), np.float32)}
    assert with_revealed(models, replace(_head(0.0), bare=None), {"skin": [_head(0.0)]}, shown, placed) is models
