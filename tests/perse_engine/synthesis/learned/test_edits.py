"""Edits on disk: whole or not at all, and what is read is what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perse_engine.errors import CorruptFile
from perse_engine.synthesis.learned.acceptance import Verdict
from perse_engine.synthesis.learned.edits import EditFolder, Outcome, between_name

GOOD = Verdict(4, (), {"drift": 0.01})
BAD = Verdict(3, ("drift 0.200 is above 0.08",), {"drift": 0.2})


def outcome(*verdicts: Verdict) -> Outcome:
    return Outcome("hat", "beanie-grey", "a hat", "geometry", verdicts)


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)


def test_an_accepted_edit_is_read_back(tmp_path: Path, picture: np.ndarray) -> None:
    folder, mask = EditFolder(tmp_path), np.linspace(0, 1, 32 * 32).reshape(32, 32)
    folder.write(outcome(BAD, GOOD), picture, mask)
    assert folder.outcome("hat", "beanie-grey") == outcome(BAD, GOOD)
    assert np.array_equal(folder.picture("hat", "beanie-grey"), picture)  # type: ignore[arg-type]
    read = folder.mask("hat", "beanie-grey")
    assert np.abs(read - mask).max() <= 1 / 255 and np.array_equal(read == 0, mask == 0)


def test_a_rejected_edit_has_no_picture_but_one_to_look_at(tmp_path: Path, picture: np.ndarray) -> None:
    folder = EditFolder(tmp_path)
    folder.write(outcome(BAD, BAD), picture, np.zeros((32, 32)))
    assert folder.picture("hat", "beanie-grey") is None
    assert (tmp_path / "hat" / "beanie-grey" / "rejected.png").exists()
    assert "rejected 2 times, at last because drift 0.200" in outcome(BAD, BAD).sentence()


def test_an_edit_that_is_not_decided_is_none(tmp_path: Path) -> None:
    (tmp_path / "unfinished" / "hat" / "beanie-grey").mkdir(parents=True)
    assert EditFolder(tmp_path).outcome("hat", "beanie-grey") is None


@pytest.mark.parametrize("file", ["outcome.json", "picture.png", "mask.png"])
def test_a_damaged_file_is_an_error(tmp_path: Path, picture: np.ndarray, file: str) -> None:
    folder = EditFolder(tmp_path)
    folder.write(outcome(GOOD), picture, np.zeros((32, 32)))
    (tmp_path / "hat" / "beanie-grey" / file).write_bytes(b"{")
    with pytest.raises(CorruptFile):
        folder.outcome("hat", "beanie-grey")
        folder.picture("hat", "beanie-grey")
        folder.mask("hat", "beanie-grey")


def test_in_betweens_are_named_as_their_clips() -> None:
    assert between_name({"a": 0.25}) == "source--a@0.25"
    assert between_name({"a": 0.5, "b": 0.5}) == "a--b@0.50"
