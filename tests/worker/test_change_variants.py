"""New versions of an avatar are published whole, by one job at a time, and never after it was deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import worker.change_variants
from app.database.models import Artifact, Avatar, Job, LatentCode
from app.database.session import transaction
from app.engine_client import AvatarFiles, EngineFailure
from app.ids import new_id
from app.storage import avatar_prefix
from tests.app.conftest import TENANT
from tests.worker.conftest import add_avatar, claimed
from worker.engine_host import HostPool
from worker.run_job import run_job
from worker.worker import Worker

MODEL = ("avatar.json", "avatar.safetensors")
TOLD = {"variants": {"hair": ["long", "curly"]}, "added": [], "gaussians": 7}
LATENTS = {"categories": {"hair": {"source": [0.0], "variants": {"long": [1.0], "curly": [2.0]}}}}


@pytest.fixture
def avatar(worker: Worker) -> str:
    """A ready avatar with model files."""
    id = add_avatar(worker)
    with transaction(worker.sessions) as session:
        for name in (*MODEL, "turntable.mp4"):
            key = f"{avatar_prefix(TENANT, id)}/attempt-1/{name}"
            worker.storage.put_bytes(key, b"old", "text/plain")
            session.add(
                Artifact(
                    id=new_id("art"), tenant_id=TENANT, avatar_id=id, name=name, media_type="text/plain", size_bytes=3,
                    sha256="0", storage_key=key,
                )
            )  # fmt: skip
    return id


def change(worker: Worker, avatar: str) -> Job:
    """Run a job that adds a variant; returns it as it is then."""
    wanted = {"category": "hair", "id": "curly", "method": "adapter"}
    claim = claimed(worker, "add_variant", avatar, add=wanted, portrait_key=None)
    run_job(worker, claim)
    with worker.sessions() as session:
        job = session.get(Job, claim.id)
        assert job is not None
        return job


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, worker: Worker, avatar: str) -> dict[str, Any]:
    """A child that answers at once; `meanwhile` is done to the avatar's row before."""
    own: dict[str, Any] = {"meanwhile": {}, "answer": "done"}

    def supervise(_: Worker, claim: Any, heart: Any, target: Any, arguments: tuple[Path, Any]) -> tuple[str, Any]:
        folder = arguments[0]
        own["given"] = sorted(p.name for p in folder.iterdir())
        for name in MODEL:
            (folder / name).write_bytes(b"new")
        (folder / "latents.json").write_text(json.dumps(LATENTS))
        with transaction(worker.sessions) as session:
            row = session.get(Avatar, avatar)
            assert row is not None
            for name, value in own["meanwhile"].items():
                setattr(row, name, value)
        result = {"category": "hair", "variant": "curly", "measured": {"seconds": 1.0}}
        return own["answer"], {"files": [*MODEL, "latents.json"], "detail": TOLD, "result": result}

    monkeypatch.setattr(worker_module(), "supervise", supervise)
    return own


def worker_module() -> Any:
    return worker.change_variants


def stored(worker: Worker, avatar: str) -> dict[str, bytes]:
    with worker.sessions() as session:
        rows = session.scalars(select(Artifact).where(Artifact.avatar_id == avatar)).all()
        return {r.name: b"".join(worker.storage.read(r.storage_key)) for r in rows}


def test_the_next_version_takes_the_place_of_the_last(worker: Worker, avatar: str, engine: dict[str, Any]) -> None:
    job = change(worker, avatar)
    assert engine["given"] == list(MODEL)
    assert job.status == "succeeded" and job.result is not None and job.result["version"] == 2
    files = stored(worker, avatar)
    assert files.pop("turntable.mp4") == b"old"
    assert {n: files[n] for n in MODEL} == dict.fromkeys(MODEL, b"new") and set(files) == {*MODEL, "latents.json"}
    kept = list(worker.storage.list(avatar_prefix(TENANT, avatar)))
    assert len(kept) == 4
    with worker.sessions() as session:
        row = session.get(Avatar, avatar)
        assert row is not None and (row.version, row.detail["gaussians"]) == (2, 7)
        codes = session.scalars(select(LatentCode.variant).where(LatentCode.avatar_id == avatar)).all()
        assert sorted(codes) == ["curly", "long", "source"]
    assert not (worker.settings.data_dir / "work" / job.id).exists()


def test_a_version_that_came_meanwhile_is_not_lost(worker: Worker, avatar: str, engine: dict[str, Any]) -> None:
    engine["meanwhile"] = {"version": 5}
    job = change(worker, avatar)
    assert job.status == "queued" and job.error is not None and job.error["code"] == "conflict"
    assert stored(worker, avatar)["avatar.json"] == b"old"
    assert len(list(worker.storage.list(avatar_prefix(TENANT, avatar)))) == 3


def test_an_avatar_that_is_deleted_meanwhile_stays_so(worker: Worker, avatar: str, engine: dict[str, Any]) -> None:
    engine["meanwhile"] = {"status": "deleting"}
    job = change(worker, avatar)
    assert job.status == "failed" and job.error is not None and job.error["code"] == "not_found"
    assert len(list(worker.storage.list(avatar_prefix(TENANT, avatar)))) == 3


@pytest.mark.parametrize("ending", ["canceled", "expired"])
def test_a_stopped_job_leaves_the_avatar_as_it_was(
    worker: Worker, avatar: str, engine: dict[str, Any], ending: str
) -> None:
    engine["answer"] = ending
    assert change(worker, avatar).status == ending
    assert stored(worker, avatar)["avatar.json"] == b"old"


def test_renders_of_an_old_version_are_told_to_ask_again(worker: Worker, avatar: str, engine: dict[str, Any]) -> None:
    pool = HostPool(worker.sessions, worker.storage, worker.settings.data_dir / "cache")
    keys = {n: f"{avatar_prefix(TENANT, avatar)}/attempt-1/{n}" for n in MODEL}
    assert (pool.fetch(AvatarFiles(avatar, 1, keys)) / "avatar.json").read_bytes() == b"old"
    change(worker, avatar)
    with pytest.raises(EngineFailure, match="not_ready"):
        pool.fetch(AvatarFiles(avatar, 1, keys))
    with worker.sessions() as session:
        rows = session.scalars(select(Artifact).where(Artifact.avatar_id == avatar, Artifact.name.in_(MODEL))).all()
        new = {r.name: r.storage_key for r in rows}
    assert (pool.fetch(AvatarFiles(avatar, 2, new)) / "avatar.json").read_bytes() == b"new"
