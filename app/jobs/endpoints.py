"""/v1/jobs: list, poll, follow, cancel."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import Row, bindparam, func, select
from sqlalchemy.orm import Session

from app.answers import Listed
from app.auth import CurrentTenant
from app.conditional import is_fresh
from app.database.models import Job, JobEvent
from app.database.session import transaction
from app.jobs.leftovers import erase_leftovers
from app.jobs.parts import PartsProgress, is_waiting, progress_of_parts, whole
from app.jobs.preview import preview_key, preview_link
from app.jobs.schemas import JobBody
from app.jobs.store import TERMINAL, request_cancel
from app.listing import PageQuery, list_page
from app.problems import Problem, documented, not_found
from app.state import AppState, State

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

MAX_WAIT_S = 60.0
POLL_S = 0.25
PING_S = 15.0

# Nothing is asked more often: columns instead of objects and statements that are built once take a fifth of the time.
ONE = select(*Job.__table__.c).where(Job.tenant_id == bindparam("tenant"), Job.id == bindparam("id"), whole())
BEFORE = (
    select(func.count())
    .select_from(Job)
    .where(Job.queue == bindparam("queue"), Job.status == "queued", Job.id < bindparam("id"), whole())
)


def show(job: Job | Row[Any], queue_position: int | None = None, parts: PartsProgress | None = None) -> dict[str, Any]:
    """A job as JSON; `parts` is of one that has fanned out."""
    times = ("created_at", "started_at", "heartbeat_at", "cancel_requested_at", "deadline_at", "finished_at")
    base = f"/v1/jobs/{job.id}"
    links = {"self": base, "events": f"{base}/events", "cancel": f"{base}/cancel"}
    if job.avatar_id:
        links["avatar"] = f"/v1/avatars/{job.avatar_id}"
    if job.status in ("running", "canceling") and (copies := job.progress.get("previews")):
        links["preview"] = preview_link(job.id, copies)
    body = {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "status_sequence": job.status_sequence,
        "stage": job.progress.get("stage"),
        "progress": _progress(job, parts),
        "parts": None if parts is None else {"total": parts.total, "done": parts.done},
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "queue_position": queue_position,
        "error": job.error,
        "result": job.result,
        **{t: getattr(job, t) for t in times},
        "links": links,
    }
    return JobBody.model_validate(body).to_json()


def _progress(job: Job | Row[Any], parts: PartsProgress | None) -> dict[str, Any]:
    told = {k: job.progress.get(k) for k in ("fraction", "stage", "step", "total_steps", "eta_s")}
    if parts is not None and is_waiting(job):
        start, end = job.progress["span"]
        told |= {"fraction": start + (end - start) * parts.fraction, "step": parts.done, "total_steps": parts.total}
    return told


def _shown(session: Session, tenant: str, id: str) -> dict[str, Any]:
    job = session.execute(ONE, {"tenant": tenant, "id": id}).one_or_none()
    if job is None:
        raise not_found("job")
    position = None
    if job.status == "queued":
        position = int(session.scalar(BEFORE, {"queue": job.queue, "id": id}) or 0)
    return show(job, position, progress_of_parts(session, job))


def _etag(job: dict[str, Any]) -> str:
    fraction = round((job["progress"]["fraction"] or 0.0) * 1e4)
    done = job["parts"]["done"] if job["parts"] else None
    return f'W/"{job["id"]}-{job["status_sequence"]}-{fraction}-{job["stage"]}-{job["queue_position"]}-{done}"'


@router.get("", response_model=Listed[JobBody])
def list_jobs(tenant: CurrentTenant, state: AppState, page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    with state.sessions() as session:
        own = select(Job).where(Job.tenant_id == tenant, whole())
        return list_page(session, own, Job, page, lambda job: show(job, None, progress_of_parts(session, job)))


@router.get(
    "/{job_id}",
    response_model=JobBody,
    responses={304: {"description": "Not modified"}, **documented("not_found")},
)
async def get_job(
    job_id: str, tenant: CurrentTenant, state: AppState,
    prefer: Annotated[str | None, Header()] = None, if_none_match: Annotated[str | None, Header()] = None,
) -> Response:  # fmt: skip
    """Where a job stands. `Prefer: wait=N` holds the answer up to N seconds or until the job ends; ETag and 304."""
    found = re.search(r"\bwait=(\d+)", prefer or "")
    deadline = time.monotonic() + min(float(found.group(1)), MAX_WAIT_S) if found else 0.0
    while True:
        # Waiting holds no thread: many clients may wait at once.
        job = await run_in_threadpool(_current, state, tenant, job_id)
        if job["status"] in TERMINAL or time.monotonic() >= deadline:
            break
        await asyncio.sleep(POLL_S)
    headers = {"ETag": _etag(job), "Cache-Control": "no-cache"}
    if is_fresh(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return JSONResponse(job, headers=headers)


@router.post("/{job_id}/cancel", status_code=202, response_model=JobBody, responses=documented("not_found", "conflict"))
def cancel_job(job_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """Cancel: a queued job ends at once, a running one within seconds. Canceling twice is no error."""
    with transaction(state.sessions) as session:
        job = session.scalar(select(Job).where(Job.tenant_id == tenant, Job.id == job_id, whole()))
        if job is None:
            raise not_found("job")
        if job.status in ("succeeded", "failed", "expired"):
            raise Problem("conflict", f"The job has already {job.status}.")
        if request_cancel(session, job):
            session.refresh(job)
        body = show(job, None, progress_of_parts(session, job))
    # A running job's worker does it.
    if job.status == "canceled":
        erase_leftovers(state.storage, job)
    return body


@router.get(
    "/{job_id}/preview",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}, **documented("not_found")},
)
def get_preview(job_id: str, tenant: CurrentTenant, state: AppState) -> Response:
    """What is being trained, as it looks now: the source look, turned and smiling, and a variant, side by side and
    transparent. `links.preview` of the job says when there is a newer one; it is erased when the job has ended."""
    with state.sessions() as session:
        job = session.scalar(select(Job).where(Job.tenant_id == tenant, Job.id == job_id))
    if job is None:
        raise not_found("job")
    try:
        picture = b"".join(state.storage.read(preview_key(tenant, str(job.avatar_id), job_id)))
    except KeyError:
        raise not_found("preview") from None
    return Response(picture, media_type="image/webp", headers={"Cache-Control": "private, no-store"})


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `status`, `progress` and `done`; the data of each is the job, as JSON",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **documented("not_found"),
    },
)
async def stream_events(
    job_id: str, request: Request, tenant: CurrentTenant, state: AppState,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:  # fmt: skip
    """Server-sent events: a full snapshot first, then status and progress, and done at the end."""
    first, cursor = await run_in_threadpool(_snapshot, state, tenant, job_id)
    if last_event_id and last_event_id.isdecimal():
        cursor = min(cursor, int(last_event_id))
    return StreamingResponse(
        _events(state, request, tenant, job_id, first, cursor),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _current(state: State, tenant: str, job_id: str) -> dict[str, Any]:
    with state.sessions() as session:
        return _shown(session, tenant, job_id)


def _snapshot(state: State, tenant: str, job_id: str) -> tuple[dict[str, Any], int]:
    with state.sessions() as session:
        job = _shown(session, tenant, job_id)
        return job, int(session.scalar(select(func.max(JobEvent.id)).where(JobEvent.job_id == job_id)) or 0)


def _newer(state: State, tenant: str, job_id: str, cursor: int) -> tuple[list[tuple[int, str]], dict[str, Any]]:
    with state.sessions() as session:
        newer = (JobEvent.job_id == job_id, JobEvent.id > cursor)
        rows = session.execute(select(JobEvent.id, JobEvent.kind).where(*newer).order_by(JobEvent.id)).all()
        return [(int(i), str(k)) for i, k in rows], _shown(session, tenant, job_id)


async def _events(
    state: State, request: Request, tenant: str, job_id: str, job: dict[str, Any], cursor: int
) -> AsyncIterator[str]:
    yield "retry: 3000\n" + _message("status", cursor, job)
    if job["status"] in TERMINAL:
        yield _message("done", cursor, job)
    quiet_since = time.monotonic()
    while job["status"] not in TERMINAL and not await request.is_disconnected():
        await asyncio.sleep(POLL_S)
        rows, job = await run_in_threadpool(_newer, state, tenant, job_id, cursor)
        # Between two looks only the last progress matters; changes of status are all told.
        kinds = [(i, k) for n, (i, k) in enumerate(rows) if k != "progress" or n == len(rows) - 1]
        for cursor, kind in kinds:
            yield _message(kind, cursor, job)
            quiet_since = time.monotonic()
        if time.monotonic() - quiet_since > PING_S:
            yield ": ping\n\n"
            quiet_since = time.monotonic()


def _message(event: str, id: int, data: dict[str, Any]) -> str:
    return f"event: {event}\nid: {id}\ndata: {json.dumps(data)}\n\n"
