"""/v1/webhook-endpoints, and the rows that are written when a job ends. Sending: tests/worker/test_webhooks.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, update

from app.client import BadSignature, verify_webhook
from app.database.models import Job, WebhookDelivery, WebhookEndpoint, now
from app.database.session import Sessions, transaction
from app.jobs.store import ClaimedJob, JobStore, problem_of, request_cancel
from app.keys import SCOPES, create_key, ensure_tenant
from app.main import create_app
from app.retention import prune
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from app.webhooks.deliveries import DELAYS_S, DeliveryStore, Outcome, delay_s, secrets_of
from app.webhooks.endpoints import new_endpoint
from app.webhooks.schemas import EVENTS
from app.webhooks.signing import new_secret, signed_headers
from tests.app.conftest import TENANT, PromptEngine
from tests.app.contract import CheckedClient
from tests.app.test_job_store import LEASE_S, add_job, expire_lease, pass_deadline
from tests.app.test_keys import bearer
from tests.app.test_routes import assert_problem, create

URL = "https://93.184.215.14/hook"
ROUTE = "/v1/webhook-endpoints"


@pytest.fixture
def hooks(any_sessions: Sessions) -> Sessions:
    """A database of each kind, without endpoints of earlier tests."""
    with transaction(any_sessions) as session:
        session.execute(delete(WebhookEndpoint))
    return any_sessions


def register(sessions: Sessions, tenant: str = TENANT, **values: Any) -> str:
    """An endpoint's row; returns its id."""
    with transaction(sessions) as session:
        ensure_tenant(session, tenant)
        endpoint = new_endpoint(tenant, URL, values.get("events", list(EVENTS)), values.get("job_id"))
        endpoint.disabled_at = values.get("disabled_at")
        session.add(endpoint)
    return endpoint.id


def deliveries_of(sessions: Sessions, endpoint: str) -> list[WebhookDelivery]:
    with sessions() as session:
        return list(session.scalars(select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint)))


def told_of_a_job(client: TestClient, jobs: JobStore) -> tuple[dict[str, str], str]:
    """An endpoint that one job's end is told to: its links, and the path of the delivery."""
    links = client.post(ROUTE, json={"url": URL}).json()["links"]
    job = create(client).json()["job"]
    client.post(job["links"]["cancel"])
    (delivery,) = client.get(links["deliveries"]).json()["data"]
    return links, f"{links['deliveries']}/{delivery['id']}"


def test_an_endpoint_is_made_shown_listed_and_deleted(client: TestClient) -> None:
    made = client.post(ROUTE, json={"url": URL, "events": ["job.failed", "job.succeeded"]})
    body = made.json()
    assert made.status_code == 201 and made.headers["Location"] == body["links"]["self"]
    assert body["events"] == ["job.succeeded", "job.failed"] and body["secret"].startswith("whsec_")
    shown = client.get(body["links"]["self"]).json()
    assert shown == {k: v for k, v in body.items() if k != "secret"}
    assert client.get(ROUTE).json()["data"] == [shown]
    assert client.delete(body["links"]["self"]).status_code == 204
    assert_problem(client.get(body["links"]["self"]), 404, "not_found")


def test_wrong_endpoints_are_refused(client: TestClient) -> None:
    for url in ("https://127.0.0.1/", "https://[::ffff:8.8.8.8]/", "http://93.184.215.14/", "https://name.invalid/"):
        assert_problem(client.post(ROUTE, json={"url": url}), 422, "invalid_value")
    for more in ({"events": []}, {"events": ["job.started"]}, {"secret": "mine"}, {"url": 1}):
        assert_problem(client.post(ROUTE, json={"url": URL} | more), 422, "invalid_request")
    assert client.get(ROUTE).json()["data"] == []


def test_a_key_makes_one_endpoint(client: TestClient) -> None:
    first, second = (client.post(ROUTE, json={"url": URL}, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == second.json() and len(client.get(ROUTE).json()["data"]) == 1


def test_their_number_is_limited_but_for_those_of_single_jobs(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine
) -> None:
    few = settings.model_copy(update={"max_webhook_endpoints": 2})
    with CheckedClient(create_app(State(few, sessions, storage, engine)), "http://localhost") as client:
        assert create(client, webhook_url=URL).status_code == 202
        assert [client.post(ROUTE, json={"url": URL}).status_code for _ in range(2)] == [201, 201]
        assert_problem(client.post(ROUTE, json={"url": URL}), 429, "quota_exceeded")


def test_another_tenants_endpoint_does_not_exist(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine
) -> None:
    keyed = settings.model_copy(update={"require_key": True})
    mine, theirs = (bearer(create_key(sessions, "k", t, SCOPES)) for t in (TENANT, "tenant_other"))
    with CheckedClient(create_app(State(keyed, sessions, storage, engine)), "http://localhost") as client:
        links = client.post(ROUTE, json={"url": URL}, headers=mine).json()["links"]
        add_job(sessions)
        claim = JobStore(sessions).claim("a", ["render"], LEASE_S)
        assert claim is not None and JobStore(sessions).succeed(claim, {"erased_objects": 0, "objects_left": 0})
        (delivery,) = client.get(links["deliveries"], headers=mine).json()["data"]
        replay = f"{links['deliveries']}/{delivery['id']}/replay"
        for method, path in (("GET", links["self"]), ("GET", links["deliveries"]), ("POST", replay)):
            assert_problem(client.request(method, path, headers=theirs), 404, "not_found")
        assert_problem(client.delete(links["self"], headers=theirs), 404, "not_found")
        assert client.get(ROUTE, headers=theirs).json()["data"] == []
        # Nor does its own id lead to another endpoint's deliveries.
        other = client.post(ROUTE, json={"url": URL}, headers=theirs).json()["links"]["deliveries"]
        assert_problem(client.post(f"{other}/{delivery['id']}/replay", headers=theirs), 404, "not_found")


def test_a_webhook_url_is_told_of_its_own_job_only(client: TestClient, jobs: JobStore) -> None:
    made, other = create(client, webhook_url=URL).json(), create(client).json()
    hook = made["webhook"]
    assert hook["job_id"] == made["job"]["id"] and hook["secret"].startswith("whsec_") and other["webhook"] is None
    for job in (made["job"], other["job"]):
        client.post(job["links"]["cancel"])
    assert [d["job_id"] for d in client.get(hook["links"]["deliveries"]).json()["data"]] == [made["job"]["id"]]
    assert_problem(create(client, webhook_url="https://10.0.0.1/"), 422, "invalid_value")
    assert len(client.get("/v1/avatars").json()["data"]) == 2


def test_deliveries_are_paged_and_replayed(client: TestClient, jobs: JobStore) -> None:
    links, delivery = told_of_a_job(client, jobs)
    client.post(create(client).json()["job"]["links"]["cancel"])
    first = client.get(links["deliveries"], params={"limit": 1}).json()
    second = client.get(links["deliveries"], params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert second["next_cursor"] is None and delivery.endswith(second["data"][0]["id"])
    store = DeliveryStore(jobs._sessions)
    claim = store.claim(LEASE_S)
    assert claim is not None and store.settle(claim, Outcome(200, None))
    log = client.get(links["deliveries"]).json()["data"][1]
    assert (log["status"], log["attempts"], log["response_status"], log["due_at"]) == ("delivered", 1, 200, None)
    again = client.post(f"{delivery}/replay").json()
    assert (again["id"], again["status"], again["attempts"]) == (log["id"], "pending", 0)


def test_nothing_is_replayed_to_a_receiver_that_is_gone(client: TestClient, jobs: JobStore) -> None:
    links, delivery = told_of_a_job(client, jobs)
    store = DeliveryStore(jobs._sessions)
    claim = store.claim(LEASE_S)
    assert claim is not None and store.settle(claim, Outcome(410, "gone"))
    assert client.get(links["self"]).json()["disabled_at"] is not None
    assert_problem(client.post(f"{delivery}/replay"), 409, "conflict")


def test_deliveries_are_counted(client: TestClient, jobs: JobStore) -> None:
    told_of_a_job(client, jobs)
    assert 'perse_webhook_deliveries{status="pending"} 1.0' in client.get("/metrics").text


def cancel(sessions: Sessions, id: str) -> None:
    with transaction(sessions) as session:
        job = session.get(Job, id)
        assert job is not None
        request_cancel(session, job)


def _stopped(sessions: Sessions, claim: ClaimedJob) -> None:
    cancel(sessions, claim.id)
    JobStore(sessions).finish_cancel(claim)


def _lost(sessions: Sessions, claim: ClaimedJob) -> None:
    expire_lease(sessions, claim.id)
    JobStore(sessions).reap()


def _late(sessions: Sessions, claim: ClaimedJob) -> None:
    pass_deadline(sessions, claim.id)
    _lost(sessions, claim)


ENDS: dict[str, tuple[str, Callable[[Sessions, ClaimedJob], object]]] = {
    "succeed": ("succeeded", lambda s, c: JobStore(s).succeed(c, {})),
    "fail": ("failed", lambda s, c: JobStore(s).fail(c, problem_of("internal", "x"), retry=False)),
    "stopped": ("canceled", _stopped),
    "expire": ("expired", lambda s, c: JobStore(s).expire(c)),
    "lost": ("failed", _lost),
    "late": ("expired", _late),
}


@pytest.mark.parametrize("way", ENDS)
def test_every_end_of_a_job_is_one_delivery_and_stays_one(hooks: Sessions, way: str) -> None:
    status, end = ENDS[way]
    endpoint, id = register(hooks), add_job(hooks, max_attempts=1, deadline_s=60.0)
    claim = JobStore(hooks).claim("a", ["render"], LEASE_S)
    assert claim is not None and claim.id == id and deliveries_of(hooks, endpoint) == []
    end(hooks, claim)
    # Whoever comes too late, or again, changes nothing.
    for _, again in ENDS.values():
        again(hooks, claim)
    (delivery,) = deliveries_of(hooks, endpoint)
    assert (delivery.job_id, delivery.event, delivery.status) == (id, f"job.{status}", "pending")


def test_a_job_that_is_canceled_while_it_waits_is_told_of(hooks: Sessions) -> None:
    endpoint, id = register(hooks), add_job(hooks)
    cancel(hooks, id)
    assert [d.event for d in deliveries_of(hooks, endpoint)] == ["job.canceled"]


def test_an_end_that_is_rolled_back_is_not_told_of(hooks: Sessions) -> None:
    endpoint = register(hooks)
    add_job(hooks)
    claim = JobStore(hooks).claim("a", ["render"], LEASE_S)
    assert claim is not None

    def crash(_: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        JobStore(hooks).succeed(claim, {}, crash)
    assert deliveries_of(hooks, endpoint) == []
    assert JobStore(hooks).succeed(claim, {})
    assert len(deliveries_of(hooks, endpoint)) == 1


def test_a_retry_is_no_end(hooks: Sessions) -> None:
    endpoint = register(hooks)
    add_job(hooks)
    claim = JobStore(hooks).claim("a", ["render"], LEASE_S)
    assert claim is not None and JobStore(hooks).fail(claim, problem_of("internal", "x"), retry=True)
    assert deliveries_of(hooks, endpoint) == []


def test_who_did_not_ask_is_not_told(hooks: Sessions) -> None:
    quiet = [
        register(hooks, events=["job.failed"]),
        register(hooks, tenant="tenant_other"),
        register(hooks, disabled_at=now()),
        register(hooks, job_id=add_job(hooks)),
    ]
    cancel(hooks, add_job(hooks))
    assert [deliveries_of(hooks, e) for e in quiet] == [[], [], [], []]


def pending(sessions: Sessions) -> WebhookDelivery:
    """The delivery of a job that was just canceled."""
    endpoint = register(sessions)
    cancel(sessions, add_job(sessions))
    return deliveries_of(sessions, endpoint)[0]


def change(sessions: Sessions, id: str, **values: Any) -> None:
    with transaction(sessions) as session:
        session.execute(update(WebhookDelivery).where(WebhookDelivery.id == id).values(**values))


def test_a_delivery_is_claimed_once_and_again_when_its_sender_is_lost(hooks: Sessions) -> None:
    id, store = pending(hooks).id, DeliveryStore(hooks)
    first = store.claim(LEASE_S)
    assert first is not None and first.id == id and store.claim(LEASE_S) is None
    change(hooks, id, lease_expires_at=now() - timedelta(seconds=1))
    second = store.claim(LEASE_S)
    assert second is not None and (second.id, second.attempt) == (id, 2)
    assert not store.settle(first, Outcome(500, "bad_status"))
    assert store.settle(second, Outcome(200, None)) and store.claim(LEASE_S) is None


def test_a_receiver_gets_one_message_at_a_time(hooks: Sessions) -> None:
    endpoint, store = pending(hooks).endpoint_id, DeliveryStore(hooks)
    cancel(hooks, add_job(hooks))
    assert len(deliveries_of(hooks, endpoint)) == 2
    first = store.claim(LEASE_S)
    assert first is not None and store.claim(LEASE_S) is None
    assert store.settle(first, Outcome(200, None)) and store.claim(LEASE_S) is not None


def test_failures_are_tried_later_and_later_and_then_no_more(hooks: Sessions) -> None:
    id, store, waits = pending(hooks).id, DeliveryStore(hooks), []
    while (claim := store.claim(LEASE_S)) is not None:
        assert store.settle(claim, Outcome(503, "bad_status"))
        with hooks() as session:
            row = session.get_one(WebhookDelivery, id)
        waits.append((row.due_at - now()).total_seconds())
        change(hooks, id, due_at=now())
    assert row.status == "dead" and row.attempts == len(waits) == len(DELAYS_S) + 1
    assert all(0.79 * d - 1 < wait < 1.21 * d for d, wait in zip(DELAYS_S, waits, strict=False))


def test_a_receiver_may_ask_for_more_time_within_limits() -> None:
    assert delay_s(1, 60.0) == 60.0 and delay_s(1, 0.0) >= 4.0 and delay_s(1, float("inf")) == DELAYS_S[-1]


def test_410_ends_what_waits_for_the_endpoint_too(hooks: Sessions) -> None:
    first, store = pending(hooks), DeliveryStore(hooks)
    cancel(hooks, add_job(hooks))
    claim = store.claim(LEASE_S)
    assert claim is not None and store.settle(claim, Outcome(410, "gone"))
    assert [d.status for d in deliveries_of(hooks, first.endpoint_id)] == ["dead", "dead"]


def test_old_deliveries_and_endpoints_of_old_jobs_are_pruned(hooks: Sessions) -> None:
    row, long_ago = pending(hooks), now() - timedelta(days=30)
    once = register(hooks, job_id=row.job_id)
    change(hooks, row.id, created_at=long_ago)
    with transaction(hooks) as session:
        session.execute(update(Job).where(Job.id == row.job_id).values(finished_at=long_ago))
    prune(hooks, timedelta(days=60))
    assert len(deliveries_of(hooks, row.endpoint_id)) == 1
    prune(hooks, timedelta(days=7))
    with hooks() as session:
        assert session.get(WebhookEndpoint, once) is None
        assert session.get(WebhookDelivery, row.id) is not None, "what waits is kept"
    change(hooks, row.id, status="dead")
    prune(hooks, timedelta(days=7))
    with hooks() as session:
        left = select(func.count()).select_from(WebhookDelivery).where(WebhookDelivery.id == row.id)
        assert session.scalar(left) == 0 and session.get(WebhookEndpoint, row.endpoint_id) is not None


VECTOR = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330)


def test_signatures_are_those_of_standard_webhooks() -> None:
    headers = signed_headers((VECTOR[0],), *VECTOR[1:], b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_client_takes_what_was_signed_and_nothing_else() -> None:
    secret, body, at = new_secret(), b'{"type": "job.failed"}', int(now().timestamp())
    headers = signed_headers([secret], "whd_a", at, body)
    assert verify_webhook(secret, {k.title(): v for k, v in headers.items()}, body) == {"type": "job.failed"}
    rotating = headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    assert verify_webhook(secret, rotating, body)
    old = signed_headers([secret], "whd_a", at - 600, body)
    for wrong_secret, wrong, wrong_body in (
        (new_secret(), headers, body),
        (secret, headers, body + b" "),
        (secret, headers | {"webhook-id": "whd_b"}, body),
        (secret, headers | {"webhook-timestamp": str(at + 1)}, body),
        (secret, headers | {"webhook-timestamp": "now"}, body),
        (secret, headers | {"webhook-signature": "v1,é"}, body),
        (secret, old, body),
        (secret, {}, body),
    ):
        with pytest.raises(BadSignature):
            verify_webhook(wrong_secret, wrong, wrong_body)
    with pytest.raises(ValueError, match="whsec_"):
        verify_webhook("whsec_?", headers, body)


def test_a_changed_secret_signs_beside_the_new_one_until_its_time_is_over(
    client: CheckedClient, sessions: Sessions, jobs: JobStore
) -> None:
    endpoint, _ = told_of_a_job(client, jobs)
    old = row_of(sessions, endpoint["self"]).secret
    answer = client.post(f"{endpoint['self']}/rotate-secret", json={"overlap_s": 600})
    new, until = answer.json()["secret"], answer.json()["old_secret_until"]
    assert new != old and until is not None
    assert "secret" not in client.get(endpoint["self"]).json()
    assert secrets_of(row_of(sessions, endpoint["self"])) == (new, old)
    at, body = int(time.time()), b"{}"
    headers = signed_headers((new, old), "whd_a", at, body)
    for secret in (new, old):
        assert verify_webhook(secret, headers, body) == {}
    with transaction(sessions) as session:
        session.execute(update(WebhookEndpoint).values(old_secret_until=now()))
    assert secrets_of(row_of(sessions, endpoint["self"])) == (new,)
    assert client.get(endpoint["self"]).json()["old_secret_until"] is None
    assert client.post(f"{endpoint['self']}/rotate-secret", json={"overlap_s": 0}).json()["old_secret_until"] is None
    assert new not in secrets_of(row_of(sessions, endpoint["self"]))


def test_a_secret_is_changed_once_per_key_and_by_its_tenant_only(
    client: CheckedClient, sessions: Sessions, jobs: JobStore
) -> None:
    endpoint, _ = told_of_a_job(client, jobs)
    path = f"{endpoint['self']}/rotate-secret"
    answers = [client.post(path, json={}, headers={"Idempotency-Key": "r"}).json()["secret"] for _ in range(2)]
    assert answers[0] == answers[1] == row_of(sessions, endpoint["self"]).secret
    assert_problem(client.post(path, json={"overlap_s": 8 * 86_400}), 422, "invalid_request")
    assert_problem(client.post(f"{ROUTE}/whe_none/rotate-secret", json={}), 404, "not_found")


def row_of(sessions: Sessions, path: str) -> WebhookEndpoint:
    with sessions() as session:
        return session.get_one(WebhookEndpoint, path.rpartition("/")[2])
