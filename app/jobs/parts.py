"""Job parts: a job that fans out waits without a worker until its parts have ended.

    job:   running (a worker plans) --fan_out--> running (waits) --all succeeded--> queued --> running (joins) --> ...
    part:  as a job of its own: lease, fencing token, attempts, deadline, progress

A part is a row of the same table, so it is claimed, beaten, retried and reaped like any job. What differs is here:
how an end of a part changes its job, and an end of a job its parts.

    a part fails for good or expires   the job ends so too, with its error; other parts are canceled or asked to stop
    the job is canceled                so are its parts; it has ended when the last running one has stopped
    the last part succeeds             the job is queued: whoever claims it joins

Lock order: the job, then its parts. Claims and beats lock one row only; every other change of a part locks its job
first, so two workers that end the last two parts do so one after the other, and exactly one of them queues the job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, func, select
from sqlalchemy.orm import Session

from app.database.models import Job, Outbox, now
from app.ids import new_id
from app.jobs.transitions import ACTIVE, ClaimedJob, change, held, tell, tell_end

Fate = Literal["waits", "joins", "failed", "expired", "canceled"]


@dataclass(frozen=True)
class NewPart:
    """A part to be: what it does, and its share of the parts' progress."""

    kind: str
    input: dict[str, Any]
    weight: float = 1.0


@dataclass(frozen=True)
class MadePart:
    """A part that succeeded: what it was told and what it made."""

    input: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True)
class PartsProgress:
    """Of a job that has fanned out: parts there are and that succeeded, and how far all are, 0..1."""

    total: int
    done: int
    fraction: float


def whole() -> ColumnElement[bool]:
    """Jobs, not parts of them: what clients see and count."""
    return Job.parent_id.is_(None)


def waits_for_parts() -> ColumnElement[bool]:
    """Jobs that have fanned out and that no worker holds."""
    return and_(Job.status.in_(ACTIVE), Job.parts_total > 0, Job.lease_expires_at.is_(None))


def is_waiting(job: Job | Row[Any]) -> bool:
    """As `waits_for_parts`, of a row that was read."""
    return job.status in ACTIVE and job.parts_total > 0 and job.lease_expires_at is None


def lock_job(session: Session, job_id: str | None) -> None:
    """Take a job's turn for changes of it and its parts; None is no error, so that a job may ask for its parent's."""
    if job_id is not None:
        # Weaker than FOR UPDATE: events that name the job may be written meanwhile.
        session.execute(select(Job.id).where(Job.id == job_id).with_for_update(key_share=True))


def add_parts(
    session: Session, claim: ClaimedJob, parts: Sequence[NewPart], stage: str, span: tuple[float, float]
) -> bool:
    """Fan a running job out: it gives its lease back and waits. False when the claim holds no running job any more.

    While it waits it is in `stage`, and its progress goes over `span` of the whole, 0..1.
    """
    if not parts:
        raise ValueError("A job fans out into at least one part.")
    job = session.scalars(select(Job).where(held(claim), Job.status == "running").with_for_update()).first()
    if job is None or job.parts_total:
        return False
    for index, part in enumerate(parts):
        row = Job(
            id=new_id("part"), tenant_id=job.tenant_id, kind=part.kind, queue=job.queue, status="queued",
            input=part.input, max_attempts=job.max_attempts, priority=job.priority, deadline_at=job.deadline_at,
            progress={}, parent_id=job.id, part_index=index, weight=part.weight,
            # As old as its job: what was begun goes before what came later.
            created_at=job.created_at,
        )  # fmt: skip
        session.add_all([row, Outbox(queue=row.queue, job_id=row.id)])
    job.parts_total = len(parts)
    job.progress = {"fraction": span[0], "stage": stage, "span": list(span)}
    job.status_sequence += 1
    # Whoever planned holds nothing any more.
    job.lease_token += 1
    job.lease_owner = job.lease_expires_at = None
    tell(session, job, "progress")
    return True


def end_of_part(session: Session, part: Job | ClaimedJob) -> Job | None:
    """What a part's end does to its job, whose turn the caller has; returns the job if that ends with it."""
    job = session.get(Job, part.parent_id, populate_existing=True)
    if job is None or not is_waiting(job):
        return None
    fate = fate_of(job.status, _counts(session, job.id))
    if fate == "waits":
        return None
    if fate == "joins":
        reached = {"fraction": job.progress["span"][1], "stage": job.progress.get("stage")}
        # Planning succeeded, and joining has attempts of its own.
        change(session, Job.id == job.id, status="queued", available_at=now(), attempt=0, progress=reached)
        session.add(Outbox(queue=job.queue, job_id=job.id))
        tell(session, job)
        return None
    error = None
    if fate != "canceled":
        ended = (Job.parent_id == job.id, Job.status == fate)
        error = session.scalar(select(Job.error).where(*ended).order_by(Job.part_index).limit(1))
    change(session, Job.id == job.id, status=fate, error=error, finished_at=now())
    stop_parts(session, job.id)
    tell_end(session, job)
    session.refresh(job)
    return job


def fate_of(status: str, counts: Mapping[str, int]) -> Fate:
    """What becomes of a waiting job of this status whose parts have these statuses."""
    is_stopping = status == "canceling"
    if counts.get("failed") and not is_stopping:
        return "failed"
    if counts.get("expired") and not is_stopping:
        return "expired"
    if any(counts.get(s) for s in ("queued", *ACTIVE)):
        return "waits"
    return "canceled" if is_stopping or set(counts) != {"succeeded"} else "joins"


def stop_parts(session: Session, job_id: str) -> bool:
    """Cancel parts that wait and ask running ones to stop; returns whether some still run. The caller has the turn."""
    # In this order: a part that is claimed between the two is running by the second.
    change(
        session, and_(Job.parent_id == job_id, Job.status == "queued"),
        status="canceled", cancel_requested_at=now(), finished_at=now(),
    )  # fmt: skip
    change(
        session, and_(Job.parent_id == job_id, Job.status == "running"), status="canceling", cancel_requested_at=now()
    )
    return bool(_counts(session, job_id).get("canceling"))


def progress_of_parts(session: Session, job: Job | Row[Any]) -> PartsProgress | None:
    """None of a job that has not fanned out."""
    if not job.parts_total:
        return None
    rows = session.execute(select(Job.status, Job.weight, Job.progress).where(Job.parent_id == job.id)).all()
    done = sum(status == "succeeded" for status, _, _ in rows)
    reached = sum(w * (1.0 if status == "succeeded" else told.get("fraction", 0.0)) for status, w, told in rows)
    return PartsProgress(job.parts_total, done, reached / sum(weight for _, weight, _ in rows))


def made_parts(session: Session, job_id: str) -> list[MadePart]:
    """The parts of a job that succeeded, in order: all, once it joins."""
    made = (Job.parent_id == job_id, Job.status == "succeeded")
    rows = session.execute(select(Job.input, Job.result).where(*made).order_by(Job.part_index))
    return [MadePart(dict(input), dict(result)) for input, result in rows]


def _counts(session: Session, job_id: str) -> dict[str, int]:
    rows = session.execute(select(Job.status, func.count()).where(Job.parent_id == job_id).group_by(Job.status))
    return {str(status): int(count) for status, count in rows}
