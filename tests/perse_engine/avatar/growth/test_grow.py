"""Added variants: they show, they mix, nothing older moves, and they can be taken away again."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from perse_engine.avatar.avatar import Avatar
from perse_engine.avatar.growth.grow import Grown, add_reference, add_variant, remove_variant
from perse_engine.errors import Cancelled, InvalidValue, UnknownName, UnsupportedWish
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.progress import SilentProgress
from perse_engine.rendering.render import Renderer
from perse_engine.scene import Camera, Expression, Pose
from tests.perse_engine.avatar.growth.conftest import wish
from tests.perse_engine.synthesis.tiny import CancelAt

CURLY = "wish-length-short-texture-curly-colour-ginger"
BERET = "wish-type-beret-colour-green"
OLD_LOOKS = (
    Look(),
    Look({"hair": {"long-wavy-blonde": 1.0}}),
    Look({"hair": {"long-wavy-blonde": 0.4}, "eyeglasses": {"round-black": 1.0}}),
    Look({}, {"eyeglasses": tuple([0.3] * 32)}),
)
CAMERA = Camera.orbit(width_px=96, height_px=96)


def picture(avatar: Avatar, look: Look) -> np.ndarray:
    """A frame with a pose and an expression."""
    pose, expression = Pose(12, -4, 3), Expression({"jawOpen": 0.6, "eyeBlinkLeft": 1.0})
    return Renderer(avatar, "cpu").render(look, pose, expression, CAMERA).rgb


@pytest.mark.parametrize("look", OLD_LOOKS, ids=["source", "variant", "mix", "code"])
def test_older_looks_stay_bit_for_bit(look: Look, tiny_avatar: Avatar, both: Grown) -> None:
    before, after = tiny_avatar.bake(look).properties, both.avatar.bake(look).properties
    assert np.array_equal(after[: len(before)], before)
    assert (after[len(before) :, 10] <= 0).all()
    assert np.array_equal(picture(both.avatar, look), picture(tiny_avatar, look))


def test_the_variant_comes_nearer_to_what_was_asked_for(curly: Grown, both: Grown) -> None:
    for grown in (curly, both):
        told = grown.added.measured
        assert told["region_psnr_db"] > told["source_region_psnr_db"] + 3
        assert told["old_psnr_db"] == 99.0


def test_its_weight_is_its_strength(both: Grown) -> None:
    shown = [picture(both.avatar, Look({"hair": {CURLY: w}})) for w in (0.0, 0.25, 0.5, 0.75, 1.0)]
    far = [float(np.abs(p - shown[0]).mean()) for p in shown]
    apart = [float(np.abs(a - b).mean()) for a, b in itertools.pairwise(shown)]
    assert far[0] == 0 and min(far[1:]) > 0.002 and min(apart) > 0.001


def test_small_weights_change_little(both: Grown) -> None:
    source, near = (picture(both.avatar, Look({"hair": {CURLY: w}})) for w in (0.0, 0.01))
    assert 0 < np.abs(near - source).mean() < 0.004


def test_it_mixes_with_other_variants(both: Grown) -> None:
    look = Look({"hair": {CURLY: 0.5, "long-wavy-blonde": 0.5}, "hat": {BERET: 1.0}, "eyeglasses": {"round-black": 1}})
    mixed = picture(both.avatar, look)
    for category in look.variants:
        rest = Look({c: v for c, v in look.variants.items() if c != category})
        assert np.abs(mixed - picture(both.avatar, rest)).mean() > 1e-4, category


def test_indices_of_what_was_there_never_change(tiny_avatar: Avatar, both: Grown) -> None:
    n, v = len(tiny_avatar), len(tiny_avatar.binding.rig.vertices)
    assert np.array_equal(both.avatar.base[:n], tiny_avatar.base)
    assert np.array_equal(both.avatar.binding.triangles[:n], tiny_avatar.binding.triangles)
    assert np.array_equal(both.avatar.binding.rig.vertices[:v], tiny_avatar.binding.rig.vertices)
    assert len(both.avatar) == n + sum(one.gaussians for one in both.avatar.added) > n


def test_removing_the_last_gives_the_avatar_before_it(curly: Grown, both: Grown) -> None:
    assert_same(remove_variant(both.avatar, "hat", BERET), curly.avatar)


def test_removing_an_earlier_one_leaves_the_later_one_as_it_is(both: Grown) -> None:
    left = remove_variant(both.avatar, "hair", CURLY)
    assert left.variants()["hair"] == ["long-wavy-blonde"] and left.variants()["hat"] == [BERET]
    look = Look({"hat": {BERET: 0.8}, "eyeglasses": {"round-black": 1.0}})
    assert np.array_equal(picture(left, look), picture(both.avatar, look))


def test_removing_all_gives_the_trained_avatar(tiny_avatar: Avatar, both: Grown) -> None:
    left = remove_variant(remove_variant(both.avatar, "hair", CURLY), "hat", BERET)
    assert_same(left, tiny_avatar)


def assert_same(a: Avatar, b: Avatar) -> None:
    """Every number of two avatars."""
    assert a.variants() == b.variants() and len(a.added) == len(b.added)
    assert np.array_equal(a.base, b.base) and np.array_equal(a.binding.triangles, b.binding.triangles)
    assert np.array_equal(a.binding.rig.vertices, b.binding.rig.vertices)
    assert a.light is not None and b.light is not None and np.array_equal(a.light.normals, b.light.normals)
    for name, model in a.categories.items():
        for field in ("rows", "mask", "covers", "basis"):
            assert np.array_equal(getattr(model, field), getattr(b.categories[name], field)), (name, field)


def test_only_what_was_added_can_be_removed(curly: Grown) -> None:
    with pytest.raises(UnknownName, match="long-wavy-blonde"):
        remove_variant(curly.avatar, "hair", "long-wavy-blonde")


def test_a_variant_is_added_once(curly: Grown, astronaut_subject: Subject) -> None:
    with pytest.raises(InvalidValue, match="already"):
        add_variant(curly.avatar, astronaut_subject, wish("short curly auburn hair"), SilentProgress())


def test_inversion_adds_a_code_and_no_gaussian(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    grown = add_variant(
        tiny_avatar, astronaut_subject, wish("long wavy ginger hair"), SilentProgress(), method="inversion"
    )
    assert grown.added.gaussians == 0 and len(grown.added.adapter.rows) == 0
    assert grown.added.measured["inversion_psnr_db"] >= grown.added.measured["source_psnr_db"]


def test_zero_shot_needs_no_pictures_and_says_how_sure_it_is(tiny_avatar: Avatar) -> None:
    grown = add_variant(tiny_avatar, None, wish("long wavy light blonde hair"), SilentProgress(), method="zero_shot")
    assert 0.5 < grown.added.measured["confidence"] < 1
    near = grown.avatar.categories["hair"].codes
    assert np.array_equal(near[grown.added.variant], near["long-wavy-blonde"])


def test_zero_shot_says_what_it_cannot_guess(tiny_avatar: Avatar) -> None:
    with pytest.raises(UnsupportedWish, match="near"):
        add_variant(tiny_avatar, None, wish("short curly black hair"), SilentProgress(), method="zero_shot")
    with pytest.raises(UnsupportedWish, match="hat"):
        add_variant(tiny_avatar, None, wish("green beret hat"), SilentProgress(), method="zero_shot")


def test_another_head_is_refused(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    other = replace(astronaut_subject, look=replace(look, rig=look.rig.with_offset(look.rig.vertices * 0.01)))
    with pytest.raises(InvalidValue, match="this head"):
        add_variant(tiny_avatar, other, wish("green beret hat"), SilentProgress())


@pytest.mark.parametrize("stage", ["synthesis", "inversion", "training"])
def test_it_stops_when_asked(stage: str, tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    with pytest.raises(Cancelled):
        add_variant(tiny_avatar, astronaut_subject, wish("short curly auburn hair"), CancelAt(stage, 1))


def test_an_unknown_method_is_refused(tiny_avatar: Avatar) -> None:
    with pytest.raises(UnknownName, match="magic"):
        add_variant(tiny_avatar, None, wish("green beret hat"), SilentProgress(), method="magic")


def test_a_reference_photo_gives_a_code(tiny_avatar: Avatar, astronaut_subject: Subject) -> None:
    """A photo on which the avatar itself was edited: its code shows it better than the source look does."""
    subject = astronaut_subject
    out = Renderer(tiny_avatar, "cpu").render(
        Look({"hair": {"long-wavy-blonde": 0.8}}), subject.source_pose, subject.source_expression,
        subject.source_camera, None, light=1.0,
    )  # fmt: skip
    straight = out.rgb / np.maximum(out.alpha, 1e-3)[..., None]
    photo = replace(subject, work_rgb=(np.clip(straight, 0, 1) * 255).astype(np.uint8), work_person=out.alpha)
    grown = add_reference(tiny_avatar, "hair", "reference-a", photo, SilentProgress())
    told = grown.added.measured
    assert told["inversion_psnr_db"] > told["source_psnr_db"] + 4
    assert grown.avatar.variants()["hair"] == ["long-wavy-blonde", "reference-a"] and grown.added.gaussians == 0
    with pytest.raises(InvalidValue, match="already"):
        add_reference(grown.avatar, "hair", "reference-a", photo, SilentProgress())
