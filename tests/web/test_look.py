"""Looks in the browser are the engine's, number by number, where no picture of the small avatar shows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.properties import COLOUR
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from tests.perse_engine.avatar.revealing import COUNT, revealing
from tests.web.conftest import Studio

BAKE = """async ({count, colours, categories, look}) => {
  const { Category, bake } = await import("/web/viewer/look.js");
  const blockOf = (arrays) => ({ has: (n) => n in arrays, raw: (n) => arrays[n], scale: (n) => arrays[n + "_scale"] });
  const made = categories.map(({ name, variants, bends, arrays }) =>
    [name, new Category(blockOf(arrays), variants, bends)]);
  const stride = 4 * count;
  const x = new Float32Array(4 * stride);
  colours.forEach((c, i) => c.forEach((v, j) => { x[3 * stride + 4 * i + j] = v; }));
  bake(x, stride, count, look, new Map(made), []);
  return colours.map((_, i) => [0, 1, 2].map((j) => x[3 * stride + 4 * i + j]));
}"""


def _told(avatar: Avatar) -> list[dict[str, Any]]:
    """The categories, whose bases change nothing, as a bundle's blocks would give them."""
    out = []
    for name, m in avatar.categories.items():
        n, bases = len(m.rows), len(m.network)
        arrays = {
            "rows": m.rows, "cover": np.rint(np.sqrt(m.covers) * 255), "codes": np.stack(list(m.codes.values())),
            "offset": np.zeros(bases * n * 3), "offset_scale": np.zeros(bases * 3),
            "others": np.zeros(bases * n * 11), "others_scale": np.zeros(bases * 11),
            **{f"network_{k}": a for k, a in m.network.arrays().items()},
        }  # fmt: skip
        arrays |= {} if m.reveals is None else {"reveals": np.rint(m.reveals * 255)}
        arrays |= {} if m.tones is None else {"tones": m.tones}
        flat = {k: np.ravel(a).tolist() for k, a in arrays.items()}
        out.append({"name": name, "variants": list(m.codes), "bends": m.network.bends, "arrays": flat})
    return out


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 0.7), (1.0, 0.0)])
def test_revealed_skin_has_the_tone_that_the_engine_gives_it(
    page: Page, studio: Studio, tiny_avatar: Avatar, weights: tuple[float, float]
) -> None:
    page.goto(studio.url)
    avatar = revealing(tiny_avatar)
    look = {c: {"one": w} for c, w in zip(("skin", "cloth"), weights, strict=True) if w}
    expected: FloatArray = avatar.bake(Look(look)).properties[:COUNT, COLOUR]
    colours = avatar.base[:COUNT, COLOUR].tolist()
    found = page.evaluate(BAKE, {"count": COUNT, "colours": colours, "categories": _told(avatar), "look": look})
    assert np.allclose(found, expected, atol=0.003)
    assert (np.abs(expected - avatar.base[:COUNT, COLOUR]).max() > 0.05) == all(weights)
