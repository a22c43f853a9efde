"""The whole service as processes of this machine, each of which can be killed: Postgres, Redis, Swift, API, workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
import psutil
from sqlalchemy.orm import Session

from app.database.session import Sessions, open_database
from app.settings import Settings
from app.storage import Storage, open_storage
from tests.servers import Server, create_database, free_port, postgres, redis, wait_until
from tests.swift import ACCESS_KEY, SECRET_KEY, SwiftStore, swift_server

CONSENT = '{"version": "1", "subject": "authorised"}'
LANES = (("train",), ("files",), ("render", "io"))
READY_S = 120.0


@dataclass
class Stack:
    """The running service. `parts` holds every process by name: postgres, redis, api, worker-train, ..."""

    folder: Path
    environment: Mapping[str, str]
    parts: dict[str, Server] = field(default_factory=dict)
    store: SwiftStore | None = None

    @property
    def url(self) -> str:
        """Of the API."""
        return self.parts["api"].url

    @cached_property
    def settings(self) -> Settings:
        """As the processes read them."""
        return Settings(**{
            name.removeprefix("PERSE_").lower(): value
            for name, value in self.environment.items()
            if name.startswith("PERSE_")
        })  # fmt: skip

    @cached_property
    def sessions(self) -> Sessions:
        """Of the database itself, for looking behind the API."""
        return open_database(self.settings.resolved_database_url)

    @cached_property
    def storage(self) -> Storage:
        """The store itself."""
        return open_storage(self.settings)

    def session(self) -> Session:
        """To read with."""
        return self.sessions()

    def client(self, key: str | None = None, timeout_s: float = 60.0) -> httpx.Client:
        """An HTTP client of the API."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Plain HTTP: loading certificates would take longer than the requests.
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s, verify=False)

    def wait_until_ready(self) -> None:
        """Until the API says so."""
        with self.client() as client:
            wait_until(lambda: _is_ready(client), READY_S, f"the API is ready; see {self.folder}/api.log")

    def add(self, name: str, command: Sequence[str], port: int | None = None, **settings: str) -> Server:
        """Start one of our processes with a data folder of its own."""
        data = self.folder / f"data-{name}"
        data.mkdir(exist_ok=True)
        environment = {"PERSE_DATA_DIR": str(data), **self.environment, **settings}
        server = Server(
            [sys.executable, "-m", "worker.cli", *command], port, f"http://127.0.0.1:{port}",
            environment={**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **environment}, log=self.folder / f"{name}.log",
        )  # fmt: skip
        self.parts[name] = server
        server.start()
        return server

    def add_worker(self, queues: Sequence[str], number: int = 0, **settings: str) -> Server:
        """A worker of these queues."""
        name = f"worker-{queues[0]}" + (f"-{number}" if number else "")
        return self.add(name, ["worker", "--queues", ",".join(queues)], **settings)

    def resident_bytes(self, name: str) -> int:
        """Of a part and the processes below it."""
        process = self.parts[name].process
        if process is None or process.poll() is not None:
            return 0
        return sum(p.memory_info().rss for p in below(process.pid))

    def stop(self) -> None:
        """All of our processes, last started first."""
        for server in reversed(list(self.parts.values())):
            server.stop()
        if "sessions" in self.__dict__:
            self.sessions.kw["bind"].dispose()


def below(pid: int) -> list[psutil.Process]:
    """A process and its children, theirs too; those that are just ending are left out."""
    try:
        root = psutil.Process(pid)
        return [p for p in (root, *root.children(recursive=True)) if p.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def full_stack(folder: Path, lanes: Sequence[Sequence[str]] = LANES, **settings: str) -> Iterator[Stack]:
    """Postgres, Redis, Swift, one API, and a Celery worker per lane."""
    with ExitStack() as ending:
        own = {name: folder / name for name in ("postgres", "redis", "swift")}
        for place in own.values():
            place.mkdir()
        store = ending.enter_context(swift_server(own["swift"]))
        parts = {"postgres": postgres(own["postgres"]), "redis": redis(own["redis"])}
        environment = {
            "PERSE_DATABASE_URL": parts["postgres"].url,
            "PERSE_BROKER_URL": parts["redis"].url,
            "PERSE_STORAGE_URL": "s3://perse/objects",
            "PERSE_S3_ENDPOINT_URL": store.url,
            "PERSE_S3_ACCESS_KEY_ID": ACCESS_KEY,
            "PERSE_S3_SECRET_ACCESS_KEY": SECRET_KEY,
            **settings,
        }
        stack = Stack(folder, environment, parts, store)
        ending.callback(stack.stop)
        for server in parts.values():
            server.start()
        create_database(parts["postgres"])
        _start_api(stack)
        for queues in lanes:
            stack.add_worker(queues)
        yield stack


@contextmanager
def embedded(folder: Path, **settings: str) -> Iterator[Stack]:
    """One process: `perse serve` with SQLite and a folder."""
    stack = Stack(folder, {"PERSE_DATA_DIR": str(folder / "data-api"), **settings})
    try:
        _start_api(stack)
        yield stack
    finally:
        stack.stop()


def _start_api(stack: Stack) -> None:
    port = free_port()
    stack.add("api", ["serve", "--port", str(port)], port)
    stack.wait_until_ready()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
