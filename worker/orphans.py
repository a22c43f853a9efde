"""Objects that no row names: what a process had stored when it was killed, before it could write the row.

Whoever stores something erases it where the row is refused; only a process that dies on the way leaves an orphan. It
would outlive the erasure of its avatar or portrait, so it is looked for. Objects are proved to be orphans: the rows
are read after the store was listed, nothing of an avatar that has an unfinished job counts, and what is younger than
`GRACE` may belong to a request that still runs. A database without any job proves nothing: it may be a new one in front
of an old store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

import structlog
from sqlalchemy import select

from app.database.models import Artifact, Avatar, Job, Portrait, now
from app.database.session import Sessions, transaction
from app.jobs.store import TERMINAL
from app.storage import ROOT, Storage, owner_of
from worker.rounds import rounds

GRACE = timedelta(hours=1)
"""Many times what a request may take, so that clocks need not agree."""
EVERY_S = 6 * 3600.0
FIRST_S = 600.0
"""A service that is started again and again does not list its store each time."""
PAGE = 1000

log = structlog.get_logger()


def find_orphans(sessions: Sessions, storage: Storage, before: datetime) -> Iterator[str]:
    """Keys of orphans that were written before this moment; none while the database has no job."""
    if _is_new(sessions):
        return
    keys = storage.list(ROOT)
    while page := list(islice(keys, PAGE)):
        for key in _unnamed(sessions, page):
            about = storage.head(key)
            if about is not None and about.written_at < before:
                yield key


def erase_orphans(sessions: Sessions, storage: Storage, grace: timedelta = GRACE) -> int:
    """Erase orphans and unfinished writes that are older than `grace`; returns how many of both."""
    before = now() - grace
    erased = storage.erase_unfinished(before)
    for key in find_orphans(sessions, storage, before):
        storage.delete(key)
        erased += 1
    if erased:
        log.warning("orphans.erased", objects=erased)
    return erased


def sweeping(
    sessions: Sessions, storage: Storage, grace: timedelta = GRACE, first_s: float = FIRST_S
) -> AbstractContextManager[None]:
    """Erase orphans a few times a day while the block runs. Several processes that do so harm nothing."""
    return rounds("orphans", partial(erase_orphans, sessions, storage, grace), EVERY_S, first_s)


def _is_new(sessions: Sessions) -> bool:
    with transaction(sessions, writes=False) as session:
        return session.scalar(select(Job.id).limit(1)) is None


def _unnamed(sessions: Sessions, keys: Sequence[str]) -> list[str]:
    """Those that no row names and that no unfinished job may come to name."""
    owners = {key: owner for key in keys if (owner := owner_of(key)) is not None}
    ids = set(owners.values())
    with transaction(sessions, writes=False) as session:
        named = {
            *session.scalars(select(Artifact.storage_key).where(Artifact.storage_key.in_(keys))),
            *session.scalars(select(Portrait.storage_key).where(Portrait.storage_key.in_(keys))),
        }
        busy = set(session.scalars(select(Job.avatar_id).where(Job.avatar_id.in_(ids), Job.status.not_in(TERMINAL))))
        there = set(session.scalars(select(Avatar.id).where(Avatar.id.in_(ids))))
    return [
        key
        for key, owner in owners.items()
        # Renders have no rows: they are kept for the same request, as long as their avatar.
        if key not in named and owner not in busy and not (owner in there and "/renders/" in key)
    ]
