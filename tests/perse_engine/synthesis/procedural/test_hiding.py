"""How much of what lies below it an edit hides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import FloatArray
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.hiding import hidden
from perse_engine.synthesis.procedural.outfit import Outfit
from perse_engine.synthesis.procedural.skin import beside_hair


def _measured(subject: Subject, dress: Callable[[Outfit], TexturedRig]) -> FloatArray:
    found = hidden(subject, Look({"beard": {"any": 1.0}}), dress(Outfit.of(subject)), dress)
    return found[subject.look.texture[..., :3].min(-1) > 0.1]


def _hides(subject: Subject, category: str, id: str) -> FloatArray:
    editor, look = ProceduralEditor(), Look({category: {id: 1.0}})
    return editor.hides(subject, look, editor.dress(subject, look))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_paint_hides_as_much_as_it_is_dense(astronaut_subject: Subject, share: float) -> None:
    def paint(outfit: Outfit) -> TexturedRig:
        outfit.texture[..., :3] *= np.float32(1 - share)
        outfit.texture[..., :3] += np.float32(0.3 * share)
        return outfit.finish()

    assert np.allclose(_measured(astronaut_subject, paint), share, atol=0.02)


def test_shade_hides_the_light_that_it_takes(astronaut_subject: Subject) -> None:
    def shade(outfit: Outfit) -> TexturedRig:
        outfit.texture[..., :3] *= np.float32(0.7)
        return outfit.finish()

    assert np.allclose(_measured(astronaut_subject, shade), 0.3, atol=0.02)


def test_dyed_hair_lets_the_skin_between_its_outermost_hairs_through(astronaut_subject: Subject) -> None:
    found = _hides(astronaut_subject, "hair", "source-length-straight-ginger")[:ATLAS_PX, :ATLAS_PX]
    bare = beside_hair(astronaut_subject)
    edge = (bare > 0.3) & (bare < 0.7)
    assert found[edge].mean() < 0.6 and found[bare < 0.01].mean() > 0.9


def test_skin_shows_between_the_hairs_of_a_beard(astronaut_subject: Subject) -> None:
    found = _hides(astronaut_subject, "beard", "stubble-brown")[:ATLAS_PX, :ATLAS_PX]
    zone = astronaut_subject.texel_maps["beard"] > 0.9
    thick = _hides(astronaut_subject, "beard", "full-brown")[:ATLAS_PX, :ATLAS_PX]
    assert 0.1 < found[zone].mean() < 0.9 * thick[zone].mean() < 0.95
    forehead = astronaut_subject.texel_maps["face"] * (astronaut_subject.texel_maps["beard"] == 0) > 0.95
    assert np.median(found[forehead]) < 0.05


@pytest.mark.parametrize("id", ["beanie-grey", "fedora-brown"])
def test_a_hat_only_shades_the_head(astronaut_subject: Subject, id: str) -> None:
    found = _hides(astronaut_subject, "hat", id)[:ATLAS_PX, :ATLAS_PX]
    face = astronaut_subject.texel_maps["face"] > 0.9
    assert 0 < found[face].mean() < 0.5
