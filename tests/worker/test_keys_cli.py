"""`perse keys`: made, listed, rotated and revoked from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.database.session import open_database
from app.keys import valid_key
from app.settings import Settings
from worker.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PERSE_DATA_DIR", str(tmp_path))
    return tmp_path


def is_valid(folder: Path, key: str) -> bool:
    sessions = open_database(Settings(data_dir=folder).resolved_database_url)
    try:
        return valid_key(sessions, key) is not None
    finally:
        sessions.kw["bind"].dispose()


def test_a_key_lives_and_ends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def perse(*words: str) -> str:
        assert main(["keys", *words]) == 0
        return capsys.readouterr().out.strip()

    first = perse(
        "create", "--name", "gallery", "--scopes", "render,read", "--expires-days", "9", "--tenant", "tenant_a"
    )
    listed = perse("list")
    assert "gallery  tenant_a  read,render" in listed and "expires" in listed and first not in listed
    id = listed.split()[0]
    second = perse("rotate", id, "--overlap-hours", "1")
    assert is_valid(folder, first) and is_valid(folder, second)
    perse("revoke", id)
    assert not is_valid(folder, first) and is_valid(folder, second)
    assert "revoked" in perse("list")
    assert main(["keys", "revoke", id]) == main(["keys", "rotate", "key_none"]) == 1
    assert "perse keys list" in capsys.readouterr().err


def test_wrong_scopes_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "create", "--name", "a", "--scopes", "all"]) == 2
    assert "read, write, render, delete" in capsys.readouterr().err
