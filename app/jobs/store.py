"""The job's state machine: the only place that changes a job's status, with parts.py for jobs that fan out.

    queued --claim--> running --> succeeded | failed
      |                 |  `--release, lost lease--> queued (attempt counted) or failed (attempts_exhausted)
      | cancel          | cancel
      v                 v
    canceled         canceling --> canceled

    queued or running --deadline--> expired

Every change of a running job names the fencing token of its claim: a worker that lost its lease changes nothing. Each
change writes an event (for streams) and, when there is work to do, an outbox row (for the broker) in one transaction;
an end also writes a delivery for each webhook endpoint that wants to know of it. Of a part, see parts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.database.models import Job, JobEvent, Outbox, now
from app.database.session import Sessions, transaction
from app.ids import new_id
from app.jobs.parts import (
    MadePart,
    NewPart,
    add_parts,
    end_of_part,
    is_waiting,
    lock_job,
    made_parts,
    stop_parts,
    waits_for_parts,
)
from app.jobs.transitions import ACTIVE, TERMINAL, ClaimedJob, change, expired, held, problem_of, tell, tell_end

__all__ = [
    "ACTIVE", "TERMINAL", "ClaimedJob", "Heartbeat", "JobStore", "MadePart", "NewPart", "enqueue", "problem_of",
    "request_cancel",
]  # fmt: skip


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
    """Cancel inside the caller's transaction: a queued job at once, a running one at its next step.

    A job that waits for its parts ends at once if none of them runs, else when the last one has stopped.
    """
    lock_job(session, job.id)
    finished = change(
        session, and_(Job.id == job.id, Job.status == "queued"),
        status="canceled", cancel_requested_at=now(), finished_at=now(),
    )  # fmt: skip
    if finished:
        tell_end(session, job, "status")
        return True
    asked = change(
        session, and_(Job.id == job.id, Job.status == "running"), status="canceling", cancel_requested_at=now()
    )
    if not asked:
        return False
    session.refresh(job)
    if is_waiting(job) and not stop_parts(session, job.id):
        change(session, Job.id == job.id, status="canceled", finished_at=now())
        tell_end(session, job)
    else:
        tell(session, job)
    return True


class JobStore:
    """What workers call. Every method is one transaction."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def claim(self, owner: str, queues: Sequence[str], lease_s: float) -> ClaimedJob | None:
        """The best waiting job of these queues, or one whose worker is lost; None when there is none.

        Best is what has the highest priority; then whose tenant has the fewest jobs running on these queues; then
        what is oldest. A part counts as a job.
        """
        with transaction(self._sessions) as session:
            waiting = and_(Job.status == "queued", Job.available_at <= now())
            lost = and_(Job.status == "running", Job.lease_expires_at < now(), Job.attempt < Job.max_attempts)
            in_time = or_(Job.deadline_at.is_(None), Job.deadline_at > now())
            busy = _running_by_tenant(queues)
            job = session.scalars(
                select(Job)
                .outerjoin(busy, busy.c.tenant_id == Job.tenant_id)
                .where(Job.queue.in_(queues), in_time, or_(waiting, lost))
                .order_by(Job.priority.desc(), func.coalesce(busy.c.running, 0), Job.created_at, Job.id)
                .limit(1)
                .with_for_update(of=Job, skip_locked=True)
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
            tell(session, job)
            return ClaimedJob(
                job.id, job.kind, job.tenant_id, job.avatar_id, dict(job.input), job.attempt, job.lease_token,
                job.parent_id, job.parts_total,
            )  # fmt: skip

    def heartbeat(self, claim: ClaimedJob, lease_s: float, progress: dict[str, Any] | None = None) -> Heartbeat:
        """Renew the lease and store progress."""
        values: dict[str, Any] = {"heartbeat_at": now(), "lease_expires_at": now() + timedelta(seconds=lease_s)}
        if progress is not None:
            values["progress"] = progress
        with transaction(self._sessions) as session:
            statement = update(Job).where(held(claim)).values(**values)
            if not session.execute(statement).rowcount:  # type: ignore[attr-defined]
                return Heartbeat(is_fenced=True, cancel_requested=False)
            if progress is not None:
                tell(session, claim, "progress")
            status, deadline = session.execute(select(Job.status, Job.deadline_at).where(Job.id == claim.id)).one()
            is_expired = deadline is not None and deadline < now()
            return Heartbeat(is_fenced=False, cancel_requested=status == "canceling", is_expired=is_expired)

    def fan_out(self, claim: ClaimedJob, parts: Sequence[NewPart], stage: str, span: tuple[float, float]) -> bool:
        """Give the job back until these parts have ended; see `add_parts`."""
        with transaction(self._sessions) as session:
            return add_parts(session, claim, parts, stage, span)

    def made_parts(self, claim: ClaimedJob) -> list[MadePart]:
        """What a job that joins is made of, in order."""
        with transaction(self._sessions, writes=False) as session:
            return made_parts(session, claim.id)

    def succeed(
        self, claim: ClaimedJob, result: dict[str, Any], publish: Callable[[Session], None] | None = None
    ) -> bool:
        """Finish; `publish` writes what the job made in the same transaction. False when the lease was lost.

        A job that was asked to cancel but had finished anyway succeeds.
        """
        return self._finish(claim, publish, status="succeeded", result=result)

    def fail(self, claim: ClaimedJob, error: dict[str, Any], *, retry: bool, delay_s: float = 5.0) -> bool:
        """Fail, or queue again when `retry` and attempts are left."""
        with transaction(self._sessions) as session:
            lock_job(session, claim.parent_id)
            job = session.scalars(select(Job).where(held(claim))).first()
            if job is None:
                return False
            if retry and job.attempt < job.max_attempts and job.status == "running":
                later = now() + timedelta(seconds=delay_s)
                change(session, held(claim), status="queued", available_at=later, lease_expires_at=None, error=error)
                tell(session, claim)
                session.add(Outbox(queue=job.queue, job_id=job.id))
                return True
            _end(session, claim, status="failed", error=error)
            return True

    def release(self, claim: ClaimedJob) -> bool:
        """Give a job back unfinished (shutdown): queued again at once, the attempt not counted."""
        with transaction(self._sessions) as session:
            lock_job(session, claim.parent_id)
            job = session.scalars(select(Job).where(held(claim), Job.status == "running")).first()
            if job is None:
                return False
            job.attempt -= 1
            change(session, held(claim), status="queued", available_at=now(), lease_expires_at=None)
            tell(session, claim)
            session.add(Outbox(queue=job.queue, job_id=job.id))
            return True

    def finish_cancel(self, claim: ClaimedJob) -> bool:
        """The worker has stopped as asked."""
        return self._finish(claim, None, status="canceled")

    def expire(self, claim: ClaimedJob) -> bool:
        """The worker has stopped at the job's deadline."""
        return self._finish(claim, None, status="expired", error=expired())

    def _finish(self, claim: ClaimedJob, publish: Callable[[Session], None] | None, **values: Any) -> bool:
        with transaction(self._sessions) as session:
            lock_job(session, claim.parent_id)
            return _end(session, claim, publish, **values)

    def has_ended(self, claim: ClaimedJob) -> bool:
        """Whether nobody will run the job again; of a part, the job that it belongs to."""
        with transaction(self._sessions, writes=False) as session:
            status = session.scalar(select(Job.status).where(Job.id == (claim.parent_id or claim.id)))
            return status is None or status in TERMINAL

    def reap(self, give_up: Callable[[Session, Job], None] | None = None) -> int:
        """Settle jobs and parts whose worker is lost or whose deadline has passed unrun; returns how many.

        `give_up` is told of jobs that end, also of one that ends with its part.

        Lost jobs with attempts left stay `running`: `claim` takes them. A bell is rung for them.
        """
        with transaction(self._sessions, writes=False) as session:
            found = session.execute(select(Job.id, Job.parent_id).where(_to_reap())).all()
        # One at a time: a part's job must be locked before the part.
        return sum(self._reap_one(id, parent_id, give_up) for id, parent_id in found)

    def _reap_one(self, id: str, parent_id: str | None, give_up: Callable[[Session, Job], None] | None) -> bool:
        with transaction(self._sessions) as session:
            lock_job(session, parent_id)
            chosen = select(Job).where(Job.id == id, _to_reap()).with_for_update(skip_locked=True)
            job = session.scalars(chosen).first()
            if job is None:
                return False
            if job.status == "canceling":
                job.status, job.finished_at = "canceled", now()
            elif job.deadline_at is not None and job.deadline_at < now():
                job.status, job.finished_at, job.error = "expired", now(), expired()
            elif job.attempt >= job.max_attempts:
                job.status, job.finished_at = "failed", now()
                job.error = problem_of("attempts_exhausted", "The worker was lost too often while running this job.")
            else:
                job.status, job.available_at, job.lease_expires_at = "queued", now(), None
                session.add(Outbox(queue=job.queue, job_id=job.id))
            job.status_sequence += 1
            # Whoever still holds the old token writes nothing more.
            job.lease_token += 1
            if job.status not in TERMINAL:
                tell(session, job)
                return True
            parent = _tell_end(session, job)
            ended = job if parent_id is None else parent
            if ended is not None and give_up is not None:
                give_up(session, ended)
            return True

    def take_outbox(self, limit: int = 50) -> list[tuple[int, str]]:
        """Unpublished bells: (id, queue). Delete them with `published` after ringing."""
        with transaction(self._sessions, writes=False) as session:
            rows = session.execute(select(Outbox.id, Outbox.queue).order_by(Outbox.id).limit(limit)).all()
            return [(int(i), str(q)) for i, q in rows]

    def published(self, ids: Sequence[int]) -> None:
        """Forget bells that were rung."""
        with transaction(self._sessions) as session:
            session.execute(delete(Outbox).where(Outbox.id.in_(ids)))


def _end(session: Session, claim: ClaimedJob, publish: Callable[[Session], None] | None = None, **values: Any) -> bool:
    """End a job or part for good, unless the claim holds it no more."""
    if not change(session, held(claim), finished_at=now(), **values):
        return False
    if publish is not None:
        publish(session)
    _tell_end(session, claim)
    return True


def _tell_end(session: Session, job: Job | ClaimedJob) -> Job | None:
    """Tell of an end and let it take effect on the parts, or of a part on its job, which is returned if it ends too."""
    tell_end(session, job)
    if job.parent_id is not None:
        return end_of_part(session, job)
    if job.parts_total:
        stop_parts(session, job.id)
    return None


def _running_by_tenant(queues: Sequence[str]) -> Subquery:
    running = (Job.queue.in_(queues), Job.status.in_(ACTIVE), Job.lease_expires_at > now())
    counted = select(Job.tenant_id, func.count().label("running")).where(*running)
    return counted.group_by(Job.tenant_id).subquery()


def _to_reap() -> ColumnElement[bool]:
    """Lost by their worker, or past their deadline without one."""
    lost = and_(Job.status.in_(ACTIVE), Job.lease_expires_at < now())
    unrun = or_(Job.status == "queued", and_(Job.status == "running", waits_for_parts()))
    return or_(lost, and_(unrun, Job.deadline_at < now()))
