"""Webhooks of the running service, embedded and with a broker: sent by themselves, and again after kill -9."""

from __future__ import annotations

from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from app.client import verify_webhook
from app.database.models import WebhookDelivery, now
from app.database.session import Sessions, open_database, transaction
from app.jobs.store import enqueue
from tests.app.conftest import TENANT
from tests.servers import redis_server, wait_until
from tests.worker.receiver import receiving, says
from tests.worker.service import service

LENIENT = {"PERSE_WEBHOOK_ALLOW_HTTP": "true", "PERSE_WEBHOOK_ALLOW_PRIVATE": "true"}


def end_a_job(client: httpx.Client, sessions: Sessions) -> str:
    """Cancel one that no worker takes; returns its id."""
    with transaction(sessions) as session:
        id = enqueue(session, tenant_id=TENANT, kind="render", queue="nobody's", input={}).id
    assert client.post(f"/v1/jobs/{id}/cancel").json()["status"] == "canceled"
    return id


def test_a_message_whose_sender_was_killed_is_sent_again(tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        if number == 1:
            receiver.leaving.wait(60)
        else:
            says(200)(handler, number)

    sessions = open_database(f"sqlite:///{tmp_path / 'perse.db'}")
    with receiving(answer) as receiver:
        with service(tmp_path, LENIENT) as first:
            url = f"http://127.0.0.1:{receiver.port}/hook"
            made = first.client.post("/v1/webhook-endpoints", json={"url": url}).json()
            end_a_job(first.client, sessions)
            wait_until(lambda: len(receiver.got) == 1, 60, "the first attempt")
            first.kill()
        with transaction(sessions) as session:
            # Time passes.
            session.execute(update(WebhookDelivery).values(lease_expires_at=now() - timedelta(seconds=1)))
        with service(tmp_path, LENIENT) as second:
            wait_until(lambda: len(receiver.got) == 2, 60, "the second attempt")

            def delivered() -> bool:
                (one,) = second.client.get(made["links"]["deliveries"]).json()["data"]
                return bool(one["status"] == "delivered" and one["attempts"] == 2)

            wait_until(delivered, 60, "it is delivered")
    sessions.kw["bind"].dispose()
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


@pytest.mark.redis
def test_with_a_broker_they_are_sent_too(tmp_path: Path) -> None:
    sessions = open_database(f"sqlite:///{tmp_path / 'perse.db'}")
    with (
        redis_server(tmp_path) as broker,
        receiving(says(200)) as receiver,
        service(tmp_path, LENIENT | {"PERSE_BROKER_URL": broker}) as running,
    ):
        url = f"http://127.0.0.1:{receiver.port}/hook"
        secret = running.client.post("/v1/webhook-endpoints", json={"url": url}).json()["secret"]
        job = end_a_job(running.client, sessions)
        wait_until(lambda: len(receiver.got) == 1, 60, "it is told")
    sessions.kw["bind"].dispose()
    (got,) = receiver.got
    told = verify_webhook(secret, got.headers, got.body)
    assert (told["type"], told["data"]["id"]) == ("job.canceled", job)
