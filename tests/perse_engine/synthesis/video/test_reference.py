"""The picture that a video model goes by: in the right camera, at the right place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from perse_engine.head.photo_light import in_even_light
from perse_engine.head.subject import Subject
from perse_engine.look import Look
from perse_engine.scene import Camera
from perse_engine.synthesis.learned.acceptance import Verdict
from perse_engine.synthesis.learned.edits import EditFolder, Outcome
from perse_engine.synthesis.learned.paste import transformed
from perse_engine.synthesis.procedural import ProceduralEditor
from perse_engine.synthesis.video.backdrop import BACKDROP
from perse_engine.synthesis.video.reference import photo_to_camera, reference_picture, warped_to

CLIP = Camera.orbit(width_px=256, height_px=256)


def test_the_photo_s_landmarks_come_to_where_the_clip_s_camera_sees_them(astronaut_subject: Subject) -> None:
    subject = astronaut_subject
    posed = subject.look.rig.posed(subject.source_pose, subject.source_expression)[subject.landmark_vertices]
    matrix = photo_to_camera(subject, CLIP)
    there = transformed(subject.source_camera.project(posed)[:, :2].astype(np.float64), matrix)
    eyes = np.linalg.norm(there[33] - there[263])
    assert np.linalg.norm(there - CLIP.project(posed)[:, :2], axis=1).mean() < 0.05 * eyes


def test_a_pixel_goes_where_the_similarity_says() -> None:
    picture = np.full((200, 200, 3), BACKDROP, np.uint8)
    picture[99:102, 59:62] = 0
    matrix = np.array([[0.5, 0.0, 10.0], [0.0, 0.5, 20.0]])
    moved = warped_to(picture, matrix, Camera.orbit(width_px=128, height_px=128))
    dark = (BACKDROP - moved[..., 0].astype(float)).clip(0)
    rows, columns = np.mgrid[:128, :128] + 0.5
    centre = np.array([(columns * dark).sum(), (rows * dark).sum()]) / dark.sum()
    np.testing.assert_allclose(centre, transformed(np.array([[60.5, 100.5]]), matrix)[0], atol=0.05)


def test_the_source_look_is_the_portrait_over_the_backdrop(astronaut_subject: Subject, tmp_path: Path) -> None:
    subject = astronaut_subject
    made = reference_picture(subject, Look(), subject.look, tmp_path, subject.source_camera)
    inside = subject.work_person > 0.99
    assert np.abs(made[inside].astype(int) - in_even_light(subject, subject.work_rgb)[inside]).mean() < 2
    assert made[0, 0].tolist() == [BACKDROP] * 3 or subject.work_person[0, 0] > 0.01


def test_an_accepted_picture_is_taken_before_the_rig_s(astronaut_subject: Subject, tmp_path: Path) -> None:
    subject, look = astronaut_subject, Look({"skin": {"tanned": 1.0}})
    dressed = ProceduralEditor().dress(subject, look)
    green = np.zeros_like(subject.work_rgb)
    green[..., 1] = 255
    EditFolder(tmp_path).write(
        Outcome("skin", "tanned", "", "geometry", (Verdict(0, (), {}),)), green, np.ones(green.shape[:2])
    )
    face = (slice(120, 140), slice(120, 136))
    by_rig = reference_picture(subject, look, dressed, tmp_path / "none", CLIP)[face]
    by_editor = reference_picture(subject, look, dressed, tmp_path, CLIP)[face]
    assert by_editor.reshape(-1, 3).mean(0)[1] > 240 and by_rig.reshape(-1, 3).mean(0)[1] < 200
    half = Look({"skin": {"tanned": 0.5}})
    assert reference_picture(subject, half, dressed, tmp_path, CLIP)[face].reshape(-1, 3).mean(0)[1] < 200
