"""The landmark model as a judge: what it says of the sample portrait."""

from __future__ import annotations

import numpy as np
import pytest

from perse_engine.evaluation.face_measures import FaceMeasures, measure_face
from perse_engine.portrait.portrait import PortraitAnalysis


@pytest.fixture(scope="module")
def measures(astronaut_analysis: PortraitAnalysis) -> FaceMeasures:
    found = measure_face(astronaut_analysis.work_rgb)
    assert found is not None
    return found


def test_the_pose_agrees_with_the_analysis(measures: FaceMeasures, astronaut_analysis: PortraitAnalysis) -> None:
    pose = (measures.yaw_deg, measures.pitch_deg, measures.roll_deg)
    assert pose == pytest.approx(astronaut_analysis.head_pose_deg, abs=4)


def test_the_sample_smiles_with_open_eyes(measures: FaceMeasures) -> None:
    assert measures.mouth_corners > 0.02
    assert measures.mouth_open > 0.02
    assert min(measures.eye_left, measures.eye_right) > 0.05


def test_the_brows_are_above_the_eyes(measures: FaceMeasures) -> None:
    assert measures.brow_inner > 0.05


def test_the_irises_are_between_the_corners_of_the_eyes(measures: FaceMeasures) -> None:
    assert 0.3 < measures.iris_x < 0.7


def test_the_mirrored_picture_looks_and_turns_the_other_way(
    measures: FaceMeasures, astronaut_analysis: PortraitAnalysis
) -> None:
    mirrored = measure_face(astronaut_analysis.work_rgb[:, ::-1])
    assert mirrored is not None
    assert mirrored.roll_deg == pytest.approx(-measures.roll_deg, abs=2)
    assert mirrored.iris_x == pytest.approx(1 - measures.iris_x, abs=0.06)


def test_lengths_do_not_depend_on_the_pictures_size(
    measures: FaceMeasures, astronaut_analysis: PortraitAnalysis
) -> None:
    half = measure_face(astronaut_analysis.work_rgb[::2, ::2])
    assert half is not None
    assert half.mouth_open == pytest.approx(measures.mouth_open, abs=0.03)


def test_a_blank_picture_has_no_measures() -> None:
    assert measure_face(np.full((128, 128, 3), 127, np.uint8)) is None
