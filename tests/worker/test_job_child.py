"""How the child process of a job tells of an engine that refuses."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest

import perse_engine.pipeline
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
