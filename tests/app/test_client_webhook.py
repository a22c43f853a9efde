"""The Python client's webhooks: register, receive, look at the log, replay."""

from __future__ import annotations

import pytest

from app.client import NotFound, Perse, verify_webhook
from app.database.session import Sessions
from app.settings import Settings
from app.storage import LocalStorage
from tests.app.conftest import JPEG, PromptEngine
from tests.app.live import live_service
from tests.worker.receiver import receiving, says
from worker.webhooks import deliver_once


def test_from_registration_to_replay(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine
) -> None:
    lenient = settings.model_copy(update={"webhook_allow_http": True, "webhook_allow_private": True})
    with (
        receiving(says(200)) as receiver,
        live_service(lenient, sessions, storage, engine) as url,
        Perse(url) as perse,
    ):
        hook = f"http://127.0.0.1:{receiver.port}"
        endpoint = perse.register_webhook(f"{hook}/all", events=["job.succeeded"])
        avatar = perse.create(JPEG, consent="self", webhook_url=f"{hook}/one").wait(timeout_s=120)
        assert avatar.webhook is not None and avatar.webhook.secret and endpoint.secret
        assert [e.id for e in perse.webhook_endpoints()] == [avatar.webhook.id, endpoint.id]
        assert "whsec_" not in repr(endpoint) and perse.webhook_endpoint(endpoint.id).secret is None
        while deliver_once(lenient, sessions):
            pass
        secrets = {"/all": endpoint.secret, "/one": avatar.webhook.secret}
        told = {got.path: verify_webhook(secrets[got.path], got.headers, got.body) for got in receiver.got}
        assert {m["type"] for m in told.values()} == {"job.succeeded"} and len(told) == len(receiver.got) == 2
        assert told["/one"]["data"]["id"] == avatar.building().id

        (delivery,) = endpoint.deliveries()
        assert (delivery.status, delivery.response_status, delivery.attempts) == ("delivered", 200, 1)
        assert endpoint.replay(delivery.id).status == "pending" and deliver_once(lenient, sessions)
        assert [got.headers["webhook-id"] for got in receiver.got].count(delivery.id) == 2
        changed = endpoint.rotate_secret(overlap_s=600)
        assert changed.secret not in (None, endpoint.secret) and changed.old_secret_until is not None
        assert endpoint.replay(delivery.id).status == "pending" and deliver_once(lenient, sessions)
        for secret in (endpoint.secret, changed.secret):
            assert verify_webhook(secret, receiver.got[-1].headers, receiver.got[-1].body)["type"] == "job.succeeded"
        endpoint.delete()
        with pytest.raises(NotFound):
            endpoint.refresh()
