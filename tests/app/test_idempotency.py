"""Idempotency keys: replayed, refused, taken over, forgotten; on SQLite and on a real Postgres."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Request, Response
from sqlalchemy import select, update

from app.database.models import IdempotencyKey, Tenant, now
from app.database.session import Sessions, transaction
from app.idempotency import KEPT_FOR, PENDING_S, Keep, Kept, once, prune_keys
from app.ids import new_id
from app.problems import Problem

TENANT = "tenant_default"
LONG_AGO = timedelta(seconds=PENDING_S + 1)


@pytest.fixture
def key() -> str:
    return new_id("key")


def request(key: str) -> Request:
    headers = [(b"idempotency-key", key.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/v1/things", "headers": headers, "server": ("a", 1)})


def send(sessions: Sessions, key: str, work: Callable[[], Any] = lambda: "made", body: bytes = b"") -> Response:
    def made(keep: Keep) -> Kept:
        told = work()
        with transaction(sessions) as session:
            return keep(session, 201, {}, told)

    return once(request(key), sessions, TENANT, body, made)


def die(sessions: Sessions, key: str, ago: timedelta) -> None:
    """Leave what a process leaves that dies in the middle of the first request with this key."""
    with transaction(sessions) as session:
        session.add(IdempotencyKey(tenant_id=TENANT, key=key, fingerprint="f", created_at=now() - ago))


def age(sessions: Sessions, key: str, by: timedelta) -> None:
    with transaction(sessions) as session:
        session.execute(update(IdempotencyKey).where(IdempotencyKey.key == key).values(created_at=now() - by))


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(Problem) as refused:
        call()
    return refused.value.code


def test_a_key_whose_request_died_is_taken_over(any_sessions: Sessions, key: str) -> None:
    die(any_sessions, key, LONG_AGO)
    assert send(any_sessions, key).status_code == 201
    assert send(any_sessions, key).headers["idempotency-replayed"] == "true"


def test_a_key_whose_request_runs_is_not_taken_over(any_sessions: Sessions, key: str) -> None:
    def sent_again() -> str:
        return code_of(lambda: send(any_sessions, key))

    answer = send(any_sessions, key, sent_again)
    assert answer.body == b'"in_progress"'


def test_a_request_that_lost_its_key_does_not_overwrite_the_answer(any_sessions: Sessions, key: str) -> None:
    def too_long() -> str:
        age(any_sessions, key, LONG_AGO)
        assert send(any_sessions, key, lambda: "second").body == b'"second"'
        return "first"

    assert code_of(lambda: send(any_sessions, key, too_long)) == "in_progress"
    assert send(any_sessions, key).body == b'"second"'


def test_a_slow_request_that_fails_leaves_the_key_with_its_new_owner(any_sessions: Sessions, key: str) -> None:
    def fails_late() -> str:
        age(any_sessions, key, LONG_AGO)
        send(any_sessions, key, lambda: "second")
        raise Problem("conflict", "late")

    assert code_of(lambda: send(any_sessions, key, fails_late)) == "conflict"
    assert send(any_sessions, key).body == b'"second"'


def test_answers_are_repeated_for_a_day(any_sessions: Sessions, key: str) -> None:
    send(any_sessions, key, body=b"a")
    age(any_sessions, key, KEPT_FOR - timedelta(minutes=1))
    assert code_of(lambda: send(any_sessions, key, body=b"b")) == "idempotency_mismatch"
    age(any_sessions, key, KEPT_FOR + timedelta(minutes=1))
    assert send(any_sessions, key, lambda: "anew", b"b").body == b'"anew"'


def test_what_a_request_makes_and_its_answer_come_together_or_not_at_all(any_sessions: Sessions, key: str) -> None:
    id = new_id("tenant")

    def make(keep: Keep) -> Kept:
        with transaction(any_sessions) as session:
            session.add(Tenant(id=id))
            keep(session, 201, {}, id)
            raise SystemExit("the process ends before the commit")

    with pytest.raises(SystemExit):
        once(request(key), any_sessions, TENANT, b"", make)
    with any_sessions() as session:
        assert session.get(Tenant, id) is None
    assert send(any_sessions, key).status_code == 201


def test_a_request_that_lost_its_key_makes_nothing(any_sessions: Sessions, key: str) -> None:
    id = new_id("tenant")

    def make(keep: Keep) -> Kept:
        age(any_sessions, key, LONG_AGO)
        send(any_sessions, key)
        with transaction(any_sessions) as session:
            session.add(Tenant(id=id))
            return keep(session, 201, {}, id)

    assert code_of(lambda: once(request(key), any_sessions, TENANT, b"", make)) == "in_progress"
    with any_sessions() as session:
        assert session.get(Tenant, id) is None


def test_old_keys_are_pruned(any_sessions: Sessions, key: str) -> None:
    send(any_sessions, key)
    send(any_sessions, f"{key}-old")
    age(any_sessions, f"{key}-old", KEPT_FOR + timedelta(minutes=1))
    assert prune_keys(any_sessions) == 1
    with any_sessions() as session:
        left = session.scalars(select(IdempotencyKey.key).where(IdempotencyKey.key.startswith(key))).all()
    assert list(left) == [key]


@pytest.mark.parametrize("key", ["", "k" * 256, "k\xe9", "k\n"])
def test_a_key_that_no_database_can_hold_is_refused(any_sessions: Sessions, key: str) -> None:
    assert code_of(lambda: send(any_sessions, key)) == "invalid_request"
