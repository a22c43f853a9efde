"""Processes of jobs: loaded ahead, yielding to requests, gone with the process that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import psutil
import pytest

from tests.servers import wait_until
from worker.processes import LOADED_AHEAD, NICENESS, job_process

PARENT = "from tests.worker.test_processes import start; start()"


def tell(connection: Connection) -> None:
    """What a job's process finds; then it works on."""
    import torch

    missing, server = sorted(set(LOADED_AHEAD) - set(sys.modules)), psutil.Process(os.getppid())
    told = {"pid": os.getpid(), "nice": os.nice(0), "missing": missing, "cuda": torch.cuda.is_initialized()}
    connection.send(told | {"server": server.pid, "threads": server.num_threads()})
    time.sleep(600)


def start() -> None:
    """A service with one job."""
    with job_process("perse-job-test", tell) as (_, ours):
        print(json.dumps(ours.recv()), flush=True)
        time.sleep(600)


@pytest.fixture(scope="module")
def job() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process that has started a job, and what the job's process told."""
    # Libraries that start their threads when they are loaded start as many as this.
    environment = os.environ | {"OMP_NUM_THREADS": "4"}
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        yield parent, json.loads(parent.stdout.readline())
        parent.kill()


def test_the_engine_is_loaded_ahead_without_a_thread_or_a_gpu(job: tuple[Any, dict[str, Any]]) -> None:
    _, told = job
    assert (told["missing"], told["threads"], told["cuda"]) == ([], 1, False)


def test_it_yields_to_requests(job: tuple[Any, dict[str, Any]]) -> None:
    _, told = job
    assert told["nice"] == os.nice(0) + NICENESS


def test_it_ends_with_a_service_that_is_killed(job: tuple[subprocess.Popen[str], dict[str, Any]]) -> None:
    parent, told = job
    assert psutil.pid_exists(told["pid"])
    parent.kill()
    wait_until(lambda: not any(map(psutil.pid_exists, (told["server"], told["pid"]))), 30, "they end")


def test_it_ends_when_its_fork_server_is_gone_and_nobody_waits_for_it_any_more() -> None:
    with job_process("perse-job-test", tell) as (process, ours):
        told = ours.recv()
        os.kill(told["server"], signal.SIGKILL)
        wait_until(lambda: not process.is_alive(), 30, "the process is given up")
    wait_until(lambda: not psutil.pid_exists(told["pid"]), 30, "it ends")
