"""A job's lease lives as long as its work, whatever the work waits for."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update

from app.database.models import Job, now
from app.database.session import Sessions, transaction
from app.jobs.store import request_cancel
from app.storage import LocalStorage
from tests.servers import wait_until
from tests.worker.conftest import add_avatar, claimed
from worker.heart import Heart
from worker.run_job import run_job
from worker.worker import Worker


class SlowStorage(LocalStorage):
    """Holds every transfer until a heartbeat of the running job came in the meantime."""

    def __init__(self, root: Path, sessions: Sessions) -> None:
        super().__init__(root)
        self._sessions = sessions

    def _last_beat(self) -> datetime | None:
        with self._sessions() as session:
            return session.scalar(select(Job.heartbeat_at).where(Job.status == "running"))

    def _hold(self) -> None:
        start = self._last_beat()
        wait_until(lambda: self._last_beat() != start, 60, "a heartbeat during the transfer")

    def put_bytes(self, key: str, data: bytes, media_type: str) -> None:
        """See `Storage`."""
        self._hold()
        super().put_bytes(key, data, media_type)

    def download(self, key: str, path: Path) -> None:
        """See `Storage`."""
        self._hold()
        super().download(key, path)


def slow(worker: Worker) -> Worker:
    storage = SlowStorage(worker.settings.data_dir / "objects", worker.sessions)
    return dataclasses.replace(worker, storage=storage, settings=worker.settings.model_copy(update={"lease_s": 0.6}))


def status_of(worker: Worker, id: str) -> tuple[str, str | None]:
    with worker.sessions() as session:
        job = session.get(Job, id)
        assert job is not None
        return job.status, (job.error or {}).get("code")


def test_the_lease_outlives_a_slow_upload(worker: Worker) -> None:
    avatar = add_avatar(worker)
    claim = claimed(worker, "render", avatar, request={}, key=f"t/x/avatars/{avatar}/renders/a.png")
    run_job(slow(worker), claim)
    assert status_of(worker, claim.id) == ("succeeded", None)


def test_the_lease_outlives_a_slow_download(worker: Worker) -> None:
    claim = claimed(worker, "create_avatar", add_avatar(worker, "building"), portrait_key="t/x/none", recipe={})
    run_job(slow(worker), claim)
    assert status_of(worker, claim.id) == ("failed", "not_found")


def test_a_heart_hears_of_a_cancel(worker: Worker) -> None:
    claim = claimed(worker, "render")
    with Heart(worker.jobs, claim, 30) as heart:
        with transaction(worker.sessions) as session:
            job = session.get(Job, claim.id)
            assert job is not None and request_cancel(session, job)
        wait_until(lambda: heart.cancel_requested, 60, "the cancel is heard")
        assert not heart.is_fenced


def test_a_heart_hears_that_its_job_was_taken(worker: Worker) -> None:
    claim = claimed(worker, "render")
    with Heart(worker.jobs, claim, 30) as heart:
        with transaction(worker.sessions) as session:
            session.execute(update(Job).values(lease_expires_at=now().replace(year=2020)))
        assert worker.jobs.claim("other", ["io"], 30) is not None
        wait_until(lambda: heart.is_fenced, 60, "the loss is heard")


def test_progress_is_stored_at_once(worker: Worker) -> None:
    claim = claimed(worker, "render")

    def stored() -> bool:
        with worker.sessions() as session:
            return session.scalar(select(Job.progress).where(Job.id == claim.id)) == {"fraction": 0.5}

    with Heart(worker.jobs, claim, 30) as heart:
        heart.tell({"fraction": 0.5})
        wait_until(stored, 60, "the progress is stored")


def test_a_heart_hears_that_the_deadline_has_passed(worker: Worker) -> None:
    claim = claimed(worker, "render")
    with Heart(worker.jobs, claim, 30) as heart:
        with transaction(worker.sessions) as session:
            session.execute(update(Job).values(deadline_at=now().replace(year=2020)))
        wait_until(lambda: heart.is_expired, 60, "the deadline is heard")
