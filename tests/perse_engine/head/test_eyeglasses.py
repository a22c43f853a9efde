"""Eyeglasses of the photo are an object: before the face, rigid, in the photo's colours, and off the skin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from perse_engine.evaluation.subject.judge import source_picture
from perse_engine.head.build import build_subject
from perse_engine.head.storage import load_subject, save_subject
from perse_engine.head.subject import PARTS, Subject
from perse_engine.head.tubes import AWAY
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Expression, Pose

Array = npt.NDArray[Any]


def _frame(subject: Subject) -> Array:
    """The vertices of the eyeglasses."""
    look = subject.look
    return np.unique(look.faces[look.face_part == PARTS.index("eyeglasses")])


def test_a_face_without_eyeglasses_has_none(astronaut_subject: Subject) -> None:
    assert not len(_frame(astronaut_subject))
    assert AWAY not in astronaut_subject.edit_shapes


def test_the_photographed_view_shows_the_frame(
    spectacled_subject: Subject, spectacled_analysis: PortraitAnalysis
) -> None:
    assert spectacled_analysis.eyewear is not None
    photo, shown = spectacled_analysis.work_rgb.astype(int), source_picture(spectacled_subject).astype(int)
    for rim in spectacled_analysis.eyewear.rims:
        x, y = rim.px.astype(int).T
        assert np.abs(photo[y, x] - shown[y, x]).mean() < 15
        assert photo[y, x].mean() < 70


def test_the_skin_below_has_no_frame(spectacled_analysis: PortraitAnalysis, spectacled_subject: Subject) -> None:
    painted = build_subject(replace(spectacled_analysis, eyewear=None))
    assert _dark_skin(spectacled_subject) < 0.2 * _dark_skin(painted)


def _dark_skin(subject: Subject) -> int:
    """Texels of the face's skin that are as dark as a black frame."""
    skin = (subject.texel_maps["face"] > 0.9) & (subject.texel_maps["skin"] > 0.9) & (subject.texel_maps["eyes"] < 0.1)
    side = len(skin)
    return int((skin & (subject.look.texture[:side, :side, :3].mean(-1) < 0.25)).sum())


def test_the_frame_stands_before_the_eyes_and_reaches_the_ears(spectacled_subject: Subject) -> None:
    look = spectacled_subject.look
    frame = look.rig.vertices[_frame(spectacled_subject)]
    ears = look.rig.vertices[np.unique(look.faces[look.face_part == PARTS.index("ears")])]
    front = frame[frame[:, 2] > np.quantile(frame[:, 2], 0.7)]
    eye = spectacled_subject.landmark(159)
    assert front[:, 2].min() > eye[2] + 0.004
    assert abs(frame[:, 2].min() - ears[:, 2].mean()) < 0.03


def test_expressions_leave_the_frame_where_it_is(spectacled_subject: Subject) -> None:
    rig, frame = spectacled_subject.look.rig, _frame(spectacled_subject)
    smiling = rig.posed(Pose(), Expression({"eyeBlinkLeft": 1.0, "mouthSmileLeft": 1.0, "jawOpen": 1.0}))
    assert np.allclose(smiling[frame], rig.vertices[frame], atol=1e-6)


def test_away_thins_every_tube_to_a_line(spectacled_subject: Subject) -> None:
    look, frame = spectacled_subject.look, _frame(spectacled_subject)
    away = spectacled_subject.edit_shapes[AWAY]
    gone = look.rig.vertices + away
    faces = look.faces[look.face_part == PARTS.index("eyeglasses")]

    def area(points: Array) -> float:
        a, b, c = (points[faces[:, k]] for k in range(3))
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())

    assert area(gone) < 1e-3 * area(look.rig.vertices)
    assert not np.delete(away, frame, 0).any()


def test_it_comes_back_from_disk(spectacled_subject: Subject, tmp_path: Path) -> None:
    save_subject(spectacled_subject, tmp_path)
    loaded = load_subject(tmp_path)
    assert (loaded.look.face_part == spectacled_subject.look.face_part).all()
    assert (loaded.edit_shapes[AWAY] == spectacled_subject.edit_shapes[AWAY]).all()
