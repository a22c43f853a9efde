"""Pictures on the subject's rig: what they show appears, where they show it, at every pose and weight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import UnknownName, UnsupportedWish
from perse_engine.evaluation.subject.judge import source_picture
from perse_engine.head.mesh_raster import draw
from perse_engine.head.subject import Subject, TexturedRig
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, Pose
from perse_engine.synthesis.learned.acceptance import Verdict
from perse_engine.synthesis.learned.diffusion_editor import DiffusionEditor
from perse_engine.synthesis.learned.edits import EditFolder, Outcome, between_name
from perse_engine.synthesis.learned.masks import geometry_mask, source_view
from perse_engine.synthesis.learned.paste import paste
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.vocabulary import REGION_LABELS

GREEN = np.array([30, 200, 40], np.uint8)
HAIR = ("hair", "long-wavy-blonde")
GLASSES = ("eyeglasses", "round-black")


def look(category: str, id: str, weight: float = 1.0) -> Look:
    return Look({category: {id: weight}})


def keep(folder: EditFolder, category: str, name: str, picture: np.ndarray, mask: np.ndarray) -> None:
    folder.write(Outcome(category, name, "", "geometry", (Verdict(0, (), {}),)), picture, mask)


@pytest.fixture(scope="module")
def masks(astronaut_subject: Subject) -> dict[tuple[str, str], np.ndarray]:
    editor = ProceduralEditor()
    return {
        (c, v): geometry_mask(astronaut_subject, c, editor.dress(astronaut_subject, look(c, v)))
        for c, v in (HAIR, GLASSES)
    }


@pytest.fixture(scope="module")
def green(
    astronaut_subject: Subject, masks: dict[tuple[str, str], np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> EditFolder:
    """Everything inside the masks is green."""
    folder = EditFolder(tmp_path_factory.mktemp("green"))
    flat = np.broadcast_to(GREEN, astronaut_subject.work_rgb.shape)
    for (category, id), mask in masks.items():
        keep(folder, category, id, paste(astronaut_subject.work_rgb, flat, mask), mask)
    return folder


@pytest.fixture(scope="module")
def editor(astronaut_subject: Subject, green: EditFolder) -> DiffusionEditor:
    return DiffusionEditor(astronaut_subject, green)


@pytest.fixture(scope="module")
def green_hair(astronaut_subject: Subject, editor: DiffusionEditor) -> TexturedRig:
    return editor.dress(astronaut_subject, look(*HAIR))


@pytest.fixture(scope="module")
def plain_hair(astronaut_subject: Subject) -> TexturedRig:
    """Of the procedural editor."""
    return ProceduralEditor().dress(astronaut_subject, look(*HAIR))


def seen(subject: Subject, dressed: TexturedRig, yaw: float, label: str) -> np.ndarray:
    """Colours of one region from another side, [N, 3] 0..255."""
    vertices = dressed.rig.posed(Pose(yaw_deg=yaw), Expression())
    image = draw(dressed, vertices, Camera.orbit(width_px=256, height_px=256))
    return image.rgba[(image.labels == REGION_LABELS[label]) & (image.rgba[..., 3] > 250), :3].astype(float)


def test_a_picture_of_what_is_there_changes_nothing(
    astronaut_subject: Subject, plain_hair: TexturedRig, masks: dict[tuple[str, str], np.ndarray], tmp_path: Path
) -> None:
    shown = source_view(astronaut_subject, plain_hair)
    lit = source_picture(replace(astronaut_subject, look=plain_hair))
    picture = paste(astronaut_subject.work_rgb, lit, masks[HAIR])
    keep(EditFolder(tmp_path), *HAIR, picture, masks[HAIR])
    dressed = DiffusionEditor(astronaut_subject, EditFolder(tmp_path)).dress(astronaut_subject, look(*HAIR))
    again = source_view(astronaut_subject, dressed)
    solid = (shown.rgba[..., 3] == 255) & (again.rgba[..., 3] == 255)
    # Soft edges are drawn over grey in the picture, which lightens them.
    assert np.abs(again.rgba[solid].astype(int) - shown.rgba[solid]).mean() < 3


@pytest.mark.parametrize("yaw", [0.0, 30.0, -30.0])
def test_the_pictures_colour_is_seen_from_all_sides(
    astronaut_subject: Subject, green_hair: TexturedRig, yaw: float
) -> None:
    hair = seen(astronaut_subject, green_hair, yaw, "hair")
    assert len(hair) > 2000
    assert np.median(hair, 0) == pytest.approx(GREEN, abs=25)


def test_shape_is_the_procedural_editors_so_that_pose_is_exact(
    green_hair: TexturedRig, plain_hair: TexturedRig
) -> None:
    assert np.array_equal(green_hair.rig.vertices, plain_hair.rig.vertices)
    assert np.array_equal(green_hair.labels, plain_hair.labels)
    assert np.array_equal(green_hair.texture[..., 3], plain_hair.texture[..., 3])


def test_outside_the_mask_the_source_view_stays(
    astronaut_subject: Subject,
    green_hair: TexturedRig,
    plain_hair: TexturedRig,
    masks: dict[tuple[str, str], np.ndarray],
) -> None:
    before, after = (source_view(astronaut_subject, d).rgba.astype(int) for d in (plain_hair, green_hair))
    outside = np.abs(after - before).max(-1)[masks[HAIR] == 0]
    assert (outside > 8).mean() < 0.002


def test_what_is_worn_takes_the_colour_and_the_skin_beside_it_does_not(
    astronaut_subject: Subject, editor: DiffusionEditor
) -> None:
    dressed = editor.dress(astronaut_subject, look(*GLASSES))
    procedural = ProceduralEditor().dress(astronaut_subject, look(*GLASSES))
    assert np.median(seen(astronaut_subject, dressed, 0, "eyeglasses"), 0)[1] > 120
    height, width = astronaut_subject.look.labels.shape
    assert np.allclose(dressed.texture[:height, :width], procedural.texture[:height, :width], atol=1e-6)


def test_without_pictures_of_the_way_colours_are_interpolated(
    astronaut_subject: Subject, editor: DiffusionEditor, green_hair: TexturedRig
) -> None:
    greenness = []
    for dressed in (editor.dress(astronaut_subject, look(*HAIR, 0.5)), green_hair):
        middle = np.median(seen(astronaut_subject, dressed, 0, "hair"), 0)
        greenness.append(middle[1] - middle[0])
    assert 0.2 * greenness[1] < greenness[0] < 0.8 * greenness[1]


def test_a_picture_of_the_way_is_shown_at_its_weight(
    astronaut_subject: Subject, green: EditFolder, masks: dict[tuple[str, str], np.ndarray], tmp_path: Path
) -> None:
    folder = EditFolder(tmp_path)
    keep(folder, *HAIR, green.picture(*HAIR), masks[HAIR])  # type: ignore[arg-type]
    flat = np.broadcast_to(np.array([220, 30, 30], np.uint8), astronaut_subject.work_rgb.shape)
    red = paste(astronaut_subject.work_rgb, flat, masks[HAIR])
    keep(folder, "hair", between_name({HAIR[1]: 0.5}), red, masks[HAIR])
    dressed = DiffusionEditor(astronaut_subject, folder).dress(astronaut_subject, look(*HAIR, 0.5))
    assert np.median(seen(astronaut_subject, dressed, 0, "hair"), 0) == pytest.approx([220, 30, 30], abs=25)


def test_two_categories_are_worn_at_once(astronaut_subject: Subject, editor: DiffusionEditor) -> None:
    both = Look({HAIR[0]: {HAIR[1]: 1.0}, GLASSES[0]: {GLASSES[1]: 1.0}})
    dressed = editor.dress(astronaut_subject, both)
    assert np.median(seen(astronaut_subject, dressed, 0, "hair"), 0) == pytest.approx(GREEN, abs=25)
    assert len(seen(astronaut_subject, dressed, 0, "eyeglasses")) > 50


def test_the_source_look_is_the_subject(astronaut_subject: Subject, editor: DiffusionEditor) -> None:
    assert editor.dress(astronaut_subject, Look()) is astronaut_subject.look


def test_a_variant_without_a_picture_is_an_error(astronaut_subject: Subject, editor: DiffusionEditor) -> None:
    with pytest.raises(UnknownName, match="no accepted picture of hat/beanie-grey"):
        editor.dress(astronaut_subject, look("hat", "beanie-grey"))


def test_codes_are_refused(astronaut_subject: Subject, editor: DiffusionEditor) -> None:
    with pytest.raises(UnsupportedWish, match="codes"):
        editor.dress(astronaut_subject, Look(codes={"hair": (0.0,)}))
