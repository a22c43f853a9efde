"""The job's state machine: the only place that changes a job's status.

    queued --claim--> running --> succeeded | failed
      |                 |  `--release, lost lease--> queued (attempt counted) or failed (attempts_exhausted)
      | cancel          | cancel
      v                 v
    canceled         canceling --> canceled

    queued or running --deadline--> expired

Every change of a running job names the fencing token of its claim: a worker that lost its lease changes nothing. Each
change writes an event (for streams) and, when there is work to do, an outbox row (for the broker) in one transaction;
an end also writes a delivery for each webhook endpoint that wants to know of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from app.database.models import Job, JobEvent, Outbox, now
from app.database.session import Sessions, transaction
from app.ids import new_id
from app.problems import CODES
from app.webhooks.announce import announce

TERMINAL = ("succeeded", "failed", "canceled", "expired")
ACTIVE = ("running", "canceling")


@dataclass(frozen=True)
class ClaimedJob:
    """What a worker needs to run a job; `lease_token` fences its writes."""

    id: str
    kind: str
    tenant_id: str
    avatar_id: str | None
    input: dict[str, Any]
    attempt: int
    lease_token: int


@dataclass(frozen=True)
class Heartbeat:
    """What a worker learns at each beat: stop without a trace, or stop and say canceled or expired."""

    is_fenced: bool
    cancel_requested: bool
    is_expired: bool = False


def enqueue(
    session: Session, *, tenant_id: str, kind: str, queue: str, input: dict[str, Any], avatar_id: str | None = None,
    max_attempts: int = 3, priority: int = 0, deadline_s: float | None = None,
) -> Job:  # fmt: skip
    """Add a queued job inside the caller's transaction; it expires when it has not finished after `deadline_s`."""
    job = Job(
        id=new_id("job"), tenant_id=tenant_id, kind=kind, queue=queue, status="queued", input=input,
        avatar_id=avatar_id, max_attempts=max_attempts, priority=priority, progress={},
        deadline_at=None if deadline_s is None else now() + timedelta(seconds=deadline_s),
    )  # fmt: skip
    session.add(job)
    session.flush()
    session.add_all([JobEvent(job_id=job.id, kind="status"), Outbox(queue=queue, job_id=job.id)])
    return job


def request_cancel(session: Session, job: Job) -> bool:
    """Cancel inside the caller's transaction: a queued job at once, a running one at its next step."""
    finished = _change(
        session, and_(Job.id == job.id, Job.status == "queued"),
        status="canceled", cancel_requested_at=now(), finished_at=now(),
    )  # fmt: skip
    if finished:
        _ended(session, job.id, "status")
        return True
    asked = _change(
        session, and_(Job.id == job.id, Job.status == "running"), status="canceling", cancel_requested_at=now()
    )
    if asked:
        _event(session, job.id, "status")
    return asked


class JobStore:
    """What workers call. Every method is one transaction."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def claim(self, owner: str, queues: Sequence[str], lease_s: float) -> ClaimedJob | None:
        """The best waiting job of these queues, or one whose worker is lost; None when there is none."""
        with transaction(self._sessions) as session:
            waiting = and_(Job.status == "queued", Job.available_at <= now())
            lost = and_(Job.status == "running", Job.lease_expires_at < now(), Job.attempt < Job.max_attempts)
            in_time = or_(Job.deadline_at.is_(None), Job.deadline_at > now())
            job = session.scalars(
                select(Job)
                .where(Job.queue.in_(queues), in_time, or_(waiting, lost))
                .order_by(Job.priority.desc(), Job.created_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if job is None:
                return None
            job.status = "running"
            job.status_sequence += 1
            job.attempt += 1
            job.lease_token += 1
            job.lease_owner = owner
            job.started_at = job.started_at or now()
            job.heartbeat_at = now()
            job.lease_expires_at = now() + timedelta(seconds=lease_s)
            _event(session, job.id, "status")
            return ClaimedJob(
                job.id, job.kind, job.tenant_id, job.avatar_id, dict(job.input), job.attempt, job.lease_token
            )

    def heartbeat(self, claim: ClaimedJob, lease_s: float, progress: dict[str, Any] | None = None) -> Heartbeat:
        """Renew the lease and store progress."""
        values: dict[str, Any] = {"heartbeat_at": now(), "lease_expires_at": now() + timedelta(seconds=lease_s)}
        if progress is not None:
            values["progress"] = progress
        with transaction(self._sessions) as session:
            statement = update(Job).where(_held(claim)).values(**values)
            if not session.execute(statement).rowcount:  # type: ignore[attr-defined]
                return Heartbeat(is_fenced=True, cancel_requested=False)
            if progress is not None:
                _event(session, claim.id, "progress")
            status, deadline = session.execute(select(Job.status, Job.deadline_at).where(Job.id == claim.id)).one()
            is_expired = deadline is not None and deadline < now()
            return Heartbeat(is_fenced=False, cancel_requested=status == "canceling", is_expired=is_expired)

    def succeed(
        self, claim: ClaimedJob, result: dict[str, Any], publish: Callable[[Session], None] | None = None
    ) -> bool:
        """Finish; `publish` writes what the job made in the same transaction. False when the lease was lost.

        A job that was asked to cancel but had finished anyway succeeds.
        """
        with transaction(self._sessions) as session:
            if not _change(session, _held(claim), status="succeeded", result=result, finished_at=now()):
                return False
            if publish is not None:
                publish(session)
            _ended(session, claim.id)
            return True

    def fail(
        self, claim: ClaimedJob, error: dict[str, Any], *, retry: bool, delay_s: float = 5.0,
        publish: Callable[[Session], None] | None = None,
    ) -> bool:  # fmt: skip
        """Fail, or queue again when `retry` and attempts are left. `publish` runs only on the final failure."""
        with transaction(self._sessions) as session:
            job = session.scalars(select(Job).where(_held(claim))).first()
            if job is None:
                return False
            if retry and job.attempt < job.max_attempts and job.status == "running":
                later = now() + timedelta(seconds=delay_s)
                _change(session, _held(claim), status="queued", available_at=later, lease_expires_at=None, error=error)
                _event(session, claim.id, "status")
                session.add(Outbox(queue=job.queue, job_id=job.id))
                return True
            _change(session, _held(claim), status="failed", error=error, finished_at=now())
            if publish is not None:
                publish(session)
            _ended(session, claim.id)
            return True

    def release(self, claim: ClaimedJob) -> bool:
        """Give a job back unfinished (shutdown): queued again at once, the attempt not counted."""
        with transaction(self._sessions) as session:
            job = session.scalars(select(Job).where(_held(claim), Job.status == "running")).first()
            if job is None:
                return False
            job.attempt -= 1
            _change(session, _held(claim), status="queued", available_at=now(), lease_expires_at=None)
            _event(session, claim.id, "status")
            session.add(Outbox(queue=job.queue, job_id=job.id))
            return True

    def finish_cancel(self, claim: ClaimedJob, publish: Callable[[Session], None] | None = None) -> bool:
        """The worker has stopped as asked."""
        return self._finish_early(claim, publish, status="canceled")

    def expire(self, claim: ClaimedJob, publish: Callable[[Session], None] | None = None) -> bool:
        """The worker has stopped at the job's deadline."""
        return self._finish_early(claim, publish, status="expired", error=_expired())

    def _finish_early(self, claim: ClaimedJob, publish: Callable[[Session], None] | None, **values: Any) -> bool:
        with transaction(self._sessions) as session:
            if not _change(session, _held(claim), finished_at=now(), **values):
                return False
            if publish is not None:
                publish(session)
            _ended(session, claim.id)
            return True

    def has_ended(self, claim: ClaimedJob) -> bool:
        """Whether nobody will run the job again."""
        with transaction(self._sessions, writes=False) as session:
            status = session.scalar(select(Job.status).where(Job.id == claim.id))
            return status is None or status in TERMINAL

    def reap(self, give_up: Callable[[Session, Job], None] | None = None) -> int:
        """Settle jobs whose worker is lost or whose deadline has passed unrun; returns how many.

        `give_up` is told of those that end.

        Lost jobs with attempts left stay `running`: `claim` takes them. A bell is rung for them.
        """
        with transaction(self._sessions) as session:
            lost = and_(Job.status.in_(ACTIVE), Job.lease_expires_at < now())
            late = and_(Job.status == "queued", Job.deadline_at < now())
            found = session.scalars(select(Job).where(or_(lost, late)).with_for_update(skip_locked=True)).all()
            for job in found:
                if job.status == "canceling":
                    job.status, job.finished_at = "canceled", now()
                elif job.deadline_at is not None and job.deadline_at < now():
                    job.status, job.finished_at, job.error = "expired", now(), _expired()
                elif job.attempt >= job.max_attempts:
                    job.status, job.finished_at = "failed", now()
                    job.error = problem_of(
                        "attempts_exhausted", "The worker was lost too often while running this job."
                    )
                else:
                    job.status, job.available_at, job.lease_expires_at = "queued", now(), None
                    session.add(Outbox(queue=job.queue, job_id=job.id))
                job.status_sequence += 1
                # Whoever still holds the old token writes nothing more.
                job.lease_token += 1
                if job.status not in TERMINAL:
                    _event(session, job.id, "status")
                    continue
                _ended(session, job.id)
                if give_up is not None:
                    give_up(session, job)
            return len(found)

    def take_outbox(self, limit: int = 50) -> list[tuple[int, str]]:
        """Unpublished bells: (id, queue). Delete them with `published` after ringing."""
        with transaction(self._sessions, writes=False) as session:
            rows = session.execute(select(Outbox.id, Outbox.queue).order_by(Outbox.id).limit(limit)).all()
            return [(int(i), str(q)) for i, q in rows]

    def published(self, ids: Sequence[int]) -> None:
        """Forget bells that were rung."""
        with transaction(self._sessions) as session:
            session.execute(delete(Outbox).where(Outbox.id.in_(ids)))


def problem_of(code: str, detail: str, hint: str | None = None) -> dict[str, Any]:
    """What `job.error` holds: the same words as a problem response."""
    status, title = CODES.get(code, CODES["internal"])
    return {"type": f"urn:perse:problem:{code}", "title": title, "status": status, "code": code, "detail": detail,
            "hint": hint}  # fmt: skip


def _expired() -> dict[str, Any]:
    return problem_of("deadline_exceeded", "The job did not finish before its deadline.")


def _held(claim: ClaimedJob) -> ColumnElement[bool]:
    return and_(Job.id == claim.id, Job.lease_token == claim.lease_token, Job.status.in_(ACTIVE))


def _change(session: Session, where: ColumnElement[bool], **values: Any) -> bool:
    statement = update(Job).where(where).values(status_sequence=Job.status_sequence + 1, **values)
    return bool(session.execute(statement.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined]


def _event(session: Session, job_id: str, kind: str) -> None:
    session.add(JobEvent(job_id=job_id, kind=kind))


def _ended(session: Session, job_id: str, kind: str = "done") -> None:
    """Tell of a job's end: to streams, and to whom webhooks go."""
    _event(session, job_id, kind)
    announce(session, job_id)
