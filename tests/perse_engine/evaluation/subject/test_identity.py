"""Identity with a stand-in recogniser, and the error without a real one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing
from perse_engine.evaluation.subject.identity import (
    CROP_PX,
    TEMPLATE,
    VIEWS,
    OnnxEmbedder,
    cosine_distance,
    face_crop,
    identity_distances,
)
from perse_engine.head.subject import Subject
from perse_engine.portrait.landmarks import face_models
from perse_engine.portrait.portrait import PortraitAnalysis


class Pixels:
    """Calls two crops alike if their blurred pixels are."""

    def embed(self, rgb: np.ndarray) -> np.ndarray:
        blocks = rgb.astype(np.float32).reshape(14, 8, 14, 8, 3).mean((1, 3))
        return np.asarray(blocks - blocks.mean((0, 1))).ravel()


def test_the_crop_puts_the_face_where_recognisers_expect_it(astronaut_analysis: PortraitAnalysis) -> None:
    crop = face_crop(astronaut_analysis.work_rgb)
    assert crop is not None and crop.shape == (CROP_PX, CROP_PX, 3)
    points = face_models().landmarks(np.repeat(np.repeat(crop, 4, 0), 4, 1))
    assert points is not None
    assert points[[61, 291], :2] / 4 == pytest.approx(TEMPLATE[3:], abs=6)


def test_the_front_is_nearer_to_the_photo_than_the_side(astronaut_subject: Subject) -> None:
    found = identity_distances(astronaut_subject, Pixels())
    assert len(found) == len(VIEWS)
    front, side = found["yaw 0 pitch 0"], found["yaw 30 pitch 0"]
    assert front is not None and side is not None and 0 <= front < side


def test_a_picture_without_a_face_has_no_crop() -> None:
    assert face_crop(np.full((128, 128, 3), 127, np.uint8)) is None


def test_distances_of_known_directions() -> None:
    a = np.array([1.0, 0.0])
    assert [cosine_distance(a, b) for b in (3 * a, a[::-1], -a)] == pytest.approx([0, 1, 2])


def test_without_onnxruntime_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendMissing, match="onnxruntime"):
        OnnxEmbedder(Path("model.onnx"))
