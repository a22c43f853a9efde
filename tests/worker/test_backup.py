"""Backup and restore as docs/guides/many_workers.md says: database first, then objects, while the service runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.database.models import DEFAULT_TENANT, Artifact, Avatar, now
from app.database.session import transaction
from app.ids import new_id
from app.settings import Settings
from app.storage import avatar_prefix, open_storage
from tests.app.conftest import RECIPE
from tests.servers import postgres_server, program
from tests.worker.service import Service, service
from worker.serve import prepare

HINT = "apt-get install postgresql"


def put_avatar(settings: Settings) -> None:
    """A finished avatar with files of random bytes, some larger than a piece of a download."""
    sessions, storage = prepare(settings), open_storage(settings)
    avatar = Avatar(
        id=new_id("ava"), tenant_id=DEFAULT_TENANT, portrait_id="por_x", status="ready", version=1, recipe=RECIPE,
        ready_at=now(), detail={}, client_metadata={},
    )  # fmt: skip
    with transaction(sessions) as session:
        session.add(avatar)
        session.flush()
        for number in range(6):
            data, name = os.urandom(1 + 400_000 * number), f"{number}.safetensors"
            key = f"{avatar_prefix(DEFAULT_TENANT, avatar.id)}/attempt-1/{name}"
            storage.put_bytes(key, data, "application/octet-stream")
            session.add(
                Artifact(
                    id=new_id("art"), tenant_id=DEFAULT_TENANT, avatar_id=avatar.id, name=name, size_bytes=len(data),
                    media_type="application/octet-stream", sha256=hashlib.sha256(data).hexdigest(), storage_key=key,
                )
            )  # fmt: skip
    sessions.kw["bind"].dispose()


def all_files(api: Service) -> dict[tuple[str, str], str]:
    """(avatar or portrait, name) -> SHA-256 of everything that is kept, as it is downloaded."""

    def digest(path: str) -> str:
        return hashlib.sha256(api.client.get(path).raise_for_status().content).hexdigest()

    found = {}
    for portrait in api.client.get("/v1/portraits").json()["data"]:
        found[portrait["id"], "image"] = digest(portrait["links"]["image"])
    for avatar in api.client.get("/v1/avatars").json()["data"]:
        for artifact in api.client.get(f"/v1/avatars/{avatar['id']}/artifacts").json()["data"]:
            sha256 = digest(f"/v1/artifacts/{artifact['id']}/content")
            assert sha256 == artifact["sha256"]
            found[avatar["id"], artifact["name"]] = sha256
    return found


def check(tmp_path: Path, photo: bytes, url: str | None, restore: Callable[[Path, Path], str | None]) -> None:
    """`restore(before, after)` carries the database of one data folder to another and gives the new one's URL."""
    settings = {"PERSE_DATABASE_URL": url} if url else {}
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    put_avatar(Settings(data_dir=before, database_url=url))
    with service(before, settings) as api:
        assert api.upload(photo).status_code == 201
        made = all_files(api)
        restored = restore(before, after)
        shutil.copytree(before / "objects", after / "objects")
    assert len(made) == 7
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
