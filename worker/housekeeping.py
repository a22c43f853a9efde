"""Files of this machine that nobody needs: cached models of deleted avatars, work folders of jobs that ended.

An avatar is erased by one worker; every other machine that held a copy finds out here.
"""

from __future__ import annotations

import shutil
import time
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import select

from app.database.models import Avatar, Job
from app.database.session import Sessions
from app.jobs.store import TERMINAL
from app.settings import Settings
from worker.rounds import rounds

EVERY_S = 60.0

log = structlog.get_logger()


def sweep(settings: Settings, sessions: Sessions) -> int:
    """One round; returns how many folders were removed."""
    old = _stale_caches(settings.data_dir / "cache", sessions)
    old += _stale_work(settings.data_dir / "work", sessions, settings.retention_days * 86_400)
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    if old:
        log.info("housekeeping.removed", folders=len(old))
    return len(old)


def housekeeping(settings: Settings, sessions: Sessions) -> AbstractContextManager[None]:
    """Sweep now, and every minute while the block runs."""
    return rounds("housekeeping", partial(sweep, settings, sessions), EVERY_S)


def _stale_caches(root: Path, sessions: Sessions) -> list[Path]:
    """Folders `<avatar>-<version>` whose avatar is gone or has moved on."""
    folders = _folders(root)
    ids = {f.name.rpartition("-")[0] for f in folders}
    with sessions() as session:
        ready = select(Avatar.id, Avatar.version).where(Avatar.id.in_(ids), Avatar.status == "ready")
        current = {f"{id}-{version}" for id, version in session.execute(ready)}
    return [f for f in folders if f.name not in current]


def _stale_work(root: Path, sessions: Sessions, keep_s: float) -> list[Path]:
    """Folders `<job>` of jobs that are over: at once when their avatar is erased, else when they are old."""
    folders = _folders(root)
    names = [f.name for f in folders]
    with sessions() as session:
        active = set(session.scalars(select(Job.id).where(Job.id.in_(names), Job.status.not_in(TERMINAL))))
        gone = Job.avatar_id.not_in(select(Avatar.id).where(Avatar.status != "deleting"))
        erased = set(session.scalars(select(Job.id).where(Job.id.in_(names), gone)))
    before = time.time() - keep_s
    return [f for f in folders if f.name not in active and (f.name in erased or _changed_at(f) < before)]


def _folders(root: Path) -> list[Path]:
    return [f for f in root.iterdir() if f.is_dir()] if root.is_dir() else []


def _changed_at(folder: Path) -> float:
    return folder.stat().st_mtime if folder.exists() else time.time()
