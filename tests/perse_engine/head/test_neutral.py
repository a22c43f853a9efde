"""A smiling photo becomes a neutral face, and its smile an expression that gives the photo back."""

from __future__ import annotations

import numpy as np

from perse_engine.head.light import lit_texture
from perse_engine.head.mesh_raster import draw
from perse_engine.head.neutral import INNER_PAIRS
from perse_engine.head.shapes import shape_fields
from perse_engine.head.subject import Subject
from perse_engine.portrait.points import LIPS_OUTER
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Expression, Pose


def landmarks_m(subject: Subject, pose: Pose, expression: Expression) -> np.ndarray:
    return subject.look.rig.posed(pose, expression)[subject.landmark_vertices].astype(np.float64)


def lip_gap_mm(points: np.ndarray) -> float:
    return float(max(1000 * (points[u, 1] - points[low, 1]) for u, low in INNER_PAIRS))


def test_the_sample_smiles_and_is_neutral_without_its_expression(astronaut_subject: Subject) -> None:
    smile = astronaut_subject.source_expression
    assert smile["mouthSmileLeft"] > 0.5
    assert smile["mouthSmileRight"] > 0.5
    assert lip_gap_mm(landmarks_m(astronaut_subject, Pose(), smile)) > 4
    rest = landmarks_m(astronaut_subject, Pose(), Expression())
    assert lip_gap_mm(rest) < 0.6
    corners = (rest[61, 1] + rest[291, 1]) / 2
    assert abs(corners - (rest[13, 1] + rest[14, 1]) / 2) < 0.003


def test_the_source_expression_gives_the_photographed_mouth_back(
    astronaut_subject: Subject, astronaut_analysis: PortraitAnalysis
) -> None:
    look, camera = astronaut_subject.look, astronaut_subject.source_camera
    mouth = astronaut_analysis.landmarks[list(LIPS_OUTER), :2]
    (x0, y0), (x1, y1) = mouth.min(0).astype(int) - 8, mouth.max(0).astype(int) + 8
    photo = astronaut_subject.work_rgb[y0:y1, x0:x1].astype(np.float64)

    def error(expression: Expression) -> float:
        vertices = look.rig.posed(astronaut_subject.source_pose, expression)
        light = astronaut_subject.source_light
        texture = lit_texture(look, look.texture_for(expression), light, astronaut_subject.source_pose)
        drawn = draw(look, vertices, camera, texture).rgba[y0:y1, x0:x1, :3]
        return float(np.sqrt(((drawn - photo) ** 2).mean()))

    assert error(astronaut_subject.source_expression) < 8
    assert error(Expression()) > 20


def test_a_neutral_face_is_left_as_it_is(astronaut_subject: Subject) -> None:
    rest = 1000 * landmarks_m(astronaut_subject, Pose(), Expression())
    fields = shape_fields(rest[:478])
    assert max(fields.source.values(), default=0.0) < 0.35


def test_the_folds_of_the_smile_come_back_with_it(astronaut_subject: Subject) -> None:
    drivers = {blend.driver.name for blend in astronaut_subject.look.blends}
    assert {"foldRight", "foldLeft"} <= drivers
    rest, smiling = (astronaut_subject.look.texture_for(e) for e in (Expression(), astronaut_subject.source_expression))
    changed = np.abs(rest - smiling).max(-1)
    assert changed.max() > 0.02
    assert (changed > 0.01).mean() < 0.05
