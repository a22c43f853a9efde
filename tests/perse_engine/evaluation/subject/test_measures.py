"""Geometry and likeness with answers known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perse_engine.evaluation.subject.measures import around, face_geometry, face_region, likeness, source_likeness
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.portrait.topology import load_topology

ALL = np.ones((64, 64), bool)
NOISE = np.random.default_rng(0).random((64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def points(astronaut_analysis: PortraitAnalysis) -> np.ndarray:
    return astronaut_analysis.landmarks.astype(np.float64)


def moved(points: np.ndarray, index: int, x: float, y: float) -> np.ndarray:
    """Landmarks with one of them shifted by shares of the distance between the outer eye corners."""
    out = points.copy()
    out[index, :2] += np.array([x, y]) * np.linalg.norm(points[263, :2] - points[33, :2])
    return out


@pytest.mark.parametrize(
    ("name", "index", "shift", "change"),
    [
        ("corner_left", 291, (0, -0.1), 0.1),
        ("corner_right", 61, (0, -0.1), 0.1),
        ("mouth_width", 291, (0.1, 0), 0.1),
        ("mouth_gap", 14, (0, 0.1), 0.1),
        ("lids_left", 374, (0, 0.06), 0.02),
        ("lids_right", 145, (0, 0.06), 0.02),
        ("brows", 55, (0, -0.04), 0.01),
        ("iris_height", 468, (0, -0.04), 0.02),
        ("iris_spread", 473, (0.04, 0), 0.04),
    ],
)
def test_a_moved_landmark_moves_its_measure(
    points: np.ndarray, name: str, index: int, shift: tuple[float, float], change: float
) -> None:
    before, after = face_geometry(points), face_geometry(moved(points, index, *shift))
    assert after[name] - before[name] == pytest.approx(change, rel=0.15)


def test_size_place_and_roll_do_not_count(points: np.ndarray) -> None:
    matrix = cv2.getRotationMatrix2D((100, 50), 25, 1.7)
    other = np.c_[points[:, :2] @ matrix[:, :2].T + matrix[:, 2] + 30, points[:, 2]]
    assert face_geometry(other) == pytest.approx(face_geometry(points))


def test_the_mirrored_face_swaps_its_sides(points: np.ndarray) -> None:
    mirrored = points.copy()
    mirrored[:468] = points[:468][load_topology().mirror]
    mirrored[468:473], mirrored[473:478] = points[473:478], points[468:473]
    mirrored[:, 0] *= -1
    own, other = face_geometry(points), face_geometry(mirrored)
    assert other["corner_left"] == pytest.approx(own["corner_right"])
    assert other["lids_right"] == pytest.approx(own["lids_left"])
    assert other["mouth_width"] == pytest.approx(own["mouth_width"])


def test_the_same_picture_is_perfectly_like_itself() -> None:
    same = likeness(NOISE, NOISE, ALL)
    assert (same.psnr_db, same.detail, same.ssim) == pytest.approx((99, 1, 1))


def test_a_blurred_picture_has_lost_its_detail() -> None:
    assert likeness(cv2.GaussianBlur(NOISE, (0, 0), 3), NOISE, ALL).detail < 0.05


def test_detail_does_not_see_brightness() -> None:
    assert likeness(0.5 * NOISE + 0.3, 0.5 * NOISE, ALL).detail == pytest.approx(1, rel=1e-3)


def test_the_face_region_keeps_off_the_silhouette(astronaut_analysis: PortraitAnalysis) -> None:
    region = face_region(astronaut_analysis.regions)
    beyond = (astronaut_analysis.regions.person < 0.5).astype(np.uint8)
    assert 0.05 < region.mean() < 0.2
    assert not (region & (cv2.dilate(beyond, np.ones((9, 9), np.uint8)) > 0)).any()


def test_the_subject_is_like_its_photo(astronaut_subject: Subject, astronaut_analysis: PortraitAnalysis) -> None:
    found = source_likeness(astronaut_subject, astronaut_analysis.regions)
    assert found.psnr_db > 24 and found.ssim > 0.85 and 0.4 < found.detail < 1.6


def test_pictures_are_cut_to_the_rectangle_around_the_region() -> None:
    region = np.zeros((64, 64), bool)
    region[10:30, 5] = region[12, 5:50] = True

    view, photo = around(NOISE, NOISE[::-1], region)

    np.testing.assert_array_equal(view, NOISE[10:30, 5:50])
    np.testing.assert_array_equal(photo, NOISE[::-1][10:30, 5:50])
