"""What webhook endpoints and deliveries look like over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.answers import Answer
from app.jobs.schemas import JobBody

WebhookEvent = Literal["job.succeeded", "job.failed", "job.canceled", "job.expired"]
EVENTS: tuple[WebhookEvent, ...] = ("job.succeeded", "job.failed", "job.canceled", "job.expired")
DeliveryStatus = Literal["pending", "delivered", "dead"]
Failure = Literal["bad_status", "gone", "timeout", "unreachable", "untrusted", "unsafe", "internal"]


class EndpointLinks(Answer):
    """Where its parts are."""

    self: str
    deliveries: str


class EndpointBody(Answer):
    """Who is told when jobs end."""

    id: str
    url: str
    events: list[WebhookEvent]
    job_id: str | None = Field(description="of one that came with a request as `webhook_url`: only this job is told of")
    created_at: datetime
    disabled_at: datetime | None = Field(description="when the receiver answered 410; nothing is sent since")
    old_secret_until: datetime | None = Field(
        description="messages are also signed with the secret before until then; null when there is only one"
    )
    links: EndpointLinks


class NewEndpointBody(EndpointBody):
    """An endpoint with a secret just made."""

    secret: str = Field(description="signatures are checked with it; it is not shown again")


class DeliveryBody(Answer):
    """A message to an endpoint, and how far it is."""

    id: str = Field(description="the header webhook-id of every attempt")
    event: WebhookEvent
    job_id: str
    status: DeliveryStatus
    attempts: int = Field(description="since it was made, or replayed")
    response_status: int | None = Field(description="what the receiver last answered; null when it did not")
    failure: Failure | None = Field(
        description="of the last attempt. untrusted: its certificate; unsafe: its address is not public"
    )
    created_at: datetime
    due_at: datetime | None = Field(description="when the next attempt is made; null when none is")
    last_attempt_at: datetime | None
    delivered_at: datetime | None


class WebhookBody(Answer):
    """What a receiver gets."""

    type: WebhookEvent
    timestamp: datetime = Field(description="when it happened")
    data: JobBody
