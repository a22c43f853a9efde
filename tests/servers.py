"""Real servers for tests: Postgres, Redis, an S3 store, each a process with its data in a temporary folder."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

START_TIMEOUT_S = 120.0


def free_port() -> int:
    """A loopback port that nobody listens on, below those that the system gives to clients while a server starts."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as s, suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


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


@dataclass
class Server:
    """A server's process, which can be killed and started again with its data and port."""

    command: list[str]
    port: int | None
    """None of a process that listens nowhere: it has started when it runs."""
    url: str = ""
    cwd: Path | None = None
    user: str | None = None
    environment: Mapping[str, str] | None = None
    log: Path | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Return when it listens."""
        with Path(self.log or os.devnull).open("ab") as log:
            self.process = process = subprocess.Popen(
                self.command, stdout=log, stderr=log, cwd=self.cwd, user=self.user, env=self.environment,
                start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(
                lambda: self.port is None or listens(self.port) or process.poll() is not None,
                timeout_s,
                self.command[0],
            )
            assert process.poll() is None, f"{self.command[0]} ended with {process.returncode}"
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL for it and its children, as when the machine stops."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(60)

    def stop(self) -> None:
        """As an operator does; SIGKILL when that takes too long."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.kill()

    def signal(self, number: int) -> None:
        """To all of its processes; none when they are gone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """From when it listens until the end of the block."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_server(folder: Path) -> Iterator[str]:
    """A fresh cluster; yields a SQLAlchemy URL of its empty database."""
    with running(postgres(folder)) as server:
        create_database(server)
        yield server.url


def postgres(folder: Path) -> Server:
    """A fresh cluster in `folder`, not started and without its database."""
    hint = "apt-get install postgresql"
    initdb, postgres_program = (program(n, hint) for n in ("initdb", "postgres"))
    # The server refuses to run as root.
    user = None
    if os.geteuid() == 0:
        user = next((u for u in ("postgres", "nobody") if _exists(u)), None)
        if user is None:
            pytest.skip("needs a user beside root to run postgres")
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and parent != Path("/") and not parent.stat().st_mode & 0o005:
                parent.chmod(parent.stat().st_mode | 0o055)
        shutil.chown(folder, user)
    data, port = folder / "data", free_port()
    subprocess.run(
        [initdb, "-D", str(data), "-U", "perse", "-A", "trust", "--no-sync"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, user=user,
    )  # fmt: skip
    settings = ("fsync=off", "listen_addresses=127.0.0.1")
    command = [postgres_program, "-D", str(data), "-p", str(port), "-k", str(folder), *(f"-c{s}" for s in settings)]
    return Server(command, port, f"postgresql+psycopg://perse@127.0.0.1:{port}/perse", cwd=folder, user=user)


def create_database(server: Server) -> None:
    """The one that the server's URL names."""
    createdb = program("createdb", "apt-get install postgresql")
    command = [createdb, "-h", "127.0.0.1", "-p", str(server.port), "-U", "perse", "perse"]
    # It listens before it answers.
    wait_until(
        lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, START_TIMEOUT_S, "createdb"
    )


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """A fresh Redis; yields its URL."""
    with running(redis(folder)) as server:
        yield server.url


def redis(folder: Path) -> Server:
    """A Redis that keeps nothing on disk, not started."""
    name, port = program("redis-server", "apt-get install redis-server"), free_port()
    command = [name, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    return Server(command, port, f"redis://127.0.0.1:{port}/0")


@contextmanager
def s3_server() -> Iterator[str]:
    """moto's server, which speaks S3; yields its endpoint URL."""
    port = free_port()
    script = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    command = [sys.executable, "-W", "ignore", "-c", script]
    with running(Server(command, port, f"http://127.0.0.1:{port}")) as server:
        yield server.url
