"""Which rig an avatar is built on: the recipe's word, the file that goes with it, and what is refused."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import BackendMissing, CorruptFile, InvalidValue
from perse_engine.head.flame.flame_head import Flame, flame_of_avatar
from perse_engine.model_commands import flame_of
from perse_engine.pipeline import begin_avatar, create_avatar
from perse_engine.progress import SilentProgress
from perse_engine.recipe import Recipe
from tests.perse_engine.head.flame.conftest import flame, flame_arrays, flame_model
from tests.perse_engine.head.flame.synthetic import Array

__all__ = ["flame", "flame_arrays", "flame_model"]

FLAME = Recipe.of("draft", categories=("hat",), rig="flame")


def options(rig: str, model: Path | None = None, landmarks: Path | None = None) -> Namespace:
    return Namespace(rig=rig, flame_model=model, flame_landmarks=landmarks)


@pytest.fixture(autouse=True)
def no_file_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERSE_FLAME_MODEL", raising=False)


def test_a_head_is_begun_on_flame_and_only_gone_on_with_the_same_file(
    astronaut_png: bytes, flame: Flame, tmp_path: Path
) -> None:
    subject, _ = begin_avatar(astronaut_png, FLAME, tmp_path, SilentProgress(), flame)
    again, _ = begin_avatar(astronaut_png, FLAME, tmp_path, SilentProgress(), flame)
    other = Flame(replace(flame.model, sha256="1" * 64), flame.embedding)

    report = json.loads((tmp_path / "work" / "subject" / "flame.json").read_text())
    assert report["sha256"] == flame.model.sha256
    assert 0 < report["misfit_px"] < 3
    np.testing.assert_array_equal(again.look.rig.vertices, subject.look.rig.vertices)
    with pytest.raises(InvalidValue, match="another FLAME file"):
        begin_avatar(astronaut_png, FLAME, tmp_path, SilentProgress(), other)


def test_without_a_file_nothing_is_begun(astronaut_png: bytes, tmp_path: Path) -> None:
    with pytest.raises(BackendMissing, match="No FLAME file"):
        create_avatar(astronaut_png, FLAME, tmp_path / "out", SilentProgress())
    assert not (tmp_path / "out").exists()


def test_a_file_for_the_landmark_rig_is_refused(astronaut_png: bytes, flame: Flame, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="takes no FLAME file"):
        create_avatar(astronaut_png, Recipe.of("draft"), tmp_path, SilentProgress(), flame=flame)


def test_a_trained_avatars_head_is_built_again_on_its_own_file_only(
    tmp_path: Path, flame_arrays: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "flame.npz"
    np.savez(file, **flame_arrays)  # type: ignore[arg-type]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()

    assert flame_of_avatar({"preset": "draft"}) is None
    with pytest.raises(BackendMissing, match="No FLAME file"):
        flame_of_avatar({"flame": {"sha256": digest}})
    monkeypatch.setenv("PERSE_FLAME_MODEL", str(file))
    found = flame_of_avatar({"flame": {"sha256": digest}})
    assert found is not None and found.model.sha256 == digest
    with pytest.raises(InvalidValue, match="another FLAME file"):
        flame_of_avatar({"flame": {"sha256": "1" * 64}})


def test_the_option_names_the_file(tmp_path: Path, flame_arrays: dict[str, Array], flame: Flame) -> None:
    file = tmp_path / "flame.npz"
    np.savez(file, **flame_arrays)  # type: ignore[arg-type]

    found = flame_of(options("flame", file))

    assert found is not None
    np.testing.assert_array_equal(found.embedding.vertices, flame.embedding.vertices)


def test_the_variable_names_the_file(
    tmp_path: Path, flame_arrays: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "flame.npz"
    np.savez(file, **flame_arrays)  # type: ignore[arg-type]
    monkeypatch.setenv("PERSE_FLAME_MODEL", str(file))

    assert flame_of(options("flame")) is not None


def test_the_landmark_rig_needs_none() -> None:
    assert flame_of(options("landmarks")) is None


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (options("landmarks", Path("flame.pkl")), InvalidValue),
        (options("flame", None, Path("landmarks.npz")), InvalidValue),
        (options("flame", Path("none.pkl")), BackendMissing),
        (options("flame"), BackendMissing),
        (options("flame", Path(__file__)), CorruptFile),
    ],
    ids=["another rig", "landmarks alone", "no such file", "no file", "no FLAME"],
)
def test_options_that_do_not_fit_are_refused(wrong: Namespace, error: type[Exception]) -> None:
    with pytest.raises(error):
        flame_of(wrong)
