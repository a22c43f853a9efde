"""Copies that one machine keeps are gone when another machine has erased the original."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.database.models import Avatar, Job, JobEvent, now
from app.database.session import transaction
from app.engine_client import AvatarFiles, EngineFailure
from tests.servers import wait_until
from tests.worker.conftest import add_avatar, claimed
from worker import engine_tasks
from worker.engine_host import HostPool
from worker.housekeeping import housekeeping, sweep
from worker.reaper import Reaper
from worker.worker import Worker


def folder(worker: Worker, kind: str, name: str, days_old: float = 0.0) -> Path:
    made = worker.settings.data_dir / kind / name
    made.mkdir(parents=True)
    (made / "avatar.json").write_text("{}")
    os.utime(made, (0, time.time() - 86_400 * days_old))
    return made


def begin_deletion(worker: Worker, avatar_id: str) -> None:
    with transaction(worker.sessions) as session:
        avatar = session.get(Avatar, avatar_id)
        assert avatar is not None
        avatar.status = "deleting"


def erase(worker: Worker, avatar_id: str) -> None:
    with transaction(worker.sessions) as session:
        session.delete(session.get(Avatar, avatar_id))


def test_caches_of_erased_avatars_and_old_versions_are_removed(worker: Worker) -> None:
    kept, erased, leaving = add_avatar(worker), add_avatar(worker), add_avatar(worker, "deleting")
    folders = [folder(worker, "cache", f"{id}-{v}") for id, v in ((kept, 1), (kept, 0), (erased, 1), (leaving, 1))]
    erase(worker, erased)
    assert sweep(worker.settings, worker.sessions) == 3
    assert [f.exists() for f in folders] == [True, False, False, False]


def test_work_folders_go_when_they_are_old_or_their_avatar_is_erased(worker: Worker) -> None:
    kept, erased = add_avatar(worker, "failed"), add_avatar(worker, "failed")
    running = claimed(worker, "create_avatar", kept)
    folders = {"running": folder(worker, "work", running.id, 100), "unknown": folder(worker, "work", "job_x", 1)}
    for name, avatar, days in (("failed", kept, 1), ("old", kept, 8), ("erased", erased, 0)):
        claim = claimed(worker, "create_avatar", avatar)
        worker.jobs.fail(claim, {}, retry=False)
        folders[name] = folder(worker, "work", claim.id, days)
    folders["old unknown"] = folder(worker, "work", "job_y", 8)
    erase(worker, erased)
    sweep(worker.settings, worker.sessions)
    assert {n for n, f in folders.items() if f.exists()} == {"running", "unknown", "failed"}


def test_the_house_is_swept_at_the_start(worker: Worker) -> None:
    old = folder(worker, "work", "job_x", 8)
    with housekeeping(worker.settings, worker.sessions):
        wait_until(lambda: not old.exists(), 60, "the old folder is removed")


@pytest.mark.parametrize("change", [erase, begin_deletion])
def test_a_deleted_avatar_is_not_rendered_from_the_cache(worker: Worker, change: Callable[[Worker, str], None]) -> None:
    id = add_avatar(worker)
    pool = HostPool(worker.sessions, worker.storage, worker.settings.data_dir / "cache")
    cached = folder(worker, "cache", f"{id}-1")
    assert pool.fetch(AvatarFiles(id, 1, {})) == cached
    change(worker, id)
    with pytest.raises(EngineFailure, match="not_found"):
        pool.fetch(AvatarFiles(id, 1, {}))
    assert not cached.exists()


def test_a_model_that_is_gone_leaves_no_folder(worker: Worker) -> None:
    id = add_avatar(worker)
    pool = HostPool(worker.sessions, worker.storage, worker.settings.data_dir / "cache")
    with pytest.raises(EngineFailure, match="not_found"):
        pool.fetch(AvatarFiles(id, 1, {"avatar.json": "t/none"}))
    assert not list((worker.settings.data_dir / "cache").iterdir())


def test_a_loaded_avatar_is_dropped_with_its_folder(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = str(folder(worker, "cache", "ava_a-1"))
    monkeypatch.setattr(engine_tasks, "_warm", OrderedDict({kept: ("loaded", 1), str(tmp_path / "gone"): ("old", 1)}))
    engine_tasks.drop_erased()
    assert list(engine_tasks._warm) == [kept]


def test_a_round_of_the_reaper_prunes(worker: Worker) -> None:
    claim = claimed(worker, "render")
    worker.jobs.succeed(claim, {})
    with transaction(worker.sessions) as session:
        session.execute(update(Job).values(finished_at=now().replace(year=2020)))
    Reaper(worker).round()
    with worker.sessions() as session:
        assert session.scalar(select(func.count()).select_from(JobEvent)) == 0
