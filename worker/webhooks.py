"""Sends webhooks, beside the API: threads of their own, so that no receiver can hold up a job."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.database.session import Sessions
from app.settings import Settings
from app.webhooks.deliveries import ClaimedDelivery, DeliveryStore, Outcome
from app.webhooks.message import message
from app.webhooks.signing import signed_headers
from worker.webhook_post import TIMEOUT_S, post

SENDERS = 4
POLL_S = 0.5
LEASE_S = 6 * TIMEOUT_S
"""Looking a name up is not in the timeout."""
USER_AGENT = "Perse-Webhooks/1"

log = structlog.get_logger()


def deliver_once(settings: Settings, sessions: Sessions) -> bool:
    """Make the attempt that has been due longest; False when none was."""
    deliveries = DeliveryStore(sessions)
    claim = deliveries.claim(LEASE_S)
    if claim is None:
        return False
    outcome = _attempt(settings, claim)
    deliveries.settle(claim, outcome)
    log.info(
        "webhook.attempted", delivery_id=claim.id, endpoint_id=claim.endpoint_id, attempt=claim.attempt,
        status=outcome.response_status, failure=outcome.failure,
    )  # fmt: skip
    return True


@contextmanager
def delivering(settings: Settings, sessions: Sessions) -> Iterator[None]:
    """Send while the block runs."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            try:
                if deliver_once(settings, sessions):
                    continue
            except SQLAlchemyError:
                log.exception("webhook.database")
                stopping.wait(5 * POLL_S)
            stopping.wait(POLL_S)

    threads = [threading.Thread(target=run, name=f"perse-webhooks-{i}", daemon=True) for i in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(TIMEOUT_S + 2)


def _attempt(settings: Settings, claim: ClaimedDelivery) -> Outcome:
    try:
        body = message(claim.event, claim.job)
        headers = signed_headers(claim.secrets, claim.id, int(time.time()), body)
        own = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        return post(claim.url, headers | own, body, settings)
    except Exception:
        # The edge of the thread: one delivery that breaks stops no other.
        log.exception("webhook.broke", delivery_id=claim.id)
        return Outcome(None, "internal")
