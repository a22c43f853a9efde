"""Warm child processes that analyse and render: a crash, a hang or a decoding bomb kills a child, not the API."""

from __future__ import annotations

import json
import multiprocessing
import queue
import shutil
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.database.models import Avatar
from app.database.session import Sessions
from app.engine_client import AnalysedPortrait, AvatarFiles, EngineFailure, RenderedImage, RenderRequest
from app.storage import Storage
from worker.engine_tasks import Failure, serve
from worker.processes import child_environment

ANALYSE_TIMEOUT_S = 60.0
RENDER_TIMEOUT_S = 60.0
START_TIMEOUT_S = 120.0


class _Host:
    """One child process, started at the first call."""

    def __init__(self) -> None:
        self._process: Any = None
        self._connection: Connection | None = None

    def start(self) -> Connection:
        if self._connection is not None and self._process.is_alive():
            return self._connection
        child_environment()
        # Not of the fork server: it starts with the service, and a fork would hold more than most requests need.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True, name="perse-engine-host")
        self._process.start()
        theirs.close()
        if not ours.poll(START_TIMEOUT_S) or ours.recv() != "ready":
            self.stop()
            raise EngineFailure("engine_timeout", "The engine did not start in time.")
        self._connection = ours
        return ours

    def call(self, name: str, arguments: tuple[Any, ...], timeout_s: float) -> Any:
        try:
            connection = self.start()
            connection.send((name, arguments))
            if not connection.poll(timeout_s):
                self.stop()
                raise EngineFailure("engine_timeout", f"The engine took more than {timeout_s:.0f} s.")
            answer = connection.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            self.stop()
            raise EngineFailure("engine_crashed", "The engine stopped while it was working on this.") from error
        if isinstance(answer, Failure):
            raise EngineFailure(answer.code, answer.detail, answer.hint)
        return answer

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.join(5)
            self._process = None


class HostPool:
    """`EngineClient` by child processes of this machine. Model files are fetched from the store once and kept."""

    def __init__(self, sessions: Sessions, storage: Storage, cache: Path, hosts: int = 1) -> None:
        self._sessions, self._storage, self._cache = sessions, storage, cache
        self._idle: queue.LifoQueue[_Host] = queue.LifoQueue()
        self._hosts = [_Host() for _ in range(hosts)]
        for host in self._hosts:
            self._idle.put(host)
        self._fetching = threading.Lock()

    def warm_up(self) -> None:
        """Start every child now, so that the first request does not wait."""
        for host in self._hosts:
            host.start()

    def analyse(self, upload: bytes) -> AnalysedPortrait:
        """See `EngineClient`."""
        answer: AnalysedPortrait = self._call("analyse", (upload,), ANALYSE_TIMEOUT_S)
        return answer

    def render(self, avatar: AvatarFiles, request: RenderRequest) -> RenderedImage:
        """See `EngineClient`."""
        folder = self.fetch(avatar)
        answer: RenderedImage = self._call("render", (folder, request), RENDER_TIMEOUT_S)
        return answer

    def meet(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """See `EngineClient`."""
        answer: dict[str, Any] = self._call("meet", (list(pictures),), ANALYSE_TIMEOUT_S)
        return answer

    def follow(self, driver: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        """See `EngineClient`."""
        answer: dict[str, Any] = self._call("follow", (json.dumps(driver), picture), ANALYSE_TIMEOUT_S)
        return answer

    def fetch(self, avatar: AvatarFiles) -> Path:
        """The avatar's model files as a local folder; what is kept of a deleted avatar is removed instead."""
        folder = self._cache / f"{avatar.avatar_id}-{avatar.version}"
        with self._fetching:
            current = self._current_version(avatar)
            if current != avatar.version:
                for old in self._cache.glob(f"{avatar.avatar_id}-*"):
                    if old.name != f"{avatar.avatar_id}-{current}":
                        shutil.rmtree(old, ignore_errors=True)
                if current is None:
                    raise EngineFailure("not_found", "The avatar was deleted.")
                raise EngineFailure("not_ready", "The avatar has just changed.", "Ask again.")
            if not (folder / "avatar.json").exists():
                folder.mkdir(parents=True, exist_ok=True)
                try:
                    # avatar.json last: its presence says that the rest is there.
                    for name in sorted(avatar.keys, reverse=True):
                        self._storage.download(avatar.keys[name], folder / name)
                except KeyError as error:
                    shutil.rmtree(folder, ignore_errors=True)
                    if self._current_version(avatar) not in (None, avatar.version):
                        raise EngineFailure("not_ready", "The avatar has just changed.", "Ask again.") from error
                    raise EngineFailure("not_found", "The avatar's files are gone.") from error
        return folder

    def _current_version(self, avatar: AvatarFiles) -> int | None:
        """None when it is gone. Another machine may have erased or changed it: the row knows, a cache does not."""
        wanted = (Avatar.id == avatar.avatar_id, Avatar.status == "ready")
        with self._sessions() as session:
            return session.scalar(select(Avatar.version).where(*wanted))

    def close(self) -> None:
        """See `EngineClient`."""
        for host in self._hosts:
            host.stop()

    def _call(self, name: str, arguments: tuple[Any, ...], timeout_s: float) -> Any:
        host = self._idle.get()
        try:
            return host.call(name, arguments, timeout_s)
        finally:
            self._idle.put(host)
