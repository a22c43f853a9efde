"""The sample portrait is understood; pictures without one clear face are refused."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest
from skimage.transform import resize

from perse_engine.errors import FaceTooSmall, NoFace, SeveralFaces
from perse_engine.portrait.analyse import WORK_PX, analyse_portrait, report
from perse_engine.portrait.decode import decode_portrait
from perse_engine.portrait.landmarks import find_face, square_crop
from perse_engine.portrait.portrait import Portrait, PortraitAnalysis


@pytest.fixture(scope="module")
def astronaut_rgb(astronaut_png: bytes) -> np.ndarray:
    return decode_portrait(astronaut_png).rgb


def test_there_are_478_landmarks_inside_the_work_image(astronaut_analysis: PortraitAnalysis) -> None:
    points = astronaut_analysis.landmarks
    assert points.shape == (478, 3)
    assert points[:, :2].min() > 0
    assert points[:, :2].max() < WORK_PX


def test_the_right_eye_is_on_the_left_of_the_picture(astronaut_analysis: PortraitAnalysis) -> None:
    assert astronaut_analysis.landmarks[468, 0] < astronaut_analysis.landmarks[473, 0]


def test_the_nose_is_nearer_than_the_cheeks(astronaut_analysis: PortraitAnalysis) -> None:
    z = astronaut_analysis.landmarks[:, 2]
    assert z[4] < min(z[234], z[454])


def test_the_sample_looks_about_forward(astronaut_analysis: PortraitAnalysis) -> None:
    assert np.abs(astronaut_analysis.head_pose_deg).max() < 25


def test_every_region_lies_in_0_to_1(astronaut_analysis: PortraitAnalysis) -> None:
    for field in fields(astronaut_analysis.regions):
        mask = getattr(astronaut_analysis.regions, field.name)
        assert mask.shape == (WORK_PX, WORK_PX), field.name
        assert mask.min() >= 0, field.name
        assert mask.max() <= 1 + 1e-6, field.name


def test_hair_is_found_on_the_sample(astronaut_analysis: PortraitAnalysis) -> None:
    assert not astronaut_analysis.is_bald
    assert astronaut_analysis.regions.hair.sum() > 5000


def test_the_forehead_is_skin_and_not_hair(astronaut_analysis: PortraitAnalysis) -> None:
    x, y = astronaut_analysis.landmarks[9, :2].astype(int)
    assert astronaut_analysis.regions.skin[y, x] > 0.7
    assert astronaut_analysis.regions.hair[y, x] < 0.2


def test_the_affine_takes_the_face_box_into_the_oval(astronaut_analysis: PortraitAnalysis) -> None:
    box = astronaut_analysis.face
    centre = np.array([box.x_px + box.width_px / 2, box.y_px + box.height_px / 2, 1.0])
    x, y = (astronaut_analysis.work_from_portrait @ centre).astype(int)
    assert astronaut_analysis.regions.face_oval[y, x] > 0.9


def test_the_report_is_plain_json(astronaut_analysis: PortraitAnalysis) -> None:
    told = json.loads(json.dumps(report(astronaut_analysis).to_json()))
    assert (told["width_px"], told["height_px"]) == (512, 512)
    assert 0 < told["confidence"] <= 1


def test_analysing_twice_gives_the_same(astronaut_analysis: PortraitAnalysis, astronaut_rgb: np.ndarray) -> None:
    again = analyse_portrait(Portrait(astronaut_rgb))
    assert np.array_equal(again.landmarks, astronaut_analysis.landmarks)


def test_a_blank_picture_has_no_face() -> None:
    with pytest.raises(NoFace):
        analyse_portrait(Portrait(np.full((300, 300, 3), 127, np.uint8)))


def test_two_faces_of_equal_size_are_refused(astronaut_rgb: np.ndarray) -> None:
    with pytest.raises(SeveralFaces):
        find_face(np.hstack([astronaut_rgb, astronaut_rgb]))


def test_a_much_smaller_second_face_is_only_told(astronaut_rgb: np.ndarray) -> None:
    small = (resize(astronaut_rgb, (340, 340), anti_aliasing=True) * 255).astype(np.uint8)
    beside = np.full((512, 340, 3), 200, np.uint8)
    beside[:340] = small
    first, others = find_face(np.hstack([astronaut_rgb, beside]))
    assert first.box.x_px < 512
    assert len(others) == 1


def test_a_tiny_face_is_refused(astronaut_rgb: np.ndarray) -> None:
    tiny = (resize(astronaut_rgb, (200, 200), anti_aliasing=True) * 255).astype(np.uint8)
    with pytest.raises((FaceTooSmall, NoFace)):
        find_face(tiny)


def test_a_square_crop_keeps_its_centre_in_the_middle() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[28:33, 58:63] = 255
    crop, matrix = square_crop(picture, np.array([60.0, 30.0]), 40.0, 80)
    assert np.allclose(matrix @ np.array([60.0, 30.0, 1.0]), 40.0)
    assert crop[40, 40].min() > 200
    assert crop[10, 10].max() < 20
