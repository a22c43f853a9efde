"""/v1/webhook-endpoints: register, look at, delete; what was sent to them, and to send it again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.answers import Listed
from app.auth import CurrentTenant
from app.database.models import WebhookDelivery, WebhookEndpoint, now
from app.database.session import transaction
from app.idempotency import Keep, Kept, WithKey, once
from app.ids import new_id
from app.listing import PageQuery, list_page
from app.problems import WITH_KEY, Problem, documented, not_found
from app.quotas import check_webhook_endpoints
from app.settings import Settings
from app.state import AppState
from app.text import Strict
from app.webhooks.deliveries import replay
from app.webhooks.schemas import EVENTS, DeliveryBody, EndpointBody, NewEndpointBody, WebhookEvent
from app.webhooks.signing import new_secret
from app.webhooks.targets import MAX_URL, UnsafeTarget, parse_target, safe_addresses

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])

DAY_S = 86_400


class CreateEndpoint(Strict):
    """Where to send what."""

    url: str = Field(max_length=MAX_URL, examples=["https://hooks.example.com/perse"])
    events: list[WebhookEvent] = Field(default=list(EVENTS), min_length=1, max_length=len(EVENTS))


class RotateSecret(Strict):
    """How long the secret that is replaced goes on."""

    overlap_s: int = Field(DAY_S, ge=0, le=7 * DAY_S, description="seconds in which both sign; 0 ends the old one now")


def show(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """An endpoint as JSON, without its secret."""
    return EndpointBody.model_validate(_fields(endpoint)).to_json()


def show_new(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Once: with its secret."""
    return NewEndpointBody.model_validate(_fields(endpoint) | {"secret": endpoint.secret}).to_json()


def show_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    """A delivery as JSON."""
    names = DeliveryBody.model_fields
    own = {name: getattr(delivery, name) for name in names}
    is_over = delivery.status != "pending"
    return DeliveryBody.model_validate(own | ({"due_at": None} if is_over else {})).to_json()


def check_target(url: str, settings: Settings) -> None:
    """422 when nothing may be sent there. Every delivery looks again: a name may lead elsewhere by then."""
    try:
        safe_addresses(parse_target(url, settings), settings)
    except UnsafeTarget as error:
        raise Problem("invalid_value", str(error)) from error


def new_endpoint(tenant: str, url: str, events: list[str], job_id: str | None = None) -> WebhookEndpoint:
    """A row to add; its URL has been checked."""
    return WebhookEndpoint(
        id=new_id("whe"), tenant_id=tenant, url=url, events=events, secret=new_secret(), job_id=job_id
    )


@router.post(
    "",
    status_code=201,
    response_model=NewEndpointBody,
    responses=documented("too_large", "invalid_value", "quota_exceeded", *WITH_KEY),
    dependencies=[WithKey],
)
def create_endpoint(body: CreateEndpoint, request: Request, tenant: CurrentTenant, state: AppState) -> Response:
    """Have this URL told when jobs end. The answer has the secret that signatures are checked with."""

    def work(keep: Keep) -> Kept:
        check_target(body.url, state.settings)
        with transaction(state.sessions) as session:
            check_webhook_endpoints(session, tenant, state.settings)
            endpoint = new_endpoint(tenant, body.url, [e for e in EVENTS if e in body.events])
            session.add(endpoint)
            session.flush()
            return keep(session, 201, {"Location": f"/v1/webhook-endpoints/{endpoint.id}"}, show_new(endpoint))

    fingerprint = json.dumps(body.model_dump(), sort_keys=True).encode()
    return once(request, state.sessions, tenant, fingerprint, work)


@router.get("", response_model=Listed[EndpointBody])
def list_endpoints(tenant: CurrentTenant, state: AppState, page: PageQuery) -> dict[str, Any]:
    """Newest first."""
    with state.sessions() as session:
        own = select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == tenant)
        return list_page(session, own, WebhookEndpoint, page, show)


@router.get("/{endpoint_id}", response_model=EndpointBody, responses=documented("not_found"))
def get_endpoint(endpoint_id: str, tenant: CurrentTenant, state: AppState) -> dict[str, Any]:
    """One endpoint."""
    with state.sessions() as session:
        return show(find_endpoint(session, tenant, endpoint_id))


@router.delete("/{endpoint_id}", status_code=204, responses=documented("not_found"))
def delete_endpoint(endpoint_id: str, tenant: CurrentTenant, state: AppState) -> None:
    """Send nothing more, and forget what was sent."""
    with transaction(state.sessions) as session:
        session.delete(find_endpoint(session, tenant, endpoint_id))


@router.post(
    "/{endpoint_id}/rotate-secret",
    response_model=NewEndpointBody,
    responses=documented("not_found", "too_large", *WITH_KEY),
    dependencies=[WithKey],
)
def rotate_secret(
    endpoint_id: str, body: RotateSecret, request: Request, tenant: CurrentTenant, state: AppState
) -> Response:
    """A new secret. Until the overlap ends messages carry two signatures, and a receiver that knows either is content.

    Of three secrets the oldest ends at once.
    """

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            endpoint = find_endpoint(session, tenant, endpoint_id, for_update=True)
            until = now() + timedelta(seconds=body.overlap_s) if body.overlap_s else None
            endpoint.old_secret, endpoint.old_secret_until = (endpoint.secret, until) if until else (None, None)
            endpoint.secret = new_secret()
            return keep(session, 200, {}, show_new(endpoint))

    return once(request, state.sessions, tenant, str(body.overlap_s).encode(), work)


@router.get("/{endpoint_id}/deliveries", response_model=Listed[DeliveryBody], responses=documented("not_found"))
def list_deliveries(endpoint_id: str, tenant: CurrentTenant, state: AppState, page: PageQuery) -> dict[str, Any]:
    """What was sent, or is about to be; newest first."""
    with state.sessions() as session:
        find_endpoint(session, tenant, endpoint_id)
        own = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
        return list_page(session, own, WebhookDelivery, page, show_delivery)


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryBody,
    responses=documented("not_found", "conflict", *WITH_KEY),
    dependencies=[WithKey],
)
def replay_delivery(
    endpoint_id: str, delivery_id: str, request: Request, tenant: CurrentTenant, state: AppState
) -> Response:
    """Send it again now, under the same id, whatever became of it; when that fails, all attempts are made anew."""

    def work(keep: Keep) -> Kept:
        with transaction(state.sessions) as session:
            endpoint = find_endpoint(session, tenant, endpoint_id)
            if endpoint.disabled_at is not None:
                hint = "Register the URL again, once it is ready."
                raise Problem("conflict", "The receiver answered 410; nothing more is sent to it.", hint)
            row = session.scalar(
                select(WebhookDelivery)
                .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.id == delivery_id)
                .with_for_update()
            )
            if row is None:
                raise not_found("delivery")
            replay(row)
            return keep(session, 202, {}, show_delivery(row))

    return once(request, state.sessions, tenant, b"", work)


def find_endpoint(session: Session, tenant: str, id: str, *, for_update: bool = False) -> WebhookEndpoint:
    """The tenant's endpoint, or 404."""
    own = select(WebhookEndpoint).where(WebhookEndpoint.tenant_id == tenant, WebhookEndpoint.id == id)
    endpoint = session.scalar(own.with_for_update() if for_update else own)
    if endpoint is None:
        raise not_found("webhook endpoint")
    return endpoint


def _fields(endpoint: WebhookEndpoint) -> dict[str, Any]:
    base = f"/v1/webhook-endpoints/{endpoint.id}"
    names = ("id", "url", "events", "job_id", "created_at", "disabled_at")
    is_over = endpoint.old_secret_until is None or endpoint.old_secret_until <= now()
    return {name: getattr(endpoint, name) for name in names} | {
        "old_secret_until": None if is_over else endpoint.old_secret_until,
        "links": {"self": base, "deliveries": f"{base}/deliveries"},
    }
