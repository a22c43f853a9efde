"""Real servers for tests: Postgres, Redis, an S3 store, each a process with its data in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_TIMEOUT_S = 40.0


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_until(is_true: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Poll until it is true; fail the test after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def program(name: str, hint: str) -> str:
    """The path of a server program, or a skip that says how to get it."""
    found = shutil.which(name)
    if found is None:
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
            if (folder / name).exists():
                return str(folder / name)
        pytest.skip(f"needs {name}: {hint}")
    return found


@contextmanager
def running(command: list[str], port: int, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A server process, from when it listens until the end of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        wait_until(lambda: listens(port) or process.poll() is not None, START_TIMEOUT_S, command[0])
        assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A fresh cluster; yields a SQLAlchemy URL of its empty database."""
    hint = "apt-get install postgresql"
    initdb, postgres, createdb = (program(n, hint) for n in ("initdb", "postgres", "createdb"))
    # The server refuses to run as root.
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:
        user = next((u for u in ("postgres", "nobody") if _exists(u)), None)
        if user is None:
            pytest.skip("needs a user beside root to run postgres")
        as_user = {"user": user}
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and parent != Path("/") and not parent.stat().st_mode & 0o005:
                parent.chmod(parent.stat().st_mode | 0o055)
        shutil.chown(folder, user)
    data, port = folder / "data", free_port()
    options = {"cwd": folder, "check": True, "stdout": subprocess.DEVNULL, **as_user}
    subprocess.run([initdb, "-D", str(data), "-U", "perse", "-A", "trust", "--no-sync"], **options)  # type: ignore[call-overload]
    command = [
        postgres,
        "-D",
        str(data),
        "-p",
        str(port),
        "-k",
        str(folder),
        "-c",
        "fsync=off",
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    with running(command, port, cwd=folder, **as_user):
        wait_until(
            lambda: (
                subprocess.run(
                    [createdb, "-h", "127.0.0.1", "-p", str(port), "-U", "perse", "perse"],
                    capture_output=True,
                    check=False,
                ).returncode
                == 0
            ),
            START_TIMEOUT_S,
            "createdb",
        )
        yield f"postgresql+psycopg://perse@127.0.0.1:{port}/perse"


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A fresh Redis; yields its URL."""
    server, port = program("redis-server", "apt-get install redis-server"), free_port()
    with running([server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""], port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def s3_server() -> Iterator[str]:
    """moto's server, which speaks S3; yields its endpoint URL."""
    port = free_port()
    script = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    with running([sys.executable, "-W", "ignore", "-c", script], port):
        yield f"http://127.0.0.1:{port}"
