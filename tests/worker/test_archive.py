"""Folders as archives."""

from __future__ import annotations

import zipfile
from pathlib import Path

from worker.archive import pack, unpack


def test_a_folder_comes_back_as_it_was(tmp_path: Path) -> None:
    for name, data in (("a/b/c.png", b"\x89PNG"), ("d.json", b"{}"), ("a/empty", b"")):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_bytes(data)
    pack(tmp_path / "from", tmp_path / "archive.zip")
    unpack(tmp_path / "archive.zip", tmp_path / "to")
    found = {p.relative_to(tmp_path / "to").as_posix(): p.read_bytes() for p in (tmp_path / "to").rglob("*.*")}
    assert found == {"a/b/c.png": b"\x89PNG", "d.json": b"{}"} and (tmp_path / "to/a/empty").read_bytes() == b""


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hostile.zip", "w") as file:
        for name in ("../../out.txt", "/out.txt", "a/../../out.txt"):
            file.writestr(name, b"hostile")
    unpack(tmp_path / "hostile.zip", tmp_path / "deep" / "folder")
    outside = [p for p in tmp_path.rglob("*.txt") if not p.is_relative_to(tmp_path / "deep" / "folder")]
    assert not outside and not Path("/out.txt").exists()
