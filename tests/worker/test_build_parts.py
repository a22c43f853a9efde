"""Building an avatar in job parts: what decides it, and parts whose files are gone. Whole: test_parts_full.py."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from app.database.models import Artifact, Avatar, Job
from app.database.session import transaction
from app.jobs.leftovers import parts_prefix
from app.jobs.store import ClaimedJob, NewPart, enqueue
from app.settings import Settings
from tests.app.conftest import TENANT
from tests.worker.conftest import add_avatar
from worker.build_parts import PART_KIND, fans_out, fetch_parts, make_part
from worker.heart import Heart
from worker.run_job import run_job
from worker.supervisor import work_through
from worker.worker import Worker

DIFFUSION = {"preset": "draft", "editor": "diffusion"}
PROCEDURAL = {"preset": "draft"}
NOSES = [["nose", "wide"], ["nose", "aquiline"]]


def job(recipe: dict[str, str], parts_total: int = 0) -> ClaimedJob:
    return ClaimedJob("job_1", "create_avatar", TENANT, "ava_1", {"recipe": recipe}, 1, 1, None, parts_total)


@pytest.mark.parametrize(
    ("parts", "broker", "recipe", "expected"),
    [
        ("auto", None, DIFFUSION, False),
        ("auto", "redis://localhost", PROCEDURAL, False),
        ("auto", "redis://localhost", DIFFUSION, True),
        ("auto", "redis://localhost", {"preset": "draft", "animator": "wan-vace"}, True),
        ("always", None, PROCEDURAL, True),
        ("never", "redis://localhost", DIFFUSION, False),
    ],
)
def test_who_fans_out(parts: str, broker: str | None, recipe: dict[str, str], expected: bool) -> None:
    settings = Settings.model_validate({"parts": parts, "broker_url": broker})
    assert fans_out(settings, job(recipe)) is expected
    assert not fans_out(settings, job(recipe, parts_total=2)), "its parts are done: it joins"


def fanned_out(worker: Worker, count: int = 2) -> tuple[str, str]:
    """A building that waits for its parts, whose files are not in the store; returns the ids of avatar and job."""
    avatar_id = add_avatar(worker, "building")
    with transaction(worker.sessions) as session:
        enqueue(
            session, tenant_id=TENANT, kind="create_avatar", queue="train", avatar_id=avatar_id,
            input={"portrait_key": "t/none", "recipe": PROCEDURAL},
        )  # fmt: skip
    plan = worker.jobs.claim("test", ["train"], 30)
    assert plan is not None
    prefix = parts_prefix(TENANT, avatar_id)
    told = {"recipe": PROCEDURAL, "prefix": prefix, "subject": f"{prefix}/subject-1.zip", "span": [0.1, 0.5]}
    parts = [NewPart(PART_KIND, told | {"variants": [["hair", "bald"]]}) for _ in range(count)]
    assert worker.jobs.fan_out(plan, parts, "synthesis", (0.1, 0.5))
    return avatar_id, plan.id


def next_claim(worker: Worker) -> ClaimedJob:
    claim = worker.jobs.claim("test", ["train"], 30)
    assert claim is not None
    return claim


def test_a_part_whose_subject_is_gone_fails_the_job_and_its_avatar(worker: Worker, tmp_path: Path) -> None:
    avatar_id, job_id = fanned_out(worker)
    worker.storage.put_bytes(f"{parts_prefix(TENANT, avatar_id)}/other.zip", b"made", "application/zip")
    run_job(worker, next_claim(worker))
    with worker.sessions() as session:
        row, avatar = session.get(Job, job_id), session.get(Avatar, avatar_id)
        others = session.scalars(select(Job.status).where(Job.parent_id == job_id).order_by(Job.status)).all()
    assert row is not None and row.status == "failed" and row.error is not None and row.error["code"] == "not_found"
    assert avatar is not None and avatar.status == "failed" and list(others) == ["canceled", "failed"]
    assert not list(worker.storage.list(parts_prefix(TENANT, avatar_id))) and not list(tmp_path.glob("work/*"))


def test_a_zombie_leaves_no_folder_while_the_job_goes_on(worker: Worker, tmp_path: Path) -> None:
    _, job_id = fanned_out(worker, 1)
    zombie = worker.jobs.claim("stopped", ["train"], -1)
    other = next_claim(worker)
    assert zombie is not None and zombie.id == other.id and zombie.lease_token < other.lease_token
    with Heart(worker.jobs, zombie, 30) as heart:
        make_part(worker, zombie, heart)
    assert not list(tmp_path.glob("work/*"))
    with worker.sessions() as session:
        statuses = [row.status for row in (session.get(Job, job_id), session.get(Job, other.id)) if row]
    assert "failed" not in statuses and statuses[1] == "running"


def test_a_join_takes_only_what_its_parts_made(worker: Worker, tmp_path: Path) -> None:
    avatar_id, _ = fanned_out(worker)
    prefix = parts_prefix(TENANT, avatar_id)
    worker.storage.put_bytes(f"{prefix}/subject-1.zip", b"subject", "application/zip")
    for claim in (next_claim(worker), next_claim(worker)):
        key = f"{prefix}/{claim.id}-{claim.lease_token}.zip"
        worker.storage.put_bytes(key, claim.id.encode(), "application/zip")
        worker.storage.put_bytes(f"{prefix}/{claim.id}-0.zip", b"by a zombie", "application/zip")
        assert worker.jobs.succeed(claim, {"key": key, "sha256": hashlib.sha256(claim.id.encode()).hexdigest()})
    join = next_claim(worker)
    assert fetch_parts(worker, join, tmp_path / "folder") == 0.5
    files = {p.name: p.read_bytes() for p in (tmp_path / "folder" / "parts").iterdir()}
    assert set(files) == {"subject.zip", "0000.zip", "0001.zip"} and b"by a zombie" not in files.values()


def test_a_damaged_archive_is_not_taken(worker: Worker, tmp_path: Path) -> None:
    avatar_id, _ = fanned_out(worker, 1)
    prefix = parts_prefix(TENANT, avatar_id)
    worker.storage.put_bytes(f"{prefix}/subject-1.zip", b"subject", "application/zip")
    worker.storage.put_bytes(f"{prefix}/a.zip", b"half of", "application/zip")
    worker.jobs.succeed(next_claim(worker), {"key": f"{prefix}/a.zip", "sha256": "00" * 32})
    with pytest.raises(ValueError, match="damaged"):
        fetch_parts(worker, next_claim(worker), tmp_path / "folder")


def test_a_join_that_fails_for_good_leaves_nothing_that_its_parts_made(worker: Worker) -> None:
    avatar_id, job_id = fanned_out(worker, 1)
    prefix = parts_prefix(TENANT, avatar_id)
    worker.storage.put_bytes(f"{prefix}/a.zip", b"made", "application/zip")
    worker.jobs.succeed(next_claim(worker), {"key": f"{prefix}/a.zip", "sha256": ""})
    # The portrait was deleted meanwhile.
    run_job(worker, next_claim(worker))
    with worker.sessions() as session:
        row = session.get(Job, job_id)
    assert row is not None and row.status == "failed" and not list(worker.storage.list(prefix))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_one_process_plans_makes_its_parts_and_joins_them(worker: Worker, tmp_path: Path, astronaut_png: bytes) -> None:
    worker = replace(worker, settings=worker.settings.model_copy(update={"parts": "always", "lease_s": 30.0}))
    avatar_id = add_avatar(worker, "building")
    worker.storage.put_bytes("t/portrait", astronaut_png, "image/png")
    with transaction(worker.sessions) as session:
        job_id = enqueue(
            session, tenant_id=TENANT, kind="create_avatar", queue="train", avatar_id=avatar_id,
            input={"portrait_key": "t/portrait", "recipe": {"preset": "preview", "categories": [], "variants": NOSES}},
        ).id  # fmt: skip
    assert work_through(worker, ["train"]) == 4, "a plan, a part for each of two variants, and the join"
    with worker.sessions() as session:
        row, avatar = session.get(Job, job_id), session.get(Avatar, avatar_id)
        assert row is not None and avatar is not None
        assert (row.status, row.parts_total, row.error) == ("succeeded", 2, None)
        assert avatar.status == "ready" and avatar.detail["variants"] == {"nose": ["wide", "aquiline"]}
        names = session.scalars(select(Artifact.name).where(Artifact.avatar_id == avatar_id)).all()
    assert "avatar.safetensors" in names and not [n for n in names if n.endswith(".zip")]
    assert not list(worker.storage.list(parts_prefix(TENANT, avatar_id))) and not list(tmp_path.glob("work/*/*"))
