"""What every change of a job's row is made of: conditions, fenced updates, and who is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from app.database.models import Avatar, Job, JobEvent
from app.problems import CODES
from app.webhooks.announce import announce

TERMINAL = ("succeeded", "failed", "canceled", "expired")
ACTIVE = ("running", "canceling")


@dataclass(frozen=True)
class ClaimedJob:
    """What a worker needs to run a job or a job part; `lease_token` fences its writes.

    Attributes:
        parent_id: of a part, the job it belongs to; None of a job.
        parts_total: into how many parts the job has fanned out. When such a job is claimed, all have succeeded.
    """

    id: str
    kind: str
    tenant_id: str
    avatar_id: str | None
    input: dict[str, Any]
    attempt: int
    lease_token: int
    parent_id: str | None = None
    parts_total: int = 0


def problem_of(code: str, detail: str, hint: str | None = None) -> dict[str, Any]:
    """What `job.error` holds: the same words as a problem response."""
    status, title = CODES.get(code, CODES["internal"])
    return {"type": f"urn:perse:problem:{code}", "title": title, "status": status, "code": code, "detail": detail,
            "hint": hint}  # fmt: skip


def expired() -> dict[str, Any]:
    """The error of a job that was stopped at its deadline."""
    return problem_of("deadline_exceeded", "The job did not finish before its deadline.")


def held(claim: ClaimedJob) -> ColumnElement[bool]:
    """Rows that this claim may still change."""
    return and_(Job.id == claim.id, Job.lease_token == claim.lease_token, Job.status.in_(ACTIVE))


def change(session: Session, where: ColumnElement[bool], **values: Any) -> bool:
    """Update rows and count up their sequence; False when there was none."""
    statement = update(Job).where(where).values(status_sequence=Job.status_sequence + 1, **values)
    return bool(session.execute(statement.execution_options(synchronize_session=False)).rowcount)  # type: ignore[attr-defined]


def tell(session: Session, job: Job | ClaimedJob, kind: str = "status") -> None:
    """Tell streams. Whatever happens to a part is progress of its job."""
    if job.parent_id is not None:
        session.add(JobEvent(job_id=job.parent_id, kind="progress"))
    else:
        session.add(JobEvent(job_id=job.id, kind=kind))


def tell_end(session: Session, job: Job | ClaimedJob, kind: str = "done") -> None:
    """Tell of an end: to streams, to whom webhooks go, and to the avatar that will not be built."""
    tell(session, job, kind)
    if job.parent_id is not None:
        return
    announce(session, job.id)
    status = session.scalar(select(Job.status).where(Job.id == job.id))
    if job.kind == "create_avatar" and status != "succeeded":
        unbuilt = (Avatar.id == job.avatar_id, Avatar.status == "building")
        session.execute(update(Avatar).where(*unbuilt).values(status="failed"))
