"""Frames are found where they are, and nothing is taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from perse_engine.evaluation.subject.painted import dressed
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.portrait.eyewear import Eyewear
from perse_engine.portrait.find_eyewear import find_eyewear
from perse_engine.portrait.landmarks import face_models
from perse_engine.portrait.portrait import PortraitAnalysis


def _found(subject: Subject, look: Look) -> Eyewear | None:
    picture = dressed(subject, look)
    landmarks = face_models().landmarks(picture)
    assert landmarks is not None
    return find_eyewear(picture, landmarks)


@pytest.mark.parametrize("id", ["oval-silver-thin", "round-gold", "square-black-thick", "cat-eye-red-thick"])
def test_thin_thick_and_coloured_frames_are_found(id: str, astronaut_subject: Subject) -> None:
    found = _found(astronaut_subject, Look({"eyeglasses": {id: 1}}))
    assert found is not None
    assert len(found.bridges) == 1


@pytest.mark.parametrize("look", [{}, {"eyebrows": {"thick-dark": 1}}, {"skin": {"smoky-makeup": 1}}])
def test_brows_and_lids_are_no_frame(look: dict[str, dict[str, float]], astronaut_subject: Subject) -> None:
    assert _found(astronaut_subject, Look(look)) is None


def test_sunglasses_are_left_alone(astronaut_subject: Subject) -> None:
    assert _found(astronaut_subject, Look({"eyeglasses": {"square-dark": 1}})) is None


def test_rims_cover_the_pixels_that_the_frame_changed(
    astronaut_subject: Subject, spectacled_analysis: PortraitAnalysis
) -> None:
    plain, worn = (dressed(astronaut_subject, look) for look in (Look(), Look({"eyeglasses": {"round-black": 1.0}})))
    back = cv2.invertAffineTransform(spectacled_analysis.work_from_portrait.astype(np.float64))
    is_dark = np.abs(worn.astype(int) - plain).max(-1) > 60
    assert spectacled_analysis.eyewear is not None
    for rim in spectacled_analysis.eyewear.rims:
        x, y = (rim.px @ back[:, :2].T + back[:, 2]).astype(int).T
        assert is_dark[y, x].mean() > 0.95


def test_what_was_found_is_no_warning(spectacled_analysis: PortraitAnalysis) -> None:
    assert "eyeglasses" not in {w.code for w in spectacled_analysis.warnings}
