"""How the child process of a job tells of an engine that refuses."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

import perse_engine.pipeline
from app.problems import CODES
from perse_engine.errors import CorruptFile, EngineError, NoFace, UnknownName, UnsupportedWish
from worker.job_child import run_create


@pytest.mark.parametrize(
    ("error", "is_final"), [(UnsupportedWish, True), (UnknownName, True), (NoFace, True), (CorruptFile, False)]
)
def test_what_was_asked_for_and_cannot_be_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[EngineError], is_final: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise error("It cannot be.", hint="Ask for less.")

    monkeypatch.setattr(perse_engine.pipeline, "create_avatar", refuse)
    (tmp_path / "portrait").write_bytes(b"photo")
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        run_create(theirs, tmp_path / "portrait", {"preset": "preview"}, tmp_path)
        kind, told = ours.recv()
    assert (kind, told["code"], told["hint"], told["final"]) == ("failed", error.code, "Ask for less.", is_final)


def test_a_model_that_the_worker_lacks_ends_the_job_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSE_MODELS", str(tmp_path / "empty"))
    (tmp_path / "portrait").write_bytes(b"not even a photo")
    recipe = {"preset": "preview", "animator": "wan-vace", "learned": {"memory": "24GB", "attempts": 2}}
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        run_create(theirs, tmp_path / "portrait", recipe, tmp_path)
        kind, told = ours.recv()
    assert (kind, told["code"], told["final"]) == ("failed", "backend_missing", True)
    assert not (tmp_path / "work" / "dataset").exists()


def test_the_api_knows_every_error_of_the_engine() -> None:
    def leaves(kind: type[EngineError]) -> set[str]:
        return {kind.code} | {code for inner in kind.__subclasses__() for code in leaves(inner)}

    codes = leaves(EngineError) - {EngineError.code}
    assert {"edits_rejected", "licence_not_accepted", "backend_missing"} <= codes <= set(CODES)
