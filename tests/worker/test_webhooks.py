"""Webhooks on their way: to a real receiver, polite or hostile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select, update

from app.client import verify_webhook
from app.database.models import Job, WebhookDelivery, WebhookEndpoint, now
from app.database.session import transaction
from app.jobs.endpoints import show as show_job
from app.settings import Settings
from app.webhooks.deliveries import DeliveryStore, Outcome
from app.webhooks.endpoints import new_endpoint
from app.webhooks.schemas import EVENTS
from app.webhooks.targets import Resolve
from tests.app.conftest import TENANT
from tests.servers import free_port, wait_until
from tests.worker.conftest import claimed
from tests.worker.receiver import Receiver, receiving, says
from worker.webhook_post import MAX_ANSWER_BYTES, post
from worker.webhooks import deliver_once, delivering
from worker.worker import Worker

OPEN = Settings(webhook_allow_http=True, webhook_allow_private=True)
ERASED = {"erased_objects": 0, "objects_left": 0}


def register(worker: Worker, port: int, path: str = "/hook") -> WebhookEndpoint:
    endpoint = new_endpoint(TENANT, f"http://127.0.0.1:{port}{path}", list(EVENTS))
    with transaction(worker.sessions) as session:
        session.add(endpoint)
    return endpoint


def end_a_job(worker: Worker) -> str:
    claim = claimed(worker, "delete_avatar")
    assert worker.jobs.succeed(claim, ERASED)
    return claim.id


def row(worker: Worker) -> WebhookDelivery:
    """The one delivery there is."""
    with worker.sessions() as session:
        return session.scalars(select(WebhookDelivery)).one()


def make_due(worker: Worker, **values: Any) -> None:
    with transaction(worker.sessions) as session:
        session.execute(update(WebhookDelivery).values(due_at=now(), **values))


def send(receiver: Receiver, timeout_s: float = 30.0, scheme: str = "http", **options: Any) -> Outcome:
    """One attempt."""
    url = f"{scheme}://{options.pop('host', '127.0.0.1')}:{receiver.port}/hook?a=b"
    return post(url, {"webhook-id": "whd_a"}, b"{}", options.pop("settings", OPEN), timeout_s=timeout_s, **options)


def test_the_end_of_a_job_is_told_signed_and_once(worker: Worker) -> None:
    with receiving(says(204)) as receiver:
        endpoint = register(worker, receiver.port, "/hook?x=1")
        job_id = end_a_job(worker)
        assert deliver_once(OPEN, worker.sessions)
        assert not deliver_once(OPEN, worker.sessions)
    (got,) = receiver.got
    told = verify_webhook(endpoint.secret, got.headers, got.body)
    with worker.sessions() as session:
        job = show_job(session.get_one(Job, job_id))
    assert told == {"type": "job.succeeded", "timestamp": job["finished_at"], "data": job}
    delivery = row(worker)
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("delivered", 1, 204)
    assert got.path == "/hook?x=1" and got.headers["webhook-id"] == delivery.id
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}" and got.headers["content-type"] == "application/json"


def test_500_and_then_200_is_one_message_in_two_attempts(worker: Worker) -> None:
    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        says(500 if number == 1 else 200)(handler, number)

    with receiving(answer) as receiver:
        register(worker, receiver.port)
        end_a_job(worker)
        assert deliver_once(OPEN, worker.sessions)
        first = row(worker)
        assert (first.status, first.response_status, first.failure) == ("pending", 500, "bad_status")
        assert first.due_at > now() and not deliver_once(OPEN, worker.sessions)
        make_due(worker)
        assert deliver_once(OPEN, worker.sessions)
    assert (row(worker).status, row(worker).attempts, row(worker).failure) == ("delivered", 2, None)
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1 and len(receiver.got) == 2


def test_410_disables_the_endpoint(worker: Worker) -> None:
    with receiving(says(410)) as receiver:
        endpoint = register(worker, receiver.port)
        end_a_job(worker)
        assert deliver_once(OPEN, worker.sessions)
        end_a_job(worker)
        assert not deliver_once(OPEN, worker.sessions)
    assert (row(worker).status, row(worker).failure) == ("dead", "gone")
    with worker.sessions() as session:
        assert session.get_one(WebhookEndpoint, endpoint.id).disabled_at is not None


def test_a_delivery_of_a_sender_that_died_is_sent_by_another(worker: Worker) -> None:
    with receiving(says(200)) as receiver:
        register(worker, receiver.port)
        end_a_job(worker)
        dead = DeliveryStore(worker.sessions).claim(60)
        assert dead is not None and not deliver_once(OPEN, worker.sessions)
        make_due(worker, lease_expires_at=now() - timedelta(seconds=1))
        assert deliver_once(OPEN, worker.sessions)
        assert not DeliveryStore(worker.sessions).settle(dead, Outcome(None, "timeout"))
    assert (row(worker).status, row(worker).attempts, len(receiver.got)) == ("delivered", 2, 1)


def test_threads_send_while_the_service_runs_and_one_dead_receiver_holds_up_no_other(worker: Worker) -> None:
    def hang(handler: BaseHTTPRequestHandler, number: int) -> None:
        hung.leaving.wait(120)

    with receiving(hang) as hung, receiving(says(200)) as receiver:
        register(worker, hung.port)
        register(worker, receiver.port)
        with delivering(OPEN, worker.sessions):
            for _ in range(5):
                end_a_job(worker)
            wait_until(lambda: len(receiver.got) == 5, 60, "all are told")
            assert len(hung.got) == 1
            hung.leaving.set()
            # What nobody took is tried again later.
            wait_until(lambda: len(hung.got) == 5, 60, "each has been tried")
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 5


def test_a_redirect_is_not_followed() -> None:
    with receiving(says(200)) as inside:
        for status in (301, 302, 307, 308):
            there = says(status, Location=f"http://127.0.0.1:{inside.port}/metadata")
            with receiving(there) as receiver:
                assert send(receiver) == Outcome(status, "bad_status")
        assert inside.got == []


def drip(handler: BaseHTTPRequestHandler, start: bytes, more: bytes) -> None:
    """Until the sender hangs up."""
    handler.wfile.write(start)
    while True:
        handler.wfile.write(more)
        handler.wfile.flush()
        if len(more) == 1:
            # The receiver's own pace, not a wait of the test.
            time.sleep(0.05)


def test_an_endless_body_is_read_no_further_than_the_limit() -> None:
    start = time.monotonic()
    with receiving(lambda h, _: drip(h, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * MAX_ANSWER_BYTES)) as receiver:
        assert send(receiver) == Outcome(200, None)
    assert time.monotonic() - start < 20.0


SLOW: dict[str, Callable[[BaseHTTPRequestHandler, int], None]] = {
    "endless headers": lambda h, _: drip(h, b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "endless status": lambda h, _: drip(h, b"HTTP/1.1 ", b"2"),
    "endless continue": lambda h, _: drip(h, b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("name", SLOW)
def test_an_answer_that_never_comes_is_waited_for_no_longer_than_the_limit(name: str) -> None:
    with receiving(SLOW[name]) as receiver:
        start = time.monotonic()
        assert send(receiver, timeout_s=0.7) == Outcome(None, "timeout")
        assert time.monotonic() - start < 20.0


def test_a_body_that_drips_does_not_undo_its_status() -> None:
    with receiving(lambda h, _: drip(h, b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as receiver:
        start = time.monotonic()
        assert send(receiver, timeout_s=0.7) == Outcome(200, None)
        assert time.monotonic() - start < 20.0


def test_silence_is_a_timeout_and_noise_is_no_answer() -> None:
    def silence(handler: BaseHTTPRequestHandler, number: int) -> None:
        receiver.leaving.wait(120)

    with receiving(silence) as receiver:
        assert send(receiver, timeout_s=0.5) == Outcome(None, "timeout")
        receiver.leaving.set()
    for noise in (
        b"",
        b"\x00\xff" * 100,
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\x00",
    ):
        with receiving(lambda h, _, noise=noise: h.wfile.write(noise)) as receiver:  # type: ignore[misc]
            outcome = send(receiver)
        assert outcome.failure == "unreachable" or noise.startswith(b"HTTP/1.1 200"), noise


def test_nobody_there_is_unreachable() -> None:
    assert post(f"http://127.0.0.1:{free_port()}/", {}, b"", OPEN) == Outcome(None, "unreachable")


def test_a_receiver_that_asks_for_time_is_heard() -> None:
    with receiving(says(429, Retry_After="120")) as receiver:
        assert send(receiver) == Outcome(429, "bad_status", 120.0)


def counted(answers: list[list[str]]) -> tuple[Resolve, list[str]]:
    """A resolver that changes its mind (DNS rebinding), and the names that it was asked for."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    # The name leads nowhere but through the resolver: had anything looked it up again, nothing would have arrived.
    resolve, asked = counted([["127.0.0.1"], ["127.0.0.2"]])
    with receiving(says(200)) as receiver:
        assert send(receiver, host="hooks.invalid", resolve=resolve) == Outcome(200, None)
    assert asked == ["hooks.invalid"]
    assert receiver.got[0].headers["host"] == f"hooks.invalid:{receiver.port}"


def test_a_name_that_has_become_private_is_not_connected_to(worker: Worker) -> None:
    strict = Settings(webhook_allow_http=True)
    resolve, _ = counted([["93.184.215.14", "127.0.0.1"]])
    assert post("http://hooks.invalid:8080/", {}, b"", strict, resolve=resolve) == Outcome(None, "unsafe")
    with receiving(says(200)) as receiver:
        register(worker, receiver.port)
        end_a_job(worker)
        # Registered while settings allowed it.
        assert deliver_once(strict, worker.sessions)
    assert (row(worker).failure, row(worker).status, receiver.got) == ("unsafe", "pending", [])


def certificate(folder: Path, name: str) -> Path:
    """Self-signed for one host name, with its key."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    at = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_checks_the_certificate_for_the_hosts_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, _ = counted([["127.0.0.1"]])
    good, other = certificate(tmp_path, "hooks.invalid"), certificate(tmp_path, "other.invalid")
    for trusted, shown, outcome in (
        (good, good, Outcome(200, None)),
        (other, good, Outcome(None, "untrusted")),
        (other, other, Outcome(None, "untrusted")),
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with receiving(says(200), shown) as receiver:
            assert send(receiver, scheme="https", host="hooks.invalid", resolve=resolve) == outcome
            assert bool(receiver.got) == (outcome.failure is None)


def test_a_handshake_that_never_comes_is_waited_for_no_longer_than_the_limit() -> None:
    def mute(handler: BaseHTTPRequestHandler, number: int) -> None:
        raise AssertionError("nothing may be sent before the handshake")

    with receiving(mute) as receiver:
        # A plain receiver waits for a line that TLS does not send.
        start = time.monotonic()
        assert send(receiver, timeout_s=0.7, scheme="https").failure in ("timeout", "unreachable")
        assert time.monotonic() - start < 20.0


def test_a_message_is_plain_json_of_utf8(worker: Worker) -> None:
    with receiving(says(200)) as receiver:
        register(worker, receiver.port)
        end_a_job(worker)
        deliver_once(OPEN, worker.sessions)
    assert json.loads(receiver.got[0].body.decode())["data"]["result"] == ERASED
