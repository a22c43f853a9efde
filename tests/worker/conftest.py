"""A worker over a real database and store, with an engine that answers at once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database.models import Avatar, now
from app.database.session import open_database, transaction
from app.ids import new_id
from app.jobs.store import ClaimedJob, enqueue
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import TENANT, PromptEngine, logs
from worker.worker import Worker

__all__ = ["logs"]


@pytest.fixture
def worker(tmp_path: Path, new_database: Path) -> Iterator[Worker]:
    settings = Settings(data_dir=tmp_path, lease_s=30.0)
    shutil.copy(new_database, tmp_path)
    sessions = open_database(settings.resolved_database_url)
    yield Worker(settings, sessions, LocalStorage(tmp_path / "objects"), PromptEngine(), threading.Event())
    sessions.kw["bind"].dispose()


def add_avatar(worker: Worker, status: str = "ready") -> str:
    """An avatar's row; returns its id."""
    avatar = Avatar(
        id=new_id("ava"), tenant_id=TENANT, portrait_id="por_x", status=status, version=1, recipe={}, ready_at=now(),
        detail={}, client_metadata={},
    )  # fmt: skip
    with transaction(worker.sessions) as session:
        session.add(avatar)
    return avatar.id


def claimed(worker: Worker, kind: str, avatar_id: str | None = None, **input: object) -> ClaimedJob:
    """A job that this worker has just claimed."""
    with transaction(worker.sessions) as session:
        enqueue(session, tenant_id=TENANT, kind=kind, queue="io", input=input, avatar_id=avatar_id)
    claim = worker.jobs.claim("test", ["io"], worker.settings.lease_s)
    assert claim is not None
    return claim
