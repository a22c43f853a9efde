"""What is written of a dataset reads back the same."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perse_engine.errors import CorruptFile
from perse_engine.look import Look
from perse_engine.scene import Camera, Expression, FloatArray, Gaze, Pose
from perse_engine.synthesis.dataset import AddedSurface, Clip, Frame, HeadSurface
from perse_engine.synthesis.storage import (
    clip_from_json,
    clip_to_json,
    frame_from_json,
    frame_to_json,
    open_dataset,
    read_head,
    read_surface,
    write_head,
    write_surface,
)
from perse_engine.vocabulary import ARKIT_NAMES, CATEGORIES

ANGLE = st.floats(-89, 89)
WEIGHT = st.floats(0, 1)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    return Frame(
        index=draw(st.integers(0, 9999)),
        pose=Pose(draw(ANGLE), draw(ANGLE), draw(ANGLE), Gaze(draw(ANGLE), draw(ANGLE))),
        expression=Expression(draw(st.dictionaries(st.sampled_from(ARKIT_NAMES), WEIGHT, max_size=4))),
        camera=Camera.orbit(draw(ANGLE), draw(ANGLE), width_px=draw(st.integers(1, 2048))),
        split=draw(st.sampled_from(["train", "heldout"])),
        valid=draw(st.booleans()),
        confidence=draw(WEIGHT),
    )


@st.composite
def clips(draw: st.DrawFn) -> Clip:
    look = Look({draw(st.sampled_from(CATEGORIES)): {"some-variant": draw(WEIGHT)}})
    return Clip(
        draw(st.text(min_size=1, max_size=30)),
        draw(st.sampled_from(["source", "variant", "between", "mix"])),
        look,
        tuple(draw(st.lists(st.integers(0, 9999), unique=True).map(sorted))),
        draw(st.sampled_from(["train", "heldout"])),
    )


@given(frames())
def test_a_frames_json_round_trips(frame: Frame) -> None:
    back = frame_from_json(json.loads(json.dumps(frame_to_json(frame))))
    assert np.array_equal(back.camera.world_to_cam, frame.camera.world_to_cam)
    assert replace(back, camera=frame.camera) == frame
    assert asdict(back.camera).keys() == asdict(frame.camera).keys()


@given(clips())
def test_a_clips_json_round_trips(clip: Clip) -> None:
    assert clip_from_json(json.loads(json.dumps(clip_to_json(clip)))) == clip


def test_a_camera_matrix_of_another_shape_is_refused() -> None:
    line = frame_to_json(Frame(0, Pose(), Expression(), Camera.orbit(), "train"))
    line["camera"]["world_to_cam"] = [[1.0, 0.0], [0.0, 1.0]]  # type: ignore[index]
    with pytest.raises(CorruptFile, match="world_to_cam"):
        frame_from_json(line)


def test_an_added_surface_reads_back_the_same(tmp_path: Path) -> None:
    points = np.arange(6, dtype=np.float32).reshape(2, 3)
    surface = AddedSurface(
        points,
        points,
        points,
        points[:, 0].copy(),
        np.eye(4, dtype=np.float32)[:2],
        points + 1,
        np.stack([points + k for k in range(3)], 1),
        points + 4,
        points[:, :2] + 5,
        np.stack([points[:, :2] + k for k in range(3)], 1),
        points[:, 1].copy(),
        np.stack([points, points + 3], 1),
        np.array([0, 1], np.uint16),
        np.array([7, 7], np.uint32),
        np.array([True, False]),
        np.stack([points - 1, points - 2], 1),
        ("a", "b"),
        ("hat/beanie", "hat/cap"),
    )
    write_surface(tmp_path, "hat", surface)
    back = read_surface(tmp_path, "hat")
    assert back is not None
    assert back.variants == ("a", "b")
    assert back.pushers == ("hat/beanie", "hat/cap")
    assert np.array_equal(back.points, surface.points)
    for name in AddedSurface.arrays():
        assert np.array_equal(getattr(back, name), getattr(surface, name))


def test_a_category_without_added_surface_has_none(tmp_path: Path) -> None:
    assert read_surface(tmp_path, "hat") is None


def test_a_damaged_surface_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "surfaces").mkdir()
    (tmp_path / "surfaces" / "hat.safetensors").write_bytes(b"not tensors")
    with pytest.raises(CorruptFile):
        read_surface(tmp_path, "hat")


def test_a_head_is_read_back(tmp_path: Path) -> None:
    head = HeadSurface(
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.ones((2, 2), np.float32),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    )
    write_head(tmp_path, "hat/beanie", head)
    back = read_head(tmp_path, "hat/beanie")
    assert back is not None
    assert all(np.array_equal(getattr(back, f.name), getattr(head, f.name)) for f in fields(HeadSurface))
    assert read_head(tmp_path, "hat/cap") is None


def test_what_a_head_hides_is_read_back(tmp_path: Path) -> None:
    hides = np.arange(6, dtype=np.uint8).reshape(2, 3)
    head = HeadSurface(
        np.zeros((2, 3), np.float32), np.ones((2, 2), np.float32), np.zeros((2, 3, 4), np.uint8), hides=hides
    )
    write_head(tmp_path, "beard/full", head)
    back = read_head(tmp_path, "beard/full")
    assert back is not None and back.hides is not None and np.array_equal(back.hides, hides)


def test_what_a_head_hides_is_as_large_as_its_texture(tmp_path: Path) -> None:
    hides = np.zeros((3, 3), np.uint8)
    head = HeadSurface(
        np.zeros((2, 3), np.float32), np.ones((2, 2), np.float32), np.zeros((2, 3, 4), np.uint8), hides=hides
    )
    write_head(tmp_path, "beard/full", head)
    with pytest.raises(CorruptFile, match="unexpected shapes"):
        read_head(tmp_path, "beard/full")


@pytest.mark.parametrize("vertices", [np.zeros((2, 2), np.float32), np.zeros((3, 3), np.float32)])
def test_a_head_of_other_shapes_is_corrupt(vertices: FloatArray, tmp_path: Path) -> None:
    write_head(tmp_path, "source", HeadSurface(vertices, np.zeros((2, 2), np.float32), np.zeros((2, 2, 4), np.uint8)))
    with pytest.raises(CorruptFile, match="unexpected shapes"):
        read_head(tmp_path, "source")


def test_a_damaged_head_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / "source.safetensors").write_bytes(b"not tensors")
    with pytest.raises(CorruptFile):
        read_head(tmp_path, "source")


def test_an_empty_folder_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(CorruptFile, match=r"dataset\.json"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 99}'])
def test_an_unreadable_description_is_corrupt(text: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(text)
    (tmp_path / "frames.jsonl").write_text("")
    with pytest.raises(CorruptFile):
        open_dataset(tmp_path)
