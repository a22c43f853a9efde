"""Checkpoints in the store: one at a time, none replaced in place, the newest restored."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs.store import ClaimedJob
from app.storage import LocalStorage
from tests.app.conftest import TENANT
from worker import checkpoints
from worker.checkpoints import CHECKPOINT, checkpoint_of, checkpoints_prefix, preview_of, restore
from worker.job_child import RESTORED

CLAIM = ClaimedJob("job_1", "create_avatar", TENANT, "ava_1", {}, 1, 1)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStorage:
    for name in ("CHECKPOINT_EVERY_S", "PREVIEW_EVERY_S"):
        monkeypatch.setattr(checkpoints, name, 0.0)
    return LocalStorage(tmp_path / "store")


def keys(store: LocalStorage) -> list[str]:
    return list(store.list(checkpoints_prefix(CLAIM)))


def save(store: LocalStorage, folder: Path, claim: ClaimedJob, *states: str) -> list[str]:
    """Copy as a worker does whose training writes these states; returns the keys that there were in between."""
    mirror, seen = checkpoint_of(store, claim, folder), list[str]()
    path = folder / CHECKPOINT
    path.parent.mkdir(parents=True, exist_ok=True)
    for number, state in enumerate(states):
        path.write_text(state)
        # File systems count time in milliseconds, in which all may be written.
        os.utime(path, ns=(0, number + 1))
        mirror.copy_when_due()
        mirror.wait()
        seen += keys(store)
    return seen


def test_the_newest_checkpoint_is_the_only_one_and_no_key_is_written_twice(store: LocalStorage, tmp_path: Path) -> None:
    seen = save(store, tmp_path / "work", CLAIM, "first", "second", "third")
    assert len(seen) == len(set(seen)) == 3
    assert keys(store) == seen[-1:]
    assert b"".join(store.read(seen[-1])) == b"third"


def test_another_worker_goes_on_from_the_newest_checkpoint_of_the_latest_claim(
    store: LocalStorage, tmp_path: Path
) -> None:
    save(store, tmp_path / "first", CLAIM, *(f"state {n}" for n in range(12)))
    second = replace(CLAIM, lease_token=2)
    save(store, tmp_path / "second", second, "later")
    # The first worker, which has lost the job, does not know it yet.
    save(store, tmp_path / "first", CLAIM, "too late")
    other = tmp_path / "third"
    other.mkdir()
    restore(store, replace(CLAIM, lease_token=3), other)
    assert (other / RESTORED).read_text() == "later"


def test_a_machine_with_a_checkpoint_of_its_own_fetches_none(store: LocalStorage, tmp_path: Path) -> None:
    save(store, tmp_path / "work", CLAIM, "own")
    restore(store, replace(CLAIM, lease_token=2), tmp_path / "work")
    assert not (tmp_path / "work" / RESTORED).exists()


def test_without_a_checkpoint_there_is_nothing_to_restore(store: LocalStorage, tmp_path: Path) -> None:
    restore(store, CLAIM, tmp_path)
    assert not (tmp_path / RESTORED).exists()


def test_a_preview_lies_where_the_api_looks_and_stays(store: LocalStorage, tmp_path: Path) -> None:
    mirror, path = preview_of(store, CLAIM, tmp_path), tmp_path / checkpoints.PREVIEW
    path.parent.mkdir()
    for number, picture in enumerate(("one", "two")):
        path.write_text(picture)
        os.utime(path, ns=(0, number + 1))
        mirror.copy_when_due()
        mirror.wait()
    found = list(store.list("t"))
    assert len(found) == 1 and mirror.copies == 2 and b"".join(store.read(found[0])) == b"two"
