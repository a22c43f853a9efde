"""The sample portrait's head: sound, rigged as documented, and the photo when seen as it was photographed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import CorruptFile, InvalidValue
from perse_engine.evaluation.pictures import psnr_db
from perse_engine.head.atlas import signed_area
from perse_engine.head.light import lit_texture
from perse_engine.head.mesh_raster import draw
from perse_engine.head.rig import BONES, Rig
from perse_engine.head.storage import load_subject, save_subject
from perse_engine.head.subject import PARTS, ExpressionDriver, Subject
from perse_engine.portrait.portrait import PortraitAnalysis
from perse_engine.scene import Camera, Expression, Gaze, Pose
from perse_engine.vocabulary import ARKIT_NAMES, EYE_LOOK_NAMES, REGION_LABELS

CHIN, NOSE_TIP = 152, 4
RIGHT_CORNER, LEFT_CORNER = 61, 291
RIGHT_IRIS, LEFT_IRIS = 468, 473


def moved(subject: Subject, pose: Pose, expression: Expression, landmark: int) -> np.ndarray:
    """How far a landmark goes from rest, metres."""
    rig, vertex = subject.look.rig, subject.landmark_vertices[landmark]
    return np.asarray(rig.posed(pose, expression)[vertex] - rig.vertices[vertex])


@pytest.mark.parametrize("part", ["face", "scalp"])
def test_no_triangle_is_folded_in_the_atlas(part: str, astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    area = signed_area(look.uv, look.faces[look.face_part == PARTS.index(part)])
    assert len(area) > 1000
    assert (area < 0).all() or (area > 0).all()


def test_every_part_but_added_surface_is_there(astronaut_subject: Subject) -> None:
    parts = {PARTS[i] for i in np.unique(astronaut_subject.look.face_part)}
    assert parts == set(PARTS) - {"added", "eyeglasses"}


def test_the_shapes_are_arkits_expressions_without_sideways_gaze(astronaut_subject: Subject) -> None:
    sideways = {n for n in EYE_LOOK_NAMES if "In" in n or "Out" in n}
    assert set(astronaut_subject.look.rig.shape_names) == set(ARKIT_NAMES) - sideways


def test_every_shape_moves_something_and_nothing_by_more_than_4_cm(astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    for name, shape in zip(rig.shape_names, rig.shapes, strict=True):
        assert 0.0005 < np.linalg.norm(shape, axis=1).max() < 0.04, name


def test_triangles_name_vertices_that_exist(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    assert look.faces.min() >= 0
    assert look.faces.max() < len(look.rig.vertices)


def test_bone_weights_sum_to_1_and_are_not_negative(astronaut_subject: Subject) -> None:
    weights = astronaut_subject.look.rig.bone_weights
    assert weights.min() >= 0
    assert np.allclose(weights.sum(1), 1, atol=1e-5)


def test_texture_coordinates_lie_on_the_texture(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    height, width = look.labels.shape
    assert look.uv.min() >= 0
    assert (look.uv <= (width, height)).all()
    assert set(np.unique(look.labels)) <= set(REGION_LABELS.values())


def test_the_world_starts_between_the_eyes_and_the_left_eye_is_at_plus_x(astronaut_subject: Subject) -> None:
    eyes = astronaut_subject.look.rig.vertices[astronaut_subject.landmark_vertices[[RIGHT_IRIS, LEFT_IRIS]]]
    assert eyes[0, 0] < 0 < eyes[1, 0]
    assert np.linalg.norm(eyes.mean(0)) < 0.012
    assert np.linalg.norm(eyes[1] - eyes[0]) == pytest.approx(0.063, abs=0.002)


def test_the_nose_points_along_plus_z(astronaut_subject: Subject) -> None:
    vertices = astronaut_subject.look.rig.vertices
    assert vertices[astronaut_subject.landmark_vertices[NOSE_TIP], 2] > 0.01


def test_the_source_view_is_the_photo(astronaut_subject: Subject, astronaut_analysis: PortraitAnalysis) -> None:
    subject = astronaut_subject
    vertices = subject.look.rig.posed(subject.source_pose, subject.source_expression)
    texture = lit_texture(subject.look, subject.look.texture, subject.source_light, subject.source_pose)
    rgba = draw(subject.look, vertices, subject.source_camera, texture).rgba
    # The oval reaches over the silhouette, where there is background.
    face = (astronaut_analysis.regions.face_oval > 0.9) & (rgba[..., 3] == 255)
    assert face.mean() > 0.05
    assert psnr_db(rgba[..., :3] / 255.0, subject.work_rgb / 255.0, face) >= 27


def test_jaw_open_lowers_the_chin_and_leaves_the_nose(astronaut_subject: Subject) -> None:
    expression = Expression({"jawOpen": 1.0})
    assert moved(astronaut_subject, Pose(), expression, CHIN)[1] < -0.01
    assert np.abs(moved(astronaut_subject, Pose(), expression, NOSE_TIP)).max() < 0.001


def test_a_left_smile_raises_the_left_corner_and_keeps_the_right(astronaut_subject: Subject) -> None:
    smile = Expression({"mouthSmileLeft": 1.0})
    left = moved(astronaut_subject, Pose(), smile, LEFT_CORNER)
    assert left[0] > 0.001
    assert left[1] > 0.001
    assert np.abs(moved(astronaut_subject, Pose(), smile, RIGHT_CORNER)).max() < 0.0005


@pytest.mark.parametrize("name", ["mouthSmile", "eyeBlink", "browDown", "mouthFrown", "noseSneer"])
def test_sided_shapes_move_their_own_side_most(name: str, astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    for side, sign in (("Left", 1), ("Right", -1)):
        length = np.linalg.norm(rig.shapes[rig.shape_names.index(name + side)], axis=1)
        place = (rig.vertices[:, 0] * length).sum() / length.sum()
        assert sign * place > 0.008, side


def test_a_blink_brings_the_lids_together(astronaut_subject: Subject) -> None:
    rig, marks = astronaut_subject.look.rig, astronaut_subject.landmark_vertices
    closed = rig.posed(Pose(), Expression({"eyeBlinkRight": 1.0}))
    gap = np.linalg.norm(closed[marks[159]] - closed[marks[145]])
    assert gap < 0.4 * np.linalg.norm(rig.vertices[marks[159]] - rig.vertices[marks[145]])


def test_gaze_to_the_left_turns_both_irises_to_plus_x(astronaut_subject: Subject) -> None:
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        assert moved(astronaut_subject, Pose(gaze=Gaze(20, 0)), Expression(), iris)[0] > 0.002


def test_gaze_upwards_raises_both_irises(astronaut_subject: Subject) -> None:
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        assert moved(astronaut_subject, Pose(gaze=Gaze(0, 20)), Expression(), iris)[1] > 0.002


def test_gaze_leaves_the_face_alone(astronaut_subject: Subject) -> None:
    assert np.abs(moved(astronaut_subject, Pose(gaze=Gaze(20, 10)), Expression(), NOSE_TIP)).max() < 1e-5


@pytest.mark.parametrize(("upper", "lower", "eye"), [(159, 145, "Right"), (386, 374, "Left")])
def test_lids_follow_the_eye_whether_pose_or_expression_turns_it(
    astronaut_subject: Subject, upper: int, lower: int, eye: str
) -> None:
    down = moved(astronaut_subject, Pose(gaze=Gaze(0, -20)), Expression(), upper)
    assert -0.005 < down[1] < -0.002
    assert down[1] < moved(astronaut_subject, Pose(gaze=Gaze(0, -20)), Expression(), lower)[1]
    assert moved(astronaut_subject, Pose(gaze=Gaze(0, 20)), Expression(), upper)[1] > 0.001
    other = Expression({f"eyeLookDown{eye}": 0.8})
    assert moved(astronaut_subject, Pose(), other, upper)[1] < -0.002


def test_eye_look_expressions_turn_the_eyes_as_gaze_does(astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    looked = rig.posed(Pose(), Expression({"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}))
    assert np.allclose(looked, rig.posed(Pose(gaze=Gaze(17.5, 0)), Expression()), atol=1e-6)


def test_turning_the_head_left_moves_the_nose_to_plus_x(astronaut_subject: Subject) -> None:
    assert moved(astronaut_subject, Pose(20), Expression(), NOSE_TIP)[0] > 0.02


def test_the_lower_torso_stays_when_the_head_turns(astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    still = rig.bone_weights[:, BONES.index("torso")] == 1
    assert still.sum() > 100
    assert np.allclose(rig.posed(Pose(30, 10, 5), Expression())[still], rig.vertices[still], atol=1e-6)


def test_the_rest_pose_is_the_rest(astronaut_subject: Subject) -> None:
    rig = astronaut_subject.look.rig
    assert np.allclose(rig.posed(Pose(), Expression()), rig.vertices, atol=1e-6)


def test_texel_maps_lie_in_0_to_1(astronaut_subject: Subject) -> None:
    for name, values in astronaut_subject.texel_maps.items():
        assert values.min() >= 0, name
        assert values.max() <= 1 + 1e-3, name


def test_a_neutral_expression_keeps_the_resting_texture(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    assert look.texture_for(Expression()) is look.texture


def test_a_blink_paints_the_lid_and_only_there(astronaut_subject: Subject) -> None:
    look = astronaut_subject.look
    blend = next(b for b in look.blends if b.driver.name == "lidRight")
    changed = (look.texture_for(Expression({"eyeBlinkRight": 1.0})) != look.texture).any(-1)
    h, w = blend.mask.shape
    assert changed[blend.y : blend.y + h, blend.x : blend.x + w].any()
    changed[blend.y : blend.y + h, blend.x : blend.x + w] = False
    assert not changed.any()


def test_a_driver_rises_smoothly_between_low_and_high() -> None:
    driver = ExpressionDriver("lips", {"jawOpen": 2.0, "mouthClose": -1.0}, low=0.5, high=1.5)
    values = [driver.value(Expression({"jawOpen": w})) for w in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert values == pytest.approx([0, 0, 0.5, 1, 1])
    assert driver.value(Expression({"jawOpen": 0.75, "mouthClose": 1.0})) == 0


def test_a_saved_subject_loads_the_same(astronaut_subject: Subject, tmp_path: Path) -> None:
    save_subject(astronaut_subject, tmp_path)
    loaded, camera = load_subject(tmp_path), Camera.orbit(15, 5, width_px=48, height_px=48)
    pose, expression = Pose(10, 5, 2, Gaze(5, 3)), Expression({"jawOpen": 0.4, "eyeBlinkLeft": 1.0})
    pictures = [
        draw(s.look, s.look.rig.posed(pose, expression), camera, s.look.texture_for(expression))
        for s in (astronaut_subject, loaded)
    ]
    assert np.array_equal(pictures[0].rgba, pictures[1].rgba)
    assert np.array_equal(pictures[0].labels, pictures[1].labels)
    assert loaded.source_pose == astronaut_subject.source_pose
    assert loaded.measures == astronaut_subject.measures
    for name, values in astronaut_subject.texel_maps.items():
        assert np.array_equal(loaded.texel_maps[name], values)


def test_a_subject_that_was_never_saved_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile):
        load_subject(tmp_path)


def test_a_damaged_subject_is_corrupt(astronaut_subject: Subject, tmp_path: Path) -> None:
    save_subject(astronaut_subject, tmp_path)
    (tmp_path / "subject.safetensors").write_bytes(b"\x08")
    with pytest.raises(CorruptFile):
        load_subject(tmp_path)


def test_a_rig_whose_arrays_do_not_fit_is_refused() -> None:
    with pytest.raises(InvalidValue, match="shapes"):
        Rig(
            np.zeros((3, 3), np.float32), ("jawOpen",), np.zeros((1, 2, 3), np.float32),
            np.zeros((4, 3), np.float32), np.zeros((3, 4), np.float32),
        )  # fmt: skip
