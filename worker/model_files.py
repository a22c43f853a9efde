"""The model files of a ready avatar, in a job's own folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.database.models import Avatar
from app.jobs.store import ClaimedJob
from app.renders.endpoints import avatar_files
from worker.worker import Worker


@dataclass(frozen=True)
class ReadyModel:
    """The avatar from which a job starts: its version and where its model files are."""

    version: int
    keys: dict[str, str]


def ready_model(worker: Worker, claim: ClaimedJob) -> ReadyModel | None:
    """None when the avatar is gone or not ready."""
    with worker.sessions() as session:
        avatar = session.get(Avatar, claim.avatar_id)
        if avatar is None or avatar.status != "ready":
            return None
        return ReadyModel(avatar.version, dict(avatar_files(session, avatar).keys))


def fetch(worker: Worker, keys: Mapping[str, str], folder: Path) -> bool:
    """Files by name; False when one of them is not there any more."""
    try:
        for name, key in keys.items():
            worker.storage.download(key, folder / name)
    except KeyError:
        return False
    return True
