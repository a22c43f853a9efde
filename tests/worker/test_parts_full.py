"""Job parts over real workers: Postgres, Redis, an S3 store, the API, and Celery workers that are killed and stopped.

Each worker has a data folder of its own, as on a machine of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.database.models import Job
from app.database.session import Sessions, open_database
from app.jobs.leftovers import parts_prefix
from app.settings import Settings
from app.storage import Storage, avatar_prefix, open_storage
from tests.app.conftest import TENANT
from tests.servers import postgres_server, redis_server, s3_server, wait_until
from tests.worker.service import Service, environment, service

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

NOSES = [{"category": "nose", "id": id} for id in ("wide", "aquiline")]
FOUR_PARTS = {"preset": "preview", "variants": NOSES}
LEASE_S = 5
PART_S = 240
"""How long a part may take on a busy machine; what is waited for comes much sooner."""


@dataclass
class Workers:
    """The service and two workers that build."""

    api: Service
    sessions: Sessions
    storage: Storage
    environments: list[dict[str, str]]
    processes: dict[int, subprocess.Popen[bytes]]

    def start(self, number: int) -> None:
        """Start a worker; it leads a group of processes, its jobs' children."""
        folder = Path(self.environments[number]["PERSE_DATA_DIR"])
        command = [sys.executable, "-m", "worker.cli", "worker", "--queues", "train"]
        with (folder / "worker.log").open("ab") as log:
            self.processes[number] = subprocess.Popen(
                command, env=self.environments[number], stdout=log, stderr=log, start_new_session=True
            )

    def signal(self, number: int, which: signal.Signals) -> None:
        """To a worker and its children: as if its machine had stopped."""
        os.killpg(self.processes[number].pid, which)

    def rows(self, job_id: str) -> list[Job]:
        """The parts of a job."""
        with self.sessions() as session:
            return list(session.scalars(select(Job).where(Job.parent_id == job_id).order_by(Job.part_index)))

    def running(self, job_id: str) -> dict[int, Job]:
        """Parts that the workers run: worker -> part."""
        owners = {process.pid: number for number, process in self.processes.items()}
        holders = {int(str(r.lease_owner).rpartition(":")[2]): r for r in self.rows(job_id) if r.status == "running"}
        return {owners[pid]: row for pid, row in holders.items() if pid in owners}

    def wait_for_a_part(self, job_id: str) -> tuple[int, Job]:
        """Until a worker is in the middle of one: which, and the part."""

        found: list[tuple[int, Job]] = []

        def begun() -> bool:
            job = self.api.job(job_id)
            assert job["status"] in ("queued", "running"), job
            found.extend((number, row) for number, row in self.running(job_id).items() if row.progress)
            return bool(found)

        wait_until(begun, PART_S, "a part is being made")
        return found[0]

    def archives(self, avatar_id: str) -> list[str]:
        """What parts have handed over."""
        names = [key.rpartition("/")[2] for key in self.storage.list(parts_prefix(TENANT, avatar_id))]
        return sorted(name for name in names if name.startswith("part_"))


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with _servers(tmp_path_factory) as settings, service(tmp_path_factory.mktemp("api"), settings) as api:
        short = environment(tmp_path_factory.mktemp("short"), **settings)
        short_worker = subprocess.Popen(
            [sys.executable, "-m", "worker.cli", "worker", "--queues", "render,io"], env=short,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        own = [environment(tmp_path_factory.mktemp(f"worker-{n}"), OMP_NUM_THREADS="1", **settings) for n in range(2)]
        sessions = open_database(settings["PERSE_DATABASE_URL"])
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            storage = open_storage(Settings())
        made = Workers(api, sessions, storage, own, {})
        made.start(0)
        made.start(1)
        try:
            yield made
        finally:
            for number, process in made.processes.items():
                if process.poll() is None:
                    made.signal(number, signal.SIGKILL)
                process.wait(60)
            short_worker.terminate()
            short_worker.wait(60)
            sessions.kw["bind"].dispose()


@contextmanager
def _servers(factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with (
        postgres_server(factory.mktemp("postgres")) as database,
        redis_server(factory.mktemp("redis")) as broker,
        s3_server() as s3,
    ):
        yield {
            "PERSE_DATABASE_URL": database,
            "PERSE_BROKER_URL": broker,
            "PERSE_STORAGE_URL": "s3://perse/objects",
            "PERSE_S3_ENDPOINT_URL": s3,
            "PERSE_S3_ACCESS_KEY_ID": "id",
            "PERSE_S3_SECRET_ACCESS_KEY": "secret",
            "PERSE_LEASE_S": str(LEASE_S),
            "PERSE_PARTS": "always",
        }


def test_a_worker_killed_in_the_middle_of_a_fan_out_costs_only_its_part(workers: Workers, astronaut_png: bytes) -> None:
    avatar, job = workers.api.create(astronaut_png, preset="preview")
    killed, part = workers.wait_for_a_part(job)
    workers.signal(killed, signal.SIGKILL)
    workers.processes[killed].wait(60)
    workers.start(killed)
    seen: list[dict[str, Any]] = []

    def ended() -> bool:
        seen.append(workers.api.job(job))
        return seen[-1]["status"] not in ("queued", "running")

    wait_until(ended, 300, "the avatar is built")
    last = seen[-1]
    assert last["status"] == "succeeded", last
    assert last["parts"] == {"total": 2, "done": 2} and last["attempt"] == 1
    fractions = [s["progress"]["fraction"] or 0.0 for s in seen]
    assert fractions == sorted(fractions), "progress never falls"
    rows = workers.rows(job)
    assert [row.status for row in rows] == ["succeeded", "succeeded"]
    attempts = {row.id: row.attempt for row in rows}
    assert attempts.pop(part.id) == 2 and list(attempts.values()) == [1]
    assert len({row.result["key"] for row in rows if row.result}) == 2
    shown = workers.api.client.get(f"/v1/avatars/{avatar}").json()
    assert shown["status"] == "ready" and set(shown["variants"]) == {"hair", "eyeglasses"}
    names = [a["name"] for a in workers.api.client.get(f"/v1/avatars/{avatar}/artifacts").json()["data"]]
    assert len(names) == len(set(names)) and "avatar.safetensors" in names and "subject.zip" not in names
    wait_until(lambda: not workers.archives(avatar), 60, "what parts handed over is erased")


def test_a_zombie_part_publishes_nothing(workers: Workers, astronaut_png: bytes) -> None:
    avatar, job = workers.api.create(astronaut_png, preset="preview")
    stopped, part = workers.wait_for_a_part(job)
    workers.signal(stopped, signal.SIGSTOP)

    def is_done_by_another() -> bool:
        row = next(row for row in workers.rows(job) if row.id == part.id)
        return row.status == "succeeded"

    wait_until(is_done_by_another, PART_S, "the other worker makes the part")
    cancel_join = workers.api.client.post(f"/v1/jobs/{job}/cancel")
    assert cancel_join.status_code == 202
    workers.signal(stopped, signal.SIGCONT)
    made = next(row for row in workers.rows(job) if row.id == part.id)
    assert made.lease_token > part.lease_token and made.result is not None
    assert made.result["key"].endswith(f"{part.id}-{made.lease_token}.zip")
    assert workers.api.wait(job)["status"] == "canceled"
    # The zombie has noticed when it takes work again.
    zombie_folder = Path(workers.environments[stopped]["PERSE_DATA_DIR"]) / "work" / job
    wait_until(lambda: not zombie_folder.exists(), 180, "the zombie gives up")
    assert not [n for n in workers.archives(avatar) if n.endswith(f"{part.id}-{part.lease_token}.zip")]
    wait_until(lambda: not list(workers.storage.list(avatar_prefix(TENANT, avatar))), 60, "nothing is left")


def test_canceling_a_fan_out_stops_every_part_and_leaves_nothing(workers: Workers, astronaut_png: bytes) -> None:
    avatar, job = workers.api.create(astronaut_png, **FOUR_PARTS)
    workers.wait_for_a_part(job)
    workers.api.client.post(f"/v1/jobs/{job}/cancel")
    assert workers.api.wait(job)["status"] == "canceled"
    assert {row.status for row in workers.rows(job)} <= {"canceled", "succeeded"}
    assert not list(workers.storage.list(avatar_prefix(TENANT, avatar)))
    assert workers.api.client.get(f"/v1/avatars/{avatar}").json()["status"] == "failed"


def test_a_part_that_cannot_be_made_fails_the_job_and_stops_the_others(workers: Workers, astronaut_png: bytes) -> None:
    avatar, job = workers.api.create(astronaut_png, **FOUR_PARTS)
    workers.wait_for_a_part(job)
    # Somebody erases what the next parts would start from.
    for key in list(workers.storage.list(parts_prefix(TENANT, avatar))):
        workers.storage.delete(key)
    ended = workers.api.wait(job, PART_S)
    assert ended["status"] == "failed" and ended["error"]["code"] == "not_found"
    stopped = ("failed", "canceled", "succeeded")
    wait_until(lambda: all(r.status in stopped for r in workers.rows(job)), 60, "every part has ended")
    assert workers.api.client.get(f"/v1/avatars/{avatar}").json()["status"] == "failed"
    wait_until(lambda: not workers.archives(avatar), 60, "nothing that parts handed over is left")
