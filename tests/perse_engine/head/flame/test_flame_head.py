"""A portrait's head by FLAME. What FLAME is asked here, the synthetic model can do: its expressions are our shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing, InvalidValue
from perse_engine.head.build import build_subject
from perse_engine.head.flame.fit import fit_flame
from perse_engine.head.flame.flame_head import Flame, FlameHead, flame_head, flame_of_this_machine
from perse_engine.head.flame.forward import FlamePoints
from perse_engine.head.flame.model import JOINTS
from perse_engine.head.head_frame import CAMERA_DISTANCE_MM, HeadFrame, head_frame
from perse_engine.head.storage import load_subject, save_subject
from perse_engine.head.subject import Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Expression, Gaze, Pose
from tests.perse_engine.head.flame.synthetic import Array


@pytest.fixture(scope="module")
def subject(astronaut_analysis: PortraitAnalysis, flame: Flame) -> Subject:
    return build_subject(astronaut_analysis, flame)


def seen_by_camera(flame: Flame, frame: HeadFrame, coefficients: Array, jaw: Array) -> HeadFrame:
    """The frame of a photo of FLAME itself, turned by 12 degrees."""
    rotations = np.zeros((5, 3))
    rotations[2] = jaw
    points = 1000 * flame.embedding.of(FlamePoints.of(flame.model).vertices(coefficients, rotations))
    yaw = np.radians(12)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    axes = (np.diag([1.0, -1, -1]) @ turn).T
    points = points - points[[33, 263, 133, 362]].mean(0)
    centre = np.array([5.0, -8, CAMERA_DISTANCE_MM])
    return replace(frame, landmarks=np.r_[points, np.zeros((10, 3))], axes=axes, centre=centre)


def test_a_photo_of_flame_itself_is_fitted(flame: Flame, astronaut_analysis: PortraitAnalysis) -> None:
    random = np.random.default_rng(2)
    coefficients = np.zeros(400)
    coefficients[:20] = random.normal(0, 0.8, 20)
    coefficients[300:310] = random.normal(0, 0.4, 10)
    frame = seen_by_camera(flame, head_frame(astronaut_analysis), coefficients, np.array([0.15, 0, 0]))

    fit = fit_flame(flame.model, flame.embedding, frame)

    vertices = FlamePoints.of(flame.model).vertices(fit.coefficients, fit.rotations())
    found = flame.embedding.of(vertices) @ fit.to_camera[:, :3].T + fit.to_camera[:, 3]
    expected = frame.landmarks[:468] @ frame.axes + frame.centre
    inner = np.abs(frame.landmarks[:468, 0]) < 45
    assert fit.misfit_px < 0.6
    assert np.abs(found - expected)[inner].mean() < 0.5


def test_a_face_that_flame_cannot_be_is_refused(flame: Flame, astronaut_analysis: PortraitAnalysis) -> None:
    frame = head_frame(astronaut_analysis)
    mangled = frame.landmarks * np.where(frame.landmarks[:, 1:2] > -40, [1.0, 1.0, 1.0], [1.9, 1.0, 1.0])

    with pytest.raises(InvalidValue, match="mm off the photo's"):
        fit_flame(flame.model, flame.embedding, replace(frame, landmarks=mangled))


def test_landmarks_of_the_portrait_are_met(head: FlameHead) -> None:
    assert head.fit.misfit_px < 2.5


def test_the_head_still_projects_onto_the_photos_landmarks(
    head: FlameHead, astronaut_analysis: PortraitAnalysis
) -> None:
    found = head.frame.project(head.frame.landmarks)[:, :2]

    np.testing.assert_allclose(found, astronaut_analysis.landmarks[:, :2], atol=1e-6)


def test_depths_are_flames(head: FlameHead, flame: Flame) -> None:
    fit = head.fit
    vertices = FlamePoints.of(flame.model).vertices(fit.coefficients, fit.rotations())
    expected = flame.embedding.of(vertices) @ fit.to_camera[:, :3].T + fit.to_camera[:, 3]

    np.testing.assert_allclose(head.frame.project(head.frame.landmarks)[:468, 2], expected[:, 2], atol=1e-6)


def test_every_arkit_shape_but_the_lids_is_found_in_a_model_that_has_them(head: FlameHead) -> None:
    assert set(head.expressions) >= {"jawOpen", "mouthSmileLeft", "browInnerUp", "mouthPucker", "noseSneerRight"}
    assert not [n for n in head.expressions if n.startswith(("eyeBlink", "eyeSquint", "eyeWide", "eyeLook"))]
    assert min(e.explained for e in head.expressions.values()) > 0.85


def test_the_jaw_opens_by_turning_the_jaws_joint(head: FlameHead) -> None:
    jaw = np.degrees(head.expressions["jawOpen"].jaw)

    assert 12 < jaw[0] < 22
    assert np.abs(jaw[1:]).max() < 2
    assert head.expressions["mouthSmileLeft"].jaw.any() == np.False_


def test_sides_are_told_apart(head: FlameHead) -> None:
    rig = head.rig
    smile = np.abs(rig.shapes[rig.shape_names.index("mouthSmileLeft")]).sum(1)
    on_left = rig.vertices[:, 0] > 0

    assert smile[on_left].sum() > 5 * smile[~on_left].sum()


def test_shapes_of_the_head_are_flames_motions(head: FlameHead, flame: Flame) -> None:
    own = head.rig.shapes[head.rig.shape_names.index("browInnerUp")].astype(np.float64)

    np.testing.assert_allclose(head.shapes.expressions["browInnerUp"], 1000 * flame.embedding.of(own), atol=1e-4)


def test_the_rig_of_flames_mesh_at_rest_is_the_fitted_neutral_head(head: FlameHead, flame: Flame) -> None:
    neutral = FlamePoints.of(flame.model).vertices(head.fit.identity, np.zeros((5, 3)))
    camera_mm = neutral @ head.fit.to_camera[:, :3].T + head.fit.to_camera[:, 3]
    in_head = (camera_mm - head.frame.centre) @ head.frame.axes.T

    np.testing.assert_allclose(head.rig.posed(Pose(), Expression()), head.frame.to_world(in_head), atol=1e-6)


def test_the_rig_at_a_shapes_full_weight_is_flame(head: FlameHead, flame: Flame) -> None:
    expression = head.expressions["jawOpen"]
    rotations = np.zeros((5, 3))
    rotations[JOINTS.index("jaw")] = expression.jaw
    whole = head.fit.identity + np.r_[np.zeros(300), expression.coefficients]
    moved = FlamePoints.of(flame.model).vertices(whole, rotations)
    camera_mm = moved @ head.fit.to_camera[:, :3].T + head.fit.to_camera[:, 3]
    expected = head.frame.to_world((camera_mm - head.frame.centre) @ head.frame.axes.T)

    np.testing.assert_allclose(head.rig.posed(Pose(), Expression({"jawOpen": 1.0})), expected, atol=1e-6)


def test_eyes_turn_about_flames_joints(head: FlameHead, flame: Flame) -> None:
    is_left_eye = flame.model.weights[:, JOINTS.index("eyeLeft")] > 0.99

    moved = head.rig.posed(Pose(gaze=Gaze(20, 0)), Expression()) - head.rig.vertices

    pivot = head.rig.bone_pivots[3]
    np.testing.assert_allclose(head.rig.vertices[is_left_eye].mean(0), pivot, atol=2e-3)
    assert np.linalg.norm(moved[is_left_eye], axis=1).max() > 3e-3
    assert np.abs(moved[flame.model.weights[:, JOINTS.index("eyeRight")] + is_left_eye < 0.01]).max() < 1e-6


def test_shapes_that_flame_cannot_make_stay_the_landmark_rigs(
    astronaut_analysis: PortraitAnalysis, flame: Flame
) -> None:
    # Expressions that move nothing: only the jaw's joint is left.
    still = flame.model.directions.copy()
    still[..., 300:] = 0
    poor = Flame(replace(flame.model, directions=still), flame.embedding)

    head = flame_head(astronaut_analysis, poor)

    assert set(head.taken) <= {"jawOpen", "jawLeft", "jawRight"}
    assert "jawOpen" in head.taken
    brow = head.shapes.expressions["browInnerUp"]
    assert np.linalg.norm(brow, axis=1).max() > 4


def test_a_subject_is_built_on_it(subject: Subject, astronaut_subject: Subject) -> None:
    assert subject.look.rig.shape_names == astronaut_subject.look.rig.shape_names
    assert len(subject.look.rig.vertices) == len(astronaut_subject.look.rig.vertices)
    moved = subject.look.rig.vertices - astronaut_subject.look.rig.vertices
    assert 1e-4 < np.abs(moved[subject.landmark_vertices]).max() < 0.02


def test_posed_as_in_the_photo_it_lies_on_the_photos_landmarks_as_well_as_the_landmark_rig(
    subject: Subject, astronaut_subject: Subject, astronaut_analysis: PortraitAnalysis
) -> None:
    def off_px(head: Subject) -> float:
        posed = head.look.rig.posed(head.source_pose, head.source_expression)
        found = head.source_camera.project(posed[head.landmark_vertices[:468]])[:, :2]
        return float(np.median(np.linalg.norm(found - astronaut_analysis.landmarks[:468, :2], axis=1)))

    # Subdivision smooths a little: not 0 in either.
    assert off_px(subject) < off_px(astronaut_subject) + 0.1


def test_what_flame_found_is_kept_with_the_subject(subject: Subject, head: FlameHead, tmp_path: Path) -> None:
    save_subject(subject, tmp_path)

    extras = load_subject(tmp_path).extras

    np.testing.assert_allclose(extras["flame.coefficients"], head.fit.coefficients, atol=1e-6)
    np.testing.assert_allclose(extras["flame.vertices"], head.rig.vertices, atol=1e-7)


def test_without_a_file_the_error_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERSE_FLAME_MODEL", raising=False)

    with pytest.raises(BackendMissing, match="--flame-model"):
        flame_of_this_machine()
