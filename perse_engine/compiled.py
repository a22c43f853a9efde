"""How kernels are compiled: one decorator, a cache that is never stale, and a lock around parallel work.

Numba's own cache looks only at the date of the file that holds a kernel. Here a kernel inlines functions from other
files of its folder, so the cache folder carries a digest of all of them. `NUMBA_CACHE_DIR` says where the cache lies;
without it, it is the user's cache folder, or a private temporary one where there is no writable home.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
import numba.core.config

_numba_config: Any = numba.core.config

P = ParamSpec("P")
R = TypeVar("R")

# Not "fast": without nnan and ninf, so that infinities of degenerate Gaussians stay well defined.
_FLOAT_FREEDOM = {"contract", "reassoc", "arcp", "nsz"}

PARALLEL_WORK = threading.RLock()
"""Held around every call of a parallel kernel: numba's fallback threading layer aborts the process otherwise, and two
threads that each use all cores gain nothing."""


def kernel(*, parallel: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile the function on its first call, without the GIL, cached on disk.

    Parallel ones split `numba.prange` loops over threads and are called under `PARALLEL_WORK`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        folder = _cache_folder(Path(function.__code__.co_filename).parent)
        previous = _numba_config.CACHE_DIR
        # Numba reads this while it decorates, at no other time.
        _numba_config.CACHE_DIR = str(folder or "")
        try:
            compiled: Callable[P, R] = numba.njit(
                parallel=parallel,
                nogil=True,
                fastmath=_FLOAT_FREEDOM,
                error_model="numpy",
                boundscheck=False,
                cache=folder is not None,
            )(function)
        finally:
            _numba_config.CACHE_DIR = previous
        return compiled

    return decorate


@functools.cache
def _cache_folder(sources: Path) -> Path | None:
    """Where the kernels of one source folder are cached; None when no place can be written."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(sources.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for root in _cache_roots():
        folder = root / f"{sources.name}-{digest.hexdigest()[:16]}"
        if _is_ours(folder):
            return folder
    return None


def _cache_roots() -> list[Path]:
    if os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(os.environ["NUMBA_CACHE_DIR"])]
    user = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache" if _has_home() else None)
    temporary = Path(tempfile.gettempdir()) / f"perse-kernels-{os.getuid()}"
    return [*([Path(user) / "perse" / "kernels"] if user else []), temporary]


def _has_home() -> bool:
    try:
        return Path.home().is_dir()
    except RuntimeError:
        return False


def _is_ours(folder: Path) -> bool:
    """Make the folder; True if only this user can write to it. Cached code is executed, so a stranger's is refused."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    mine = status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return mine and stat.S_ISDIR(status.st_mode) and os.access(folder, os.W_OK)
