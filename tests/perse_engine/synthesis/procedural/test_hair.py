"""Cuts and styles change the shape of the head, each in its own way and step by step."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perse_engine.errors import UnsupportedWish
from perse_engine.head.atlas import ATLAS_PX
from perse_engine.head.mesh_raster import draw
from perse_engine.head.sampling import sample
from perse_engine.head.subject import PARTS, Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.procedural.coarse import small, small_directions
from perse_engine.synthesis.procedural.curls import LOCKS, curled_curtain
from perse_engine.synthesis.procedural.fuzz import TEXELS
from perse_engine.synthesis.procedural.hair import hair
from perse_engine.synthesis.procedural.hair_curtain import COLUMNS, ROWS
from perse_engine.synthesis.procedural.hair_drape import BOTTOM_M, CELL_M, LEFT_M, chest
from perse_engine.synthesis.procedural.hair_region import hair_region
from perse_engine.synthesis.procedural.outfit import AddedPart, Outfit, to_lab
from perse_engine.synthesis.procedural.worn import Worn
from perse_engine.vocabulary import find_variant, variants_of
from perse_engine.vocabulary.wishes import parse_wish
from tests.perse_engine.synthesis.procedural.dressing import parts_of

CAMERA = Camera.orbit(yaw_deg=30, width_px=160, height_px=160, fov_deg=30)
SHAPES = [
    "bald", "buzz-straight-dark", "source-length-curly-black-afro", "chin-straight-black", "waist-straight-blonde",
    "long-straight-brown-ponytail", "long-straight-black-braided", "long-straight-blonde-bun",
]  # fmt: skip


def worn(subject: Subject, id: str, weight: float = 1.0) -> TexturedRig:
    return ProceduralEditor().dress(subject, Look({"hair": {id: weight}}))


def outline(look: TexturedRig) -> np.ndarray:
    return draw(look, look.rig.posed(Pose(), Expression()), CAMERA).rgba[..., 3] > 127


def test_the_shapes_of_the_catalogue_differ_from_each_other(astronaut_subject: Subject) -> None:
    outlines = {id: outline(worn(astronaut_subject, id)) for id in SHAPES}
    for a in SHAPES:
        for b in SHAPES:
            if a < b:
                assert (outlines[a] ^ outlines[b]).mean() > 0.002, (a, b)


@pytest.mark.parametrize("id", [v.id for v in variants_of("hair")])
def test_every_variant_changes_more_with_more_weight(id: str, astronaut_subject: Subject) -> None:
    def picture(look: TexturedRig) -> np.ndarray:
        return draw(look, look.rig.posed(Pose(), Expression()), CAMERA).rgba.astype(np.float64)

    source = picture(astronaut_subject.look)
    half, full = (np.abs(picture(worn(astronaut_subject, id, w)) - source).mean() for w in (0.4, 1.0))
    assert 0.1 < half < full


def test_a_bald_head_is_smaller_and_has_skin_on_top(astronaut_subject: Subject) -> None:
    source, bald = outline(astronaut_subject.look), outline(worn(astronaut_subject, "bald"))
    assert bald.sum() < 0.95 * source.sum()
    assert not (bald & ~source).any() or (bald & ~source).mean() < 0.002


def test_dye_reaches_the_tips_of_the_fringe_and_spares_the_face(astronaut_subject: Subject) -> None:
    dyed = np.abs(worn(astronaut_subject, "source-length-straight-blue").texture - astronaut_subject.look.texture)
    dyed = dyed[:ATLAS_PX, :ATLAS_PX, :3].mean(-1)
    region, hair = hair_region(astronaut_subject), astronaut_subject.texel_maps["hair"]
    tips = (hair < 0.1) & (region > 0.6)
    assert tips.sum() > 300
    assert dyed[tips].mean() > 0.08
    cheeks = np.round(astronaut_subject.look.uv[astronaut_subject.landmark_vertices[[50, 280, 116, 345]]]).astype(int)
    assert dyed[cheeks[:, 1], cheeks[:, 0]].max() < 0.01


def test_a_shaven_head_shows_its_ears(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    ears = np.unique(look.faces[look.face_part == PARTS.index("ears")])
    moved = (worn(astronaut_subject, "bald").rig.vertices - look.rig.vertices)[ears, 0] * np.sign(
        look.rig.vertices[ears, 0]
    )
    assert moved.min() > 0.001
    assert moved.max() < 0.007


def test_stubble_darkens_the_scalp_of_a_shaven_head_but_not_the_forehead(astronaut_subject: Subject) -> None:
    texture = worn(astronaut_subject, "bald").texture[..., :3].mean(-1)
    top, forehead = texture[150:200, 480:544], texture[360:380, 480:544]
    assert forehead.mean() * 0.77 < top.mean() < forehead.mean() * 0.98


def test_a_shaven_head_keeps_its_brows(astronaut_subject: Subject) -> None:
    maps = astronaut_subject.texel_maps
    free = (maps["eyebrows"] > 0.95) & (cv2.dilate(maps["hair"], np.ones((25, 25))) < 0.02)
    change = worn(astronaut_subject, "bald").texture[:1024, :1024] - astronaut_subject.look.texture[:1024, :1024]
    assert free.sum() > 200
    assert np.abs(change[free]).max() < 0.02


def test_an_afro_leaves_the_face_where_it_is(astronaut_subject: Subject) -> None:
    source = astronaut_subject.look.rig.vertices
    vertices = worn(astronaut_subject, "source-length-curly-black-afro").rig.vertices
    distance = np.linalg.norm(vertices[: len(source)] - source, axis=1)
    assert distance[astronaut_subject.landmark_vertices].max() < 1e-6
    assert 0.015 < distance.max() < 0.08


def test_long_hair_comes_slowly_out_of_the_hair_that_is_there(astronaut_subject: Subject) -> None:
    curtain = parts_of(astronaut_subject, "hair", "waist-straight-blonde")[0]
    height = np.ptp(curtain.vertices[:, 1]) / curtain.texture.shape[0]
    alpha = curtain.texture[..., 3]
    middle = alpha[:, alpha.shape[1] // 3 : 2 * alpha.shape[1] // 3]
    first, whole = (np.median(np.argmax(middle > level, axis=0)) for level in (0.1, 0.9))
    assert 0.02 < (whole - first) * height < 0.06


def test_a_style_without_a_shape_is_refused(astronaut_subject: Subject) -> None:
    with pytest.raises(UnsupportedWish, match="mohawk"):
        worn(astronaut_subject, parse_wish("a mohawk").to_variant().id)


@pytest.mark.parametrize("id", ["long-wavy-blonde", "long-straight-black-braided"])
def test_long_hair_is_cut_shorter_and_stays_where_it_is(id: str, astronaut_subject: Subject) -> None:
    short, half, full = (parts_of(astronaut_subject, "hair", id, w)[0] for w in (0.25, 0.5, 1.0))
    reach = [one.vertices[_is_opaque(one), 1].min() for one in (short, half, full)]
    assert reach[0] > reach[1] + 0.03 > reach[2] + 0.06
    seen = _is_opaque(short) & _is_opaque(half) & _is_opaque(full)
    assert np.abs(short.vertices - full.vertices)[seen].max() < 0.004
    assert np.array_equal(short.bone_weights, full.bone_weights)


def _is_opaque(part: AddedPart) -> np.ndarray:
    return sample(part.texture, part.uv - 0.5)[:, 3] > 0.5


def test_two_hairs_have_one_mixed_colour(astronaut_subject: Subject) -> None:
    ids = "long-wavy-blonde", "source-length-straight-black"
    specs = tuple(spec for id in ids if (spec := find_variant("hair", id)) is not None)
    surface = ProceduralEditor().added_surface(astronaut_subject, "hair", specs)
    assert surface is not None and set(surface.variant) == {0}
    outfit = Outfit.of(astronaut_subject)
    hair(outfit, Worn(tuple(zip(specs, (0.3, 0.7), strict=True))))
    told = surface.colours + np.einsum("pvc,v->pc", surface.dye, [0.3 - 1, 0.7])
    shown = outfit.parts[0].texture
    assert np.allclose(told.mean(0), shown[shown[..., 3] > 0.5][:, :3].mean(0), atol=0.04)
    assert told.mean() < 0.75 * surface.colours.mean()


def test_long_hair_leaves_no_crack_in_front_of_the_head(astronaut_subject: Subject) -> None:
    look = worn(astronaut_subject, "long-straight-brown")
    image = draw(look, look.rig.posed(Pose(), Expression()), Camera.orbit(width_px=160, height_px=160))
    alpha = image.rgba[..., 3].astype(int)
    inside = outline_filled(alpha > 127)
    assert (alpha[inside] > 200).mean() > 0.995


def outline_filled(mask: np.ndarray) -> np.ndarray:
    """Between the leftmost and the rightmost pixel of every row above the shoulders, without two pixels of border."""
    filled = np.zeros_like(mask)
    for y in range(20, 110):
        columns = np.flatnonzero(mask[y])
        filled[y, columns[0] + 2 : columns[-1] - 1] = True
    return filled


def test_white_hair_is_not_blown_out(astronaut_subject: Subject) -> None:
    look = worn(astronaut_subject, "short-straight-white")
    hair_shown = (hair_region(astronaut_subject) > 0.9) & (astronaut_subject.texel_maps["seen"] > 0.6)
    lightness = to_lab(look.texture[:ATLAS_PX, :ATLAS_PX, :3])[..., 0]
    assert np.median(lightness[hair_shown]) > 74
    assert (lightness[hair_shown] > 95).mean() < 0.01
    strands = (lightness - cv2.GaussianBlur(lightness, (0, 0), 3.0))[hair_shown]
    assert strands[lightness[hair_shown] > 82].std() > 1.0


@pytest.mark.parametrize("id", ["waist-straight-blonde", "long-wavy-blonde"])
def test_locks_are_of_the_tone_of_the_hair_they_come_from(id: str, astronaut_subject: Subject) -> None:
    look = worn(astronaut_subject, id)
    seen_hair = (hair_region(astronaut_subject) > 0.9) & (astronaut_subject.texel_maps["seen"] > 0.6)
    of_head = np.median(to_lab(look.texture[:ATLAS_PX, :ATLAS_PX, :3])[seen_hair], 0)
    locks = parts_of(astronaut_subject, "hair", id)[0].texture
    # What hangs at the back lies in shadow.
    beside = np.abs(np.linspace(-1, 1, locks.shape[1])) > 0.6
    of_locks = np.median(to_lab(locks[..., :3])[(locks[..., 3] > 0.9) & beside], 0)
    assert np.linalg.norm(of_head - of_locks) < 8


@pytest.mark.parametrize("id", ["long-wavy-blonde", "waist-straight-blonde", "long-straight-brown"])
def test_strands_of_locks_have_less_contrast_than_the_hair_they_come_from(id: str, astronaut_subject: Subject) -> None:
    own = to_lab(worn(astronaut_subject, id).texture[:ATLAS_PX, :ATLAS_PX, :3])[..., 0]
    sure = (hair_region(astronaut_subject) > 0.9) & (astronaut_subject.texel_maps["seen"] > 0.6)
    locks = parts_of(astronaut_subject, "hair", id)[0].texture
    lightness = to_lab(locks[..., :3])[..., 0]
    # Their tips are measured with the rest: of every strand the colour goes on where it is cut.
    assert _fine(lightness)[40:].std() < 0.7 * _fine(own)[sure].std()


def _fine(lightness: np.ndarray) -> np.ndarray:
    return lightness - cv2.GaussianBlur(lightness, (0, 0), 3.0)


def test_long_hair_lies_on_the_chest(astronaut_subject: Subject) -> None:
    curtain = parts_of(astronaut_subject, "hair", "waist-straight-blonde")[0].vertices.reshape(ROWS, COLUMNS, 3)
    depth, has = chest(astronaut_subject)
    for border in (curtain[:, 3:15], curtain[:, -15:-3]):
        x, y, z = border[border[..., 1] < -0.20].T
        cell = np.round((y - BOTTOM_M) / CELL_M).astype(int), np.round((x - LEFT_M) / CELL_M).astype(int)
        assert (has[cell] > 0.9).all()
        over = z - depth[cell]
        assert over.min() > 0
        assert np.median(over) < 0.03


def test_white_hair_has_no_black_shadows_and_no_bright_line_at_the_forehead(astronaut_subject: Subject) -> None:
    texture = worn(astronaut_subject, "short-straight-white").texture[:ATLAS_PX, :ATLAS_PX, :3]
    lightness = to_lab(texture)[..., 0]
    region, maps = hair_region(astronaut_subject), astronaut_subject.texel_maps
    assert (lightness[(region > 0.9) & (maps["seen"] > 0.6)] < 50).mean() < 0.02
    skin = np.median(lightness[(maps["face"] > 0.9) & (maps["skin"] > 0.95)])
    line = (region > 0.3) & (region < 0.9) & (cv2.dilate(maps["face"] * (1 - region), np.ones((9, 9))) > 0.9)
    assert line.sum() > 500
    assert np.median(lightness[line]) < skin + 12


def test_a_bald_skull_is_lit_from_above_and_in_front(astronaut_subject: Subject) -> None:
    head = small(worn(astronaut_subject, "bald").texture[:ATLAS_PX, :ATLAS_PX, :3])
    lightness, (_, up, forward) = to_lab(head)[..., 0], np.moveaxis(small_directions(), -1, 0)
    scalp = (up > 0.1) & (small(astronaut_subject.texel_maps["hair"]) > 0.9)
    crown, back = scalp & (up > 0.6) & (forward > 0.2), scalp & (up < 0.5) & (forward < -0.5)
    assert np.median(lightness[crown]) > np.median(lightness[back]) + 5


def test_a_bun_is_wound_of_strands_and_no_turned_rings(astronaut_subject: Subject) -> None:
    part = parts_of(astronaut_subject, "hair", "long-straight-blonde-bun")[0]
    lightness = to_lab(part.texture[..., :3])[..., 0]
    middle = lightness[lightness.shape[0] // 3 : 2 * lightness.shape[0] // 3]
    # Of a ring no texel differs from the others around it.
    assert middle.std(1).mean() > 3
    assert (lightness - cv2.GaussianBlur(lightness, (0, 0), 3.0)).std() < 3


def test_neighbouring_curls_wind_each_in_its_own_time() -> None:
    swing = curled_curtain(1024, 122.0)[1]
    ringlet = 1024 * 360 / 244 / LOCKS
    apart = [np.corrcoef(swing[:, i], swing[:, int(i + 2 * ringlet)])[0, 1] for i in range(100, 800, 25)]
    assert np.abs(apart).mean() < 0.35


def test_an_afro_has_a_soft_outline_that_grows_with_its_weight(astronaut_subject: Subject) -> None:
    little, wholly = (worn(astronaut_subject, "source-length-curly-black-afro", w).texture[-TEXELS:] for w in (0.25, 1))
    assert 0.2 < wholly[:, :TEXELS, 3].mean() < 0.8
    np.testing.assert_allclose(little[:, :TEXELS, 3], 0.25 * wholly[:, :TEXELS, 3], atol=1e-6)
