"""What the database forgets, and what it keeps; on SQLite and on a real Postgres."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select, update

from app.database.models import Job, JobEvent, Outbox, now
from app.database.session import Sessions, transaction
from app.jobs.store import JobStore
from app.retention import prune
from tests.app.test_job_store import LEASE_S, add_job

KEEP = timedelta(days=7)


def finish(sessions: Sessions, ago: timedelta) -> str:
    """A job that succeeded so long ago."""
    id = add_job(sessions)
    claim = JobStore(sessions).claim("a", ["render"], LEASE_S)
    assert claim is not None and claim.id == id
    JobStore(sessions).succeed(claim, {})
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == id).values(finished_at=now() - ago))
    return id


def left(sessions: Sessions, table: type[JobEvent] | type[Outbox], job_id: str) -> int:
    with sessions() as session:
        return int(session.scalar(select(func.count()).select_from(table).where(table.job_id == job_id)) or 0)


def test_events_of_jobs_that_ended_long_ago_are_pruned(any_sessions: Sessions) -> None:
    old, recent = finish(any_sessions, KEEP * 2), finish(any_sessions, KEEP / 2)
    waiting = add_job(any_sessions)
    assert prune(any_sessions, KEEP) > 0
    assert [left(any_sessions, JobEvent, id) for id in (old, recent, waiting)] == [0, 3, 1]
    with any_sessions() as session:
        assert session.get(Job, old) is not None


def test_bells_of_jobs_that_wait_no_more_are_pruned(any_sessions: Sessions) -> None:
    ended, waiting = finish(any_sessions, timedelta()), add_job(any_sessions)
    prune(any_sessions, KEEP)
    assert [left(any_sessions, Outbox, id) for id in (ended, waiting)] == [0, 1]


def test_pruning_twice_prunes_nothing_more(any_sessions: Sessions) -> None:
    finish(any_sessions, KEEP * 2)
    prune(any_sessions, KEEP)
    assert prune(any_sessions, KEEP) == 0
