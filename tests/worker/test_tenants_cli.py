"""`perse tenants`: limits of their own, set and taken back from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.cli import main

PARTNER = "tenant_partner"


@pytest.fixture(autouse=True)
def partner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PERSE_DATA_DIR", str(tmp_path))
    assert main(["keys", "create", "--name", "a", "--tenant", PARTNER]) == 0
    capsys.readouterr()


def test_limits_are_set_shown_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    def perse(*words: str) -> str:
        assert main(["tenants", *words]) == 0
        return capsys.readouterr().out

    assert perse("limit", PARTNER, "max_avatars=5", "rate_limit_per_min=0") == "max_avatars=5 rate_limit_per_min=0\n"
    listed = dict(line.split(" ", 1) for line in perse("list").splitlines())
    assert "max_avatars=5*" in listed[PARTNER] and "max_portraits=0 " in listed[PARTNER]
    assert "*" not in listed["tenant_default"]
    assert perse("limit", PARTNER, "max_avatars=default") == "rate_limit_per_min=0\n"
    assert perse("limit", PARTNER, "rate_limit_per_min=default") == "as the settings say\n"


@pytest.mark.parametrize("limit", ["max_avatars=-1", "max_avatars", "max_avatars=x", "lease_s=3", "max_avatars=5.5"])
def test_what_is_no_limit_is_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tenants", "limit", PARTNER, limit])
    assert "is no limit" in capsys.readouterr().err


def test_an_unknown_tenant_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenants", "limit", "tenant_nobody", "max_avatars=1"]) == 1
    assert "tenant_nobody" in capsys.readouterr().err
