"""Objects that no row names are found, and nothing else is."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from app.database.models import Artifact, Avatar, Job, JobEvent, Portrait, now
from app.database.session import transaction
from app.ids import new_id
from app.storage import avatar_prefix, portrait_prefix
from tests.app.conftest import TENANT
from tests.servers import wait_until
from tests.worker.conftest import add_avatar, claimed
from worker import orphans
from worker.orphans import erase_orphans, find_orphans, sweeping
from worker.worker import Worker

AT_ONCE = timedelta(seconds=-1)
pytestmark = pytest.mark.usefixtures("used")


@pytest.fixture
def used(worker: Worker) -> None:
    """The database is not a new one: a job has ended."""
    worker.jobs.fail(claimed(worker, "export", add_avatar(worker)), {}, retry=False)


def put(worker: Worker, key: str) -> str:
    worker.storage.put_bytes(key, b"x", "text/plain")
    return key


def name(worker: Worker, avatar_id: str, key: str) -> None:
    artifact = Artifact(
        id=new_id("art"), tenant_id=TENANT, avatar_id=avatar_id, name="a.ply", media_type="x", size_bytes=1,
        sha256="", storage_key=key,
    )  # fmt: skip
    with transaction(worker.sessions) as session:
        session.add(artifact)


def found(worker: Worker, before: datetime | None = None) -> set[str]:
    return set(find_orphans(worker.sessions, worker.storage, before or now() + timedelta(seconds=1)))


def test_what_a_row_names_and_renders_of_an_avatar_stay(worker: Worker) -> None:
    avatar = add_avatar(worker)
    base = avatar_prefix(TENANT, avatar)
    name(worker, avatar, put(worker, f"{base}/attempt-1/a.ply"))
    put(worker, f"{base}/renders/a.png")
    lost = {put(worker, f"{base}/{key}") for key in ("attempt-2/a.ply", "checkpoint/c", "uploads/u/video")}
    assert found(worker) == lost
    assert erase_orphans(worker.sessions, worker.storage, AT_ONCE) == len(lost)
    assert set(worker.storage.list(base)) == {f"{base}/attempt-1/a.ply", f"{base}/renders/a.png"}


def test_nothing_of_an_erased_avatar_stays(worker: Worker) -> None:
    avatar = add_avatar(worker)
    render = put(worker, f"{avatar_prefix(TENANT, avatar)}/renders/a.png")
    with transaction(worker.sessions) as session:
        session.delete(session.get_one(Avatar, avatar))
    assert found(worker) == {render}


def test_an_avatar_with_an_unfinished_job_is_left_alone_until_it_has_ended(worker: Worker) -> None:
    avatar = add_avatar(worker, "building")
    key = put(worker, f"{avatar_prefix(TENANT, avatar)}/attempt-1/a.ply")
    claim = claimed(worker, "create_avatar", avatar)
    assert found(worker) == set()
    worker.jobs.fail(claim, {}, retry=False)
    assert found(worker) == {key}


def test_a_photo_without_its_row_is_found(worker: Worker) -> None:
    kept, lost = (put(worker, f"{portrait_prefix(TENANT, id)}/portrait") for id in ("por_kept", "por_lost"))
    portrait = Portrait(
        id="por_kept", tenant_id=TENANT, storage_key=kept, media_type="image/jpeg", sha256="", report={}, consent={}
    )
    with transaction(worker.sessions) as session:
        session.add(portrait)
    assert found(worker) == {lost}


def test_what_is_young_may_belong_to_a_request_that_still_runs(worker: Worker) -> None:
    put(worker, f"{portrait_prefix(TENANT, 'por_new')}/portrait")
    assert found(worker, now() - timedelta(minutes=1)) == set()
    assert erase_orphans(worker.sessions, worker.storage) == 0


def test_keys_that_are_not_ours_are_left_alone(worker: Worker) -> None:
    for key in ("t/tenant_default/notes", "t/tenant_default/other/id/file"):
        put(worker, key)
    assert found(worker) == set()


def test_more_objects_than_a_page_are_all_looked_at(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "PAGE", 2)
    lost = {put(worker, f"{portrait_prefix(TENANT, f'por_{n}')}/portrait") for n in range(5)}
    assert found(worker) == lost


def test_a_worker_that_dies_between_upload_and_row_leaves_nothing_for_good(worker: Worker) -> None:
    """The next attempt publishes its own; what the first one left goes with the sweep."""
    avatar = add_avatar(worker)
    base = avatar_prefix(TENANT, avatar)
    first = claimed(worker, "export", avatar)
    put(worker, f"{base}/{first.id}-{first.lease_token}/a.ply")
    with transaction(worker.sessions) as session:
        session.execute(update(Job).where(Job.id == first.id).values(lease_expires_at=now()))
    assert worker.jobs.reap() == 1
    second = worker.jobs.claim("test", ["io"], worker.settings.lease_s)
    assert second is not None and second.lease_token > first.lease_token
    kept = put(worker, f"{base}/{second.id}-{second.lease_token}/a.ply")
    assert worker.jobs.succeed(second, {}, lambda session: None)
    name(worker, avatar, kept)
    with sweeping(worker.sessions, worker.storage, AT_ONCE, first_s=0.0):
        wait_until(lambda: list(worker.storage.list(base)) == [kept], 60, "the orphan is erased")
    with worker.sessions() as session:
        assert session.scalars(select(Artifact.storage_key)).all() == [kept]


def test_a_new_database_in_front_of_an_old_store_erases_nothing(worker: Worker) -> None:
    key = put(worker, f"{portrait_prefix(TENANT, 'por_old')}/portrait")
    assert found(worker) == {key}
    with transaction(worker.sessions) as session:
        session.execute(delete(JobEvent))
        session.execute(delete(Job))
    assert found(worker) == set()
    assert erase_orphans(worker.sessions, worker.storage, AT_ONCE) == 0
    assert list(worker.storage.list("t")) == [key]
