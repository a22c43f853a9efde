"""The procedural editor: each slider changes the picture, more the further it is moved."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.errors import UnknownName, UnsupportedWish
from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import PARTS, Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.procedural_editor import APPLY
from perse_engine.vocabulary import CATALOGUE, VariantSpec, find_variant, variants_of

CAMERA = Camera.orbit(10, 0, width_px=96, height_px=96)


REST = Expression()


def picture(look: TexturedRig, expression: Expression = REST) -> np.ndarray:
    """A small view of a dressed subject, 0..255."""
    posed = look.rig.posed(Pose(), expression)
    return draw(look, posed, CAMERA, look.texture_for(expression)).rgba.astype(np.float64)


def distance(subject: Subject, look: Look, expression: Expression = REST) -> float:
    """Mean change of the picture, levels."""
    dressed = ProceduralEditor().dress(subject, look)
    return float(np.abs(picture(dressed, expression) - picture(subject.look, expression)).mean())


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda v: f"{v.category}-{v.id}")
def test_a_variant_changes_the_picture_more_at_1_than_at_half(spec: VariantSpec, astronaut_subject: Subject) -> None:
    half, whole = (distance(astronaut_subject, Look({spec.category: {spec.id: w}})) for w in (0.5, 1.0))
    assert 0.001 < half < whole


PAINTED = ("beard.full-brown", "eyebrows.thick-dark", "skin.freckled", "skin.deep", "mouth.full-red")


@pytest.mark.parametrize("id", PAINTED)
def test_paint_stays_when_the_face_smiles(id: str, astronaut_subject: Subject) -> None:
    category, variant = id.split(".")
    at_rest, smiling = (
        distance(astronaut_subject, Look({category: {variant: 1.0}}), e)
        for e in (REST, astronaut_subject.source_expression)
    )
    assert astronaut_subject.source_expression.weights["mouthSmileLeft"] > 0.5
    assert smiling > 0.75 * at_rest


@pytest.mark.parametrize("category", list(APPLY))
def test_weight_0_is_the_source(category: str, astronaut_subject: Subject) -> None:
    look = Look({category: {variants_of(category)[0].id: 0.0}})
    assert ProceduralEditor().dress(astronaut_subject, look) is astronaut_subject.look


@pytest.mark.parametrize("category", list(APPLY))
def test_a_small_weight_is_a_small_change(category: str, astronaut_subject: Subject) -> None:
    id = variants_of(category)[0].id
    little = distance(astronaut_subject, Look({category: {id: 0.02}}))
    assert little < 0.5 * distance(astronaut_subject, Look({category: {id: 1.0}}))


def test_every_category_with_variants_can_be_edited() -> None:
    assert {v.category for v in CATALOGUE} == set(APPLY)


def test_all_categories_at_once_change_more_than_any_alone(astronaut_subject: Subject) -> None:
    chosen = {c: {variants_of(c)[0].id: 1.0} for c in APPLY}
    alone = [distance(astronaut_subject, Look({c: v})) for c, v in chosen.items()]
    assert distance(astronaut_subject, Look(chosen)) > max(alone)


def test_two_variants_of_a_category_mix(astronaut_subject: Subject) -> None:
    first, second = (v.id for v in variants_of("skin")[:2])
    mixed = picture(ProceduralEditor().dress(astronaut_subject, Look({"skin": {first: 0.5, second: 0.5}})))
    for id in (first, second):
        alone = picture(ProceduralEditor().dress(astronaut_subject, Look({"skin": {id: 1.0}})))
        assert np.abs(mixed - alone).mean() > 0.1


def test_dressing_leaves_the_subject_as_it_was(astronaut_subject: Subject) -> None:
    before = picture(astronaut_subject.look)
    ProceduralEditor().dress(astronaut_subject, Look({c: {variants_of(c)[0].id: 1.0} for c in APPLY}))
    assert np.array_equal(picture(astronaut_subject.look), before)


def test_dressing_twice_gives_the_same(astronaut_subject: Subject) -> None:
    look = Look({"hair": {"long-wavy-blonde": 0.7}, "hat": {"beanie-grey": 1.0}})
    first, second = (ProceduralEditor().dress(astronaut_subject, look) for _ in range(2))
    assert np.array_equal(first.texture, second.texture)
    assert np.array_equal(first.rig.vertices, second.rig.vertices)


def test_a_hat_is_added_surface(astronaut_subject: Subject) -> None:
    dressed = ProceduralEditor().dress(astronaut_subject, Look({"hat": {"beanie-grey": 1.0}}))
    assert (dressed.face_part == PARTS.index("added")).sum() > 100


@pytest.mark.parametrize("category", ["hat", "eyeglasses", "hair"])
def test_additive_categories_tell_their_surface(category: str, astronaut_subject: Subject) -> None:
    surface = ProceduralEditor().added_surface(astronaut_subject, category, variants_of(category)[:1])
    assert surface is not None
    assert len(surface.points) == len(surface.colours) == len(surface.bone_weights) > 100


@pytest.mark.parametrize("category", ["skin", "nose", "beard"])
def test_painted_categories_add_no_surface(category: str, astronaut_subject: Subject) -> None:
    assert ProceduralEditor().added_surface(astronaut_subject, category, variants_of(category)) is None


def test_hair_colour_alone_adds_no_surface(astronaut_subject: Subject) -> None:
    specs = tuple(v for v in variants_of("hair") if v.slots.get("length") == "source-length" and "style" not in v.slots)
    assert ProceduralEditor().added_surface(astronaut_subject, "hair", specs) is None


def test_an_unknown_variant_is_refused(astronaut_subject: Subject) -> None:
    with pytest.raises(UnknownName):
        ProceduralEditor().dress(astronaut_subject, Look({"hat": {"crown": 1.0}}))


def test_a_category_that_it_cannot_edit_is_refused(astronaut_subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(APPLY, "earrings")
    with pytest.raises(UnsupportedWish):
        ProceduralEditor().dress(astronaut_subject, Look({"earrings": {"gold": 1.0}}))


def test_codes_are_refused(astronaut_subject: Subject) -> None:
    with pytest.raises(UnsupportedWish):
        ProceduralEditor().dress(astronaut_subject, Look({}, {"hair": (0.0,) * 32}))


def test_a_hat_pushes_long_hair_in(astronaut_subject: Subject) -> None:
    hair, hat = (find_variant(*name.split("/")) for name in ("hair/long-wavy-blonde", "hat/beanie-grey"))
    assert hair is not None and hat is not None
    surface = ProceduralEditor().added_surface(astronaut_subject, "hair", (hair,), (hat,))
    assert surface is not None and surface.pushers == ("hat/beanie-grey",)
    far = np.linalg.norm(surface.pushed[:, 0], axis=1)
    top, low = np.quantile(surface.points[:, 1], [0.9, 0.3])
    assert 0.002 < far[surface.points[:, 1] > top].mean() < 0.04
    assert far[surface.points[:, 1] < low].max() == 0
