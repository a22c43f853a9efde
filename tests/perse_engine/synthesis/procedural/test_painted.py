"""Beards, eyebrows, noses, mouths and skin on a head."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from perse_engine.errors import UnsupportedWish
from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.beard_zones import beard_area
from perse_engine.synthesis.procedural.outfit import Outfit, to_lab
from perse_engine.vocabulary import REGION_LABELS, VariantSpec, parse_wish, variants_of
from perse_engine.vocabulary.wish import Wish, slot_values
from perse_engine.vocabulary.words import WORDS

PAINTED = ("beard", "eyebrows", "nose", "mouth", "skin")
CAMERA = Camera.orbit(10, 0, width_px=128, height_px=128)
SINGLE = [
    (category, slot, value) for category in PAINTED for slot in WORDS[category] for value in slot_values(category, slot)
]


def dressed(subject: Subject, spec: VariantSpec, weight: float = 1.0) -> TexturedRig:
    return ProceduralEditor().dress(subject, Look({spec.category: {spec.id: weight}}))


def change(subject: Subject, look: TexturedRig, expression: Expression | None = None) -> npt.NDArray[np.float64]:
    """What a look changes of the picture, [H, W] levels."""
    shown = expression or Expression()
    both = [draw(x, x.rig.posed(Pose(), shown), CAMERA).rgba.astype(np.float64) for x in (look, subject.look)]
    return np.asarray(np.abs(both[0] - both[1]).mean(-1))


def beard_pixels(subject: Subject, text: str) -> npt.NDArray[np.bool_]:
    look = dressed(subject, parse_wish(text).to_variant())
    return np.asarray(draw(look, look.rig.posed(Pose(), Expression()), CAMERA).labels == REGION_LABELS["beard"])


@pytest.mark.parametrize("spec", [v for c in PAINTED for v in variants_of(c)], ids=lambda v: f"{v.category}-{v.id}")
def test_more_weight_changes_more(spec: VariantSpec, astronaut_subject: Subject) -> None:
    amounts = [change(astronaut_subject, dressed(astronaut_subject, spec, w)).mean() for w in (0.25, 0.5, 0.75, 1.0)]
    assert 0 < amounts[0] < amounts[1] < amounts[2] < amounts[3]


@pytest.mark.parametrize("spec", [v for c in PAINTED for v in variants_of(c)], ids=lambda v: f"{v.category}-{v.id}")
def test_no_weight_changes_nothing(spec: VariantSpec, astronaut_subject: Subject) -> None:
    assert dressed(astronaut_subject, spec, 0.0) is astronaut_subject.look


@pytest.mark.parametrize(("category", "slot", "value"), SINGLE)
def test_every_word_of_the_parser_can_be_worn(category: str, slot: str, value: str, astronaut_subject: Subject) -> None:
    look = dressed(astronaut_subject, Wish(category, {slot: value}, (), ()).to_variant())
    assert np.isfinite(look.texture).all()
    assert np.isfinite(look.rig.vertices).all()
    assert change(astronaut_subject, look).mean() > 0


def test_deep_skin_keeps_most_of_the_contrast_of_the_face(astronaut_subject: Subject) -> None:
    maps = astronaut_subject.texel_maps
    face = (maps["face"] > 0.9) & (maps["skin"] > 0.9) & (maps["seen"] > 0.5)
    deep = dressed(astronaut_subject, next(v for v in variants_of("skin") if v.id == "deep"))
    before, after = (
        to_lab(look.texture[:ATLAS_PX, :ATLAS_PX, :3])[..., 0][face] for look in (astronaut_subject.look, deep)
    )
    assert np.median(after) < 0.62 * np.median(before)
    assert after.std() > 0.75 * before.std()
    # Dark skin shines as much as light one.
    assert np.quantile(after, 0.95) - np.median(after) > np.quantile(before, 0.95) - np.median(before)


def test_beards_have_different_outlines(astronaut_subject: Subject) -> None:
    styles = [s for s in slot_values("beard", "style") if s != "stubble"]
    outlines = [beard_pixels(astronaut_subject, f"black {s.replace('-', ' ')} beard") for s in styles]
    for i, first in enumerate(outlines):
        for second in outlines[:i]:
            assert (first & second).sum() < 0.92 * (first | second).sum()


@pytest.mark.parametrize("text", ["black full beard", "curly black beard", "black moustache"])
def test_a_beard_leaves_the_lips_free(text: str, astronaut_subject: Subject) -> None:
    look = dressed(astronaut_subject, parse_wish(text).to_variant())
    moved = np.abs(look.texture - astronaut_subject.look.texture)[:ATLAS_PX, :ATLAS_PX, :3].mean(-1)
    assert moved[astronaut_subject.texel_maps["lips"] > 0.8].mean() < 0.05


def test_a_beard_thins_out_towards_the_cheek(astronaut_subject: Subject) -> None:
    grows = beard_area(Outfit.of(astronaut_subject), {"cheeks": 0.9, "jaw": 1.0, "chin": 1.0})
    thin = (grows > 0.15) & (grows < 0.75)
    assert thin.sum() > 0.25 * (grows >= 0.75).sum()


@pytest.mark.parametrize(("id", "least"), [("mutton-chops-brown", 0.50), ("goatee-black", 0.365)])
def test_a_beards_border_is_wide(id: str, least: float, astronaut_subject: Subject) -> None:
    look = dressed(astronaut_subject, next(v for v in variants_of("beard") if v.id == id))
    moved = np.abs(look.texture - astronaut_subject.look.texture)[:ATLAS_PX, :ATLAS_PX, :3].mean(-1)
    moved = cv2.GaussianBlur(moved, (0, 0), 1.5)
    most = np.quantile(moved[moved > 0.1], 0.8)
    inside = moved >= 0.75 * most
    assert ((moved > 0.25 * most) & ~inside).sum() > least * inside.sum()


def test_a_beard_casts_its_shadow_on_the_neck(astronaut_subject: Subject) -> None:
    before, after = astronaut_subject.look, dressed(astronaut_subject, parse_wish("black full beard").to_variant())
    skin = before.labels == REGION_LABELS["skin"]
    skin[:ATLAS_PX, :ATLAS_PX] = False
    darker = (before.texture - after.texture)[..., :3].mean(-1)[skin]
    assert darker.min() > -0.01
    assert darker.max() > 0.1


def test_a_long_beard_hangs_below_a_short_one(astronaut_subject: Subject) -> None:
    lowest = [
        np.flatnonzero(beard_pixels(astronaut_subject, f"{length} black beard").any(1)).max()
        for length in ("short", "medium", "long")
    ]
    assert lowest[0] < lowest[1] < lowest[2] - 5


def test_a_beard_goes_with_the_jaw(astronaut_subject: Subject) -> None:
    look = dressed(astronaut_subject, parse_wish("long ginger beard").to_variant())
    moved = look.rig.posed(Pose(), Expression({"jawOpen": 1.0})) - look.rig.posed(Pose(), Expression())
    chin = astronaut_subject.landmark_vertices[152]
    assert moved[chin, 1] < -0.005


def test_a_beard_leaves_the_eyes_alone(astronaut_subject: Subject) -> None:
    difference = change(astronaut_subject, dressed(astronaut_subject, variants_of("beard")[0]))
    assert difference[:50].max() < 1


def test_a_beard_without_a_colour_has_the_hairs(astronaut_subject: Subject) -> None:
    assert beard_pixels(astronaut_subject, "a full beard").sum() > 100


def test_a_face_without_a_beard_stays_when_shaved(astronaut_subject: Subject) -> None:
    shaved = dressed(astronaut_subject, parse_wish("clean shaven").to_variant())
    assert change(astronaut_subject, shaved).mean() < 0.3


def test_what_cannot_be_taken_away_is_said(astronaut_subject: Subject) -> None:
    with pytest.raises(UnsupportedWish):
        dressed(astronaut_subject, parse_wish("no nose").to_variant())


def test_deep_skin_keeps_most_of_the_light_of_eyes(astronaut_subject: Subject) -> None:
    look = dressed(astronaut_subject, parse_wish("very dark skin").to_variant())
    region = draw(astronaut_subject.look, astronaut_subject.look.rig.posed(Pose(), Expression()), CAMERA).labels
    difference = change(astronaut_subject, look)
    assert (
        difference[region == REGION_LABELS["skin"]].mean() > 2.5 * difference[region == REGION_LABELS["sclera"]].mean()
    )


@pytest.mark.parametrize("text", ["very wide nose", "slightly smiling lips", "very pale skin", "medium to long beard"])
def test_graded_wishes_can_be_worn(text: str, astronaut_subject: Subject) -> None:
    assert change(astronaut_subject, dressed(astronaut_subject, parse_wish(text).to_variant())).mean() > 0


@pytest.mark.parametrize("category", PAINTED)
def test_two_variants_mix(category: str, astronaut_subject: Subject) -> None:
    first, second = variants_of(category)[:2]
    look = ProceduralEditor().dress(astronaut_subject, Look({category: {first.id: 0.5, second.id: 0.5}}))
    assert change(astronaut_subject, look).mean() > 0


@pytest.mark.parametrize(
    "text", ["an orange afro", "dotted cat-eye glasses", "a bucket hat", "gold studs", "a red dress"]
)
def test_any_wish_is_worn_or_refused_calmly(text: str, astronaut_subject: Subject) -> None:
    try:
        look = dressed(astronaut_subject, parse_wish(text).to_variant())
    except UnsupportedWish as refusal:
        assert refusal.hint
    else:
        assert change(astronaut_subject, look).mean() > 0


def test_mutton_chops_slant_from_the_ears_to_the_mouth_and_leave_the_chin(astronaut_subject: Subject) -> None:
    grows = beard_area(Outfit.of(astronaut_subject), {"chops": 1.0})
    uv = np.round(astronaut_subject.look.uv[astronaut_subject.landmark_vertices]).astype(int)

    def at(*landmarks: int) -> npt.NDArray[np.floating]:
        return grows[uv[list(landmarks), 1], uv[list(landmarks), 0]]

    cheeks, chin, below_corners, eyes = at(192, 416, 213, 433), at(152, 200, 176, 400), at(211, 431), at(117, 346)
    assert cheeks.min() > 0.9
    assert max(chin.max(), eyes.max()) < 0.02
    assert below_corners.max() < 0.2
    # Their borders thin out.
    assert ((grows > 0.1) & (grows < 0.9)).sum() > 0.3 * (grows > 0.9).sum()


def test_a_goatee_widens_from_the_lip_to_the_chin(astronaut_subject: Subject) -> None:
    grows = beard_area(Outfit.of(astronaut_subject), {"goatee": 1.0}) > 0.5
    uv = astronaut_subject.look.uv[astronaut_subject.landmark_vertices]
    lip, chin = float(uv[17, 1]), float(uv[152, 1])
    near_lip, near_chin = (grows[round(lip + share * (chin - lip))].sum() for share in (0.25, 0.75))
    assert 0 < 1.1 * near_lip < near_chin < 0.8 * abs(uv[291, 0] - uv[61, 0])
