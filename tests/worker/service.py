"""The real service in processes of its own, for tests that talk to it over HTTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.servers import free_port, wait_until

CONSENT = '{"version": "1", "subject": "authorised"}'
BUILD_TIMEOUT_S = 240.0


@dataclass
class Service:
    """A running `perse serve` and an HTTP client for it."""

    process: subprocess.Popen[bytes]
    client: httpx.Client
    data_dir: Path

    def upload(self, data: bytes) -> httpx.Response:
        """POST /v1/portraits."""
        return self.client.post("/v1/portraits", files={"file": ("photo", data)}, data={"consent": CONSENT})

    def create(self, photo: bytes, **body: Any) -> tuple[str, str]:
        """Upload and create; returns (avatar id, job id)."""
        portrait = self.upload(photo)
        assert portrait.status_code == 201, portrait.text
        made = self.client.post("/v1/avatars", json={"portrait_id": portrait.json()["id"]} | body)
        assert made.status_code == 202, made.text
        return made.json()["avatar"]["id"], made.json()["job"]["id"]

    def job(self, id: str) -> dict[str, Any]:
        """GET /v1/jobs/{id}."""
        return dict(self.client.get(f"/v1/jobs/{id}").json())

    def wait(self, job_id: str, timeout_s: float = BUILD_TIMEOUT_S) -> dict[str, Any]:
        """The job when it has ended."""
        deadline = time.monotonic() + timeout_s
        while True:
            # Asked more often, the service would take the job's processor time.
            job = self.client.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=2"}).json()
            if job["status"] in ("succeeded", "failed", "canceled", "expired"):
                return dict(job)
            assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: job {job_id} ends; it is {job}"

    def wait_for_stage(self, job_id: str, stage: str, step: int = 0) -> None:
        """Poll until the job has come this far."""

        def reached() -> bool:
            job = self.job(job_id)
            assert job["status"] in ("queued", "running"), job
            progress = job["progress"]
            return progress["stage"] == stage and progress["step"] >= step

        wait_until(reached, BUILD_TIMEOUT_S, f"stage {stage}")

    def kill(self) -> None:
        """SIGKILL, as the kernel does when memory is short."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment with the service's settings."""
    return os.environ | {"PERSE_DATA_DIR": str(data_dir), "OMP_NUM_THREADS": "2"} | settings


@contextmanager
def service(data_dir: Path, settings: Mapping[str, str] | None = None) -> Iterator[Service]:
    """`perse serve` on a free port, from when it is ready until the end of the block."""
    port = free_port()
    log = (data_dir / "service.log").open("ab")
    command = [sys.executable, "-m", "worker.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment(data_dir, **(settings or {})), stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=240) as client:
            wait_until(lambda: _is_ready(client) or process.poll() is not None, 180, "the service is ready")
            assert process.poll() is None, (data_dir / "service.log").read_text()[-3000:]
            yield Service(process, client, data_dir)
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def job_processes(parent: int) -> list[psutil.Process]:
    """The processes of jobs that `parent` runs: what its fork server has forked."""
    found = []
    for process in psutil.Process(parent).children():
        # An engine host may end at any time.
        with suppress(psutil.Error):
            if any("forkserver" in word for word in process.cmdline()):
                found += process.children()
    return found
