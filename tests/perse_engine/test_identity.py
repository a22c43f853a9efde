"""A face recogniser of the user's own as the judge of whole pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing
from perse_engine.head.subject import Subject
from perse_engine.identity import VARIABLE, identity_of_this_machine
from perse_engine.pipeline import create_avatar
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Acceptance, Learned, Recipe
from perse_engine.synthesis.learned.acceptance import fit
from tests.perse_engine.evaluation.avatar.test_given_networks import mean_model
from tests.perse_engine.models.fixtures import cpu_tiny, tiny_store

__all__ = ["cpu_tiny", "tiny_store"]


@pytest.fixture
def recogniser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "recogniser.onnx"
    file.write_bytes(mean_model(112))
    monkeypatch.setenv(VARIABLE, str(file))
    return file


def test_without_a_file_nobody_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert identity_of_this_machine() is None


@pytest.mark.usefixtures("recogniser")
def test_faces_have_vectors_and_pictures_without_one_have_zeros(astronaut_subject: Subject) -> None:
    identity = identity_of_this_machine()
    assert identity is not None
    own, nobody = identity(astronaut_subject.work_rgb), identity(np.zeros((256, 256, 3), np.uint8))
    assert own.shape == nobody.shape == (3,) and own.any() and not nobody.any()


@pytest.mark.usefixtures("recogniser")
def test_a_picture_without_a_face_is_somebody_else(astronaut_subject: Subject) -> None:
    portrait = astronaut_subject.work_rgb
    noise = np.random.default_rng(0).integers(0, 256, portrait.shape, np.uint8)
    limits = replace(Acceptance.of_anything(), min_identity=0.5)
    fitted = fit(portrait, None, noise, np.ones(portrait.shape[:2]), 0, limits, identity_of_this_machine())
    assert fitted.verdict.reasons == ("identity 0.000 is below 0.5",)


@pytest.mark.usefixtures("cpu_tiny")
def test_a_recogniser_that_is_not_there_is_said_before_any_work(recogniser: Path, tmp_path: Path) -> None:
    recogniser.unlink()
    recipe = Recipe.of("preview", editor="diffusion", learned=Learned(memory="cpu-tiny"))
    with pytest.raises(BackendMissing, match=r"recogniser\.onnx"):
        create_avatar(b"not even a photo", recipe, tmp_path / "out", SilentProgress())
    assert not (tmp_path / "out").exists()
