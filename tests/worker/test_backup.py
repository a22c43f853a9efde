"""Backup and restore as docs/guides/many_workers.md says: database first, then objects, while the service runs."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.servers import postgres_server, program
from tests.worker.service import Service, service

pytestmark = pytest.mark.slow
HINT = "apt-get install postgresql"


def all_files(api: Service) -> dict[tuple[str, str], str]:
    """(avatar, name) -> SHA-256 of every artifact, as it is downloaded."""
    found = {}
    for avatar in api.client.get("/v1/avatars").json()["data"]:
        for artifact in api.client.get(f"/v1/avatars/{avatar['id']}/artifacts").json()["data"]:
            content = api.client.get(f"/v1/artifacts/{artifact['id']}/content").raise_for_status().content
            found[avatar["id"], artifact["name"]] = hashlib.sha256(content).hexdigest()
    return found


def check(tmp_path: Path, photo: bytes, url: str | None, restore: Callable[[Path, Path], str | None]) -> None:
    """`restore(before, after)` carries the database of one data folder to another and gives the new one's URL."""
    settings = {"PERSE_DATABASE_URL": url} if url else {}
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    with service(before, settings) as api:
        _, job = api.create(photo, preset="preview")
        assert api.wait(job)["status"] == "succeeded"
        made = all_files(api)
        restored = restore(before, after)
        shutil.copytree(before / "objects", after / "objects")
    assert len(made) > 5
    with service(after, {"PERSE_DATABASE_URL": restored} if restored else {}) as api:
        assert all_files(api) == made


def test_an_embedded_service_is_restored(tmp_path: Path, astronaut_png: bytes) -> None:
    def restore(before: Path, after: Path) -> None:
        with (
            closing(sqlite3.connect(before / "perse.db")) as one,
            closing(sqlite3.connect(after / "perse.db")) as other,
        ):
            one.backup(other)

    check(tmp_path, astronaut_png, None, restore)


@pytest.mark.postgres
def test_a_service_on_postgres_is_restored(tmp_path: Path, astronaut_png: bytes) -> None:
    (tmp_path / "postgres").mkdir()
    with postgres_server(tmp_path / "postgres") as url:
        plain = url.replace("+psycopg", "")
        new = f"{plain.rpartition('/')[0]}/restored"

        def restore(_: Path, after: Path) -> str:
            dump = after / "perse.dump"
            for command in (
                ["pg_dump", "--format=custom", f"--file={dump}", plain],
                ["createdb", f"--maintenance-db={plain}", "restored"],
                ["pg_restore", "--no-owner", f"--dbname={new}", str(dump)],
            ):
                subprocess.run([program(command[0], HINT), *command[1:]], check=True)
            return new.replace("postgresql:", "postgresql+psycopg:")

        check(tmp_path, astronaut_png, url, restore)
