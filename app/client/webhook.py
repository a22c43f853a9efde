"""Webhooks: who is told when jobs end, and how a receiver knows that it was this service."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.client.errors import BadSignature
from app.client.transport import Api
from app.client.values import known, moment

TOLERANCE_S = 300.0


def verify_webhook(
    secret: str, headers: Mapping[str, str], body: bytes, *, tolerance_s: float = TOLERANCE_S
) -> dict[str, Any]:
    """The JSON of a request to a receiver: `type`, `timestamp`, and the job in `data`.

    `body` are the bytes as they came. A message may come more than once: its `webhook-id` is then the same.

    Raises:
        BadSignature: it was not made with this secret, or longer ago than `tolerance_s`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    id, sent_at = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not (sent_at.isascii() and sent_at.isdecimal()) or abs(time.time() - float(sent_at)) > tolerance_s:
        raise BadSignature("bad_signature", "The webhook has no timestamp, or not one of now.")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook's secret is 'whsec_' and base64") from error
    digest = hmac.new(key, f"{id}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # While a secret is changed there may be several.
    signatures = given.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise BadSignature("bad_signature", "The webhook was not signed with this secret.")
    message: dict[str, Any] = json.loads(body)
    return message


@dataclass(frozen=True)
class Delivery:
    """A message to an endpoint, and how far it is; `status` is pending, delivered or dead."""

    id: str
    event: str
    job_id: str
    status: str
    attempts: int
    response_status: int | None
    failure: str | None
    created_at: datetime | None
    due_at: datetime | None
    last_attempt_at: datetime | None
    delivered_at: datetime | None

    @staticmethod
    def read(body: Mapping[str, Any]) -> Delivery:
        """From the API's JSON."""
        times = {t: moment(body[t]) for t in ("created_at", "due_at", "last_attempt_at", "delivered_at")}
        return known(Delivery, body, **times)


@dataclass(frozen=True)
class WebhookEndpoint:
    """A URL that is told when jobs end. Only one whose secret has just been made knows it."""

    id: str
    url: str
    events: Sequence[str]
    job_id: str | None
    secret: str | None = field(repr=False)
    old_secret_until: datetime | None
    created_at: datetime | None
    disabled_at: datetime | None
    _api: Api = field(repr=False, compare=False)

    @staticmethod
    def read(api: Api, body: Mapping[str, Any]) -> WebhookEndpoint:
        """From the API's JSON."""
        times = {t: moment(body[t]) for t in ("created_at", "disabled_at", "old_secret_until")}
        return known(WebhookEndpoint, body, **times, secret=body.get("secret"), _api=api)

    @property
    def _path(self) -> str:
        return f"/v1/webhook-endpoints/{self.id}"

    def refresh(self) -> WebhookEndpoint:
        """As it is now."""
        return WebhookEndpoint.read(self._api, self._api.get(self._path))

    def deliveries(self) -> Iterator[Delivery]:
        """What was sent, or is about to be; newest first."""
        return (Delivery.read(body) for body in self._api.listed(f"{self._path}/deliveries"))

    def replay(self, delivery_id: str) -> Delivery:
        """Send a message again, now. Raises Conflict when the endpoint is disabled."""
        return Delivery.read(self._api.call("POST", f"{self._path}/deliveries/{delivery_id}/replay").json())

    def rotate_secret(self, overlap_s: int = 86_400) -> WebhookEndpoint:
        """It with a new `secret`. For `overlap_s` seconds, at most a week, messages are signed with the old one too."""
        asked = {"overlap_s": overlap_s}
        return WebhookEndpoint.read(self._api, self._api.call("POST", f"{self._path}/rotate-secret", json=asked).json())

    def delete(self) -> None:
        """Send nothing more, and forget what was sent."""
        self._api.call("DELETE", self._path)
