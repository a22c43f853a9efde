"""Is the process alive, can it serve, and what has it done."""

from __future__ import annotations

from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.answers import Answer
from app.database.models import Avatar, Job, WebhookDelivery, now
from app.state import AppState

router = APIRouter(tags=["probes"])


class AliveBody(Answer):
    """It answers."""

    status: Literal["ok"]


class ReadyBody(Answer):
    """What it needs, and whether that answers too."""

    status: Literal["ok", "unready"]
    checks: dict[str, Literal["ok", "unreachable"]]


@router.get("/livez")
def alive() -> AliveBody:
    """The process answers."""
    return AliveBody(status="ok")


@router.get("/readyz", response_model=ReadyBody, responses={503: {"model": ReadyBody}})
def ready(state: AppState) -> JSONResponse:
    """The database and the store answer."""
    checks: dict[str, Any] = {}
    try:
        with state.sessions() as session:
            session.execute(text("SELECT 1"))
        checks["database"] = "ok"
    except SQLAlchemyError:
        checks["database"] = "unreachable"
    try:
        state.storage.head("t/probe")
        checks["storage"] = "ok"
    except (OSError, BotoCoreError, ClientError):
        checks["storage"] = "unreachable"
    is_ready = set(checks.values()) == {"ok"}
    return JSONResponse({"status": "ok" if is_ready else "unready", "checks": checks}, 200 if is_ready else 503)


@router.get("/metrics", include_in_schema=False)
def metrics(state: AppState) -> Response:
    """Prometheus metrics, counted from the database."""
    registry = CollectorRegistry()
    jobs = Gauge("perse_jobs", "Jobs by kind and status", ["kind", "status"], registry=registry)
    avatars = Gauge("perse_avatars", "Avatars by status", ["status"], registry=registry)
    hooks = Gauge("perse_webhook_deliveries", "Webhook deliveries by status", ["status"], registry=registry)
    parts = Gauge("perse_job_parts", "Parts of jobs by kind and status", ["kind", "status"], registry=registry)
    age = Gauge("perse_job_queue_age_seconds", "How long the oldest queued job or part has waited", registry=registry)
    with state.sessions() as session:
        is_part = Job.parent_id.is_not(None)
        by_kind = select(is_part, Job.kind, Job.status, func.count()).group_by(is_part, Job.kind, Job.status)
        for of_parts, kind, status, count in session.execute(by_kind):
            (parts if of_parts else jobs).labels(kind, status).set(count)
        for status, count in session.execute(select(Avatar.status, func.count()).group_by(Avatar.status)):
            avatars.labels(status).set(count)
        by_status = select(WebhookDelivery.status, func.count()).group_by(WebhookDelivery.status)
        for status, count in session.execute(by_status):
            hooks.labels(status).set(count)
        oldest = session.scalar(select(func.min(Job.available_at)).where(Job.status == "queued"))
        # One that is tried again later may lie ahead.
        age.set(max(0.0, (now() - oldest).total_seconds()) if oldest else 0)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
