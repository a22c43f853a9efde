"""How child processes begin: their environment, their limits, and the fork server that a job's process comes from.

The fork server is one process that has loaded the engine and done nothing else. A job's process is a fork of it: it
begins in hundredths of a second, where loading the engine anew takes seconds of the processor. It starts with the
first job of this process and ends with it.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

MEMORY_LIMIT_BYTES = 12 * 2**30
"""Address space, not resident memory: torch and numba reserve gigabytes that they never touch."""
NICENESS = 5
LOADED_AHEAD = (
    "worker.job_child",
    "worker.make_animation",
    "worker.make_export",
    "worker.part_child",
    "perse_engine.export.avatar_files",
    "perse_engine.motion.animate",
    "perse_engine.motion.drive",
    "perse_engine.pipeline",
    "perse_engine.variants",
)
"""What a fork finds loaded. None of it may start a thread or ask for a GPU: neither survives a fork."""


def child_environment() -> None:
    """Settings that must be in the environment before numerical libraries load."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")


def limit_memory() -> None:
    """Of this process, for good: what decodes hostile bytes dies before the machine suffers."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextmanager
def job_process(name: str, target: Callable[..., None], *arguments: Any) -> Iterator[tuple[BaseProcess, Connection]]:
    """Run `target(connection, *arguments)` in a process of its own until the end of the block; gives our connection.

    It yields to requests, and ends at once when this process ends, however that happens: nobody writes on into the
    folder of a job that has gone to somebody else. Its environment is that of the first call in this process.
    """
    child_environment()
    # macOS kills a fork that uses its frameworks; there the engine is loaded anew.
    context: Any = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload(list(LOADED_AHEAD))
    ours, theirs = context.Pipe()
    watched, lifeline = context.Pipe(duplex=False)
    process: BaseProcess = context.Process(
        target=_run, args=(watched, target, (theirs, *arguments)), daemon=True, name=name
    )
    with ours, lifeline:
        with theirs, watched:
            process.start()
        try:
            yield process, ours
        finally:
            process.kill()
    process.join(10)


def _run(watched: Connection, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Jobs take the processor time that requests leave: else those of the same machine wait for a time slice each.
    os.nice(NICENESS)
    threading.Thread(target=_end_with, args=(watched,), name="perse-lifeline", daemon=True).start()
    target(*arguments)


def _end_with(watched: Connection) -> None:
    # Nothing is ever sent: this returns when the other end is gone.
    watched.poll(None)
    os._exit(1)
