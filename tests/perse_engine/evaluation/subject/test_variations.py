"""Each variation does to the sample's picture what its name says."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.evaluation.face_measures import measure_face
from perse_engine.evaluation.subject.judge import Rgb
from perse_engine.evaluation.subject.variations import VARIATIONS
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis

Pictures = dict[str, Rgb]


@pytest.fixture(scope="module")
def pictures(astronaut_analysis: PortraitAnalysis, astronaut_subject: Subject) -> Pictures:
    return {name: make(astronaut_analysis, astronaut_subject) for name, make in VARIATIONS.items()}


def in_work(analysis: PortraitAnalysis, *landmarks: int) -> np.ndarray:
    """Places of landmarks, whole px of the work image."""
    return np.round(analysis.landmarks[list(landmarks), :2]).astype(int)


def in_portrait(analysis: PortraitAnalysis, *landmarks: int) -> np.ndarray:
    matrix = analysis.work_from_portrait
    back = np.linalg.solve(matrix[:, :2], (analysis.landmarks[list(landmarks), :2] - matrix[:, 2]).T).T
    return np.round(back).astype(int)


def brightness(picture: Rgb, places: np.ndarray) -> list[float]:
    return [float(picture[y - 3 : y + 4, x - 3 : x + 4].mean()) for x, y in places]


def test_every_variation_is_a_picture(pictures: Pictures) -> None:
    assert len(pictures) == 10
    for picture in pictures.values():
        assert picture.dtype == np.uint8 and picture.ndim == 3 and min(picture.shape[:2]) >= 128


def test_no_shoulders_ends_below_the_chin(pictures: Pictures, astronaut_analysis: PortraitAnalysis) -> None:
    chin = in_portrait(astronaut_analysis, 152)[0, 1]
    assert chin < len(pictures["no shoulders"]) < chin + 40


def test_small_has_256_px(pictures: Pictures) -> None:
    assert min(pictures["256 px"].shape[:2]) == 256


def test_light_comes_from_the_left_of_the_picture(pictures: Pictures, astronaut_analysis: PortraitAnalysis) -> None:
    cheeks = in_portrait(astronaut_analysis, 50, 280)
    before = brightness(astronaut_analysis.portrait.rgb, cheeks)
    after = brightness(pictures["one-sided light"], cheeks)
    assert after[1] / before[1] < 0.75 * after[0] / before[0]


@pytest.mark.parametrize(("name", "sign"), [("darker skin", -1), ("lighter skin", 1)])
def test_only_the_skin_changes_its_tone(
    pictures: Pictures, astronaut_analysis: PortraitAnalysis, name: str, sign: int
) -> None:
    photo, changed = astronaut_analysis.portrait.rgb, pictures[name]
    cheeks = in_portrait(astronaut_analysis, 50, 280)
    for before, after in zip(brightness(photo, cheeks), brightness(changed, cheeks), strict=True):
        assert sign * (after - before) > 10
    assert np.abs(changed[:40, :40].astype(int) - photo[:40, :40]).max() <= 2


@pytest.mark.parametrize(("name", "degrees"), [("turned +20", 20), ("turned -20", -20)])
def test_turned_pictures_show_a_rolled_head(
    pictures: Pictures, astronaut_analysis: PortraitAnalysis, name: str, degrees: float
) -> None:
    found = measure_face(pictures[name])
    assert found is not None
    assert found.roll_deg - astronaut_analysis.head_pose_deg[2] == pytest.approx(degrees, abs=6)


def test_a_beard_darkens_the_chin_and_not_the_forehead(
    pictures: Pictures, astronaut_analysis: PortraitAnalysis
) -> None:
    places = in_work(astronaut_analysis, 199, 9)
    chin, brow = (
        a - b for a, b in zip(
            brightness(pictures["beard"], places), brightness(astronaut_analysis.work_rgb, places), strict=True
        )
    )  # fmt: skip
    assert chin < -40 and abs(brow) < 8


def test_eyeglasses_change_the_eyes_surroundings(pictures: Pictures, astronaut_analysis: PortraitAnalysis) -> None:
    (x0, y0), (x1, _) = in_work(astronaut_analysis, 33, 263)
    band = (slice(y0 - 40, y0 + 50), slice(x0 - 10, x1 + 10))
    dark = [float((p[band].max(-1) < 60).mean()) for p in (astronaut_analysis.work_rgb, pictures["eyeglasses"])]
    assert dark[1] > dark[0] + 0.03


def test_bald_is_skin_where_hair_was(pictures: Pictures, astronaut_analysis: PortraitAnalysis) -> None:
    (x, y), (_, chin) = in_work(astronaut_analysis, 10, 152)
    cheek = pictures["bald"][in_work(astronaut_analysis, 50)[0, 1], in_work(astronaut_analysis, 50)[0, 0]]
    above = pictures["bald"][y - (chin - y) // 8, x]
    assert np.abs(above.astype(int) - cheek).max() < 60


def test_bald_heads_are_narrower_than_their_hair(pictures: Pictures, astronaut_analysis: PortraitAnalysis) -> None:
    row = in_work(astronaut_analysis, 10)[0, 1]
    grey = pictures["bald"][5, 5].astype(int)
    width = int((np.abs(pictures["bald"][row].astype(int) - grey).max(-1) > 12).sum())
    assert width < 0.9 * int((astronaut_analysis.regions.person[row] > 0.5).sum())
