"""Keys with scopes and ends, the rate at which they are answered, and what a tenant may hold."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select

from app import rate_limit
from app.auth import scope_of
from app.database.models import ApiKey, Avatar, Job, RateWindow, now
from app.database.session import Sessions, transaction
from app.ids import new_id
from app.keys import SCOPES, UnknownKey, create_key, list_keys, revoke_key, rotate_key, valid_key
from app.main import create_app
from app.quotas import set_limits
from app.rate_limit import take
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from tests.app.conftest import TENANT, PromptEngine
from tests.app.contract import METHODS, CheckedClient
from tests.app.test_routes import assert_problem, upload


@pytest.fixture
def keyed(any_sessions: Sessions, settings: Settings, storage: LocalStorage, engine: PromptEngine) -> Iterator[Any]:
    """A client of a service that needs keys, by its settings."""
    clients = []

    def client(**change: Any) -> CheckedClient:
        state = State(settings.model_copy(update={"require_key": True} | change), any_sessions, storage, engine)
        clients.append(CheckedClient(create_app(state), "http://localhost"))
        return clients[-1]

    yield client
    for made in clients:
        made.close()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_does_what_its_scopes_say(keyed: Any, any_sessions: Sessions) -> None:
    client: TestClient = keyed()
    reads, renders, all_ = (bearer(create_key(any_sessions, "k", scopes=s)) for s in (["read"], ["render"], SCOPES))
    assert client.get("/v1/avatars", headers=reads).status_code == 200
    assert client.post("/v1/vocabulary/wishes", json={"text": "a beard"}, headers=reads).status_code == 200
    assert_problem(upload(client, **reads), 403, "forbidden")
    assert_problem(client.get("/v1/avatars", headers=renders), 403, "forbidden")
    assert_problem(client.post("/v1/avatars/ava_x/renders", json={}, headers=renders), 404, "not_found")
    assert_problem(client.post("/v1/avatars/ava_x/renders", json={}, headers=reads), 403, "forbidden")
    portrait = upload(client, **all_).json()["id"]
    writes = bearer(create_key(any_sessions, "w", scopes=["write"]))
    assert_problem(client.delete(f"/v1/portraits/{portrait}", headers=writes), 403, "forbidden")
    assert_problem(client.delete("/v1/avatars/ava_x/looks/a", headers=writes), 404, "not_found")
    assert client.delete(f"/v1/portraits/{portrait}", headers=all_).status_code == 204


def test_the_document_names_the_scope_of_every_route(client: CheckedClient) -> None:
    named = {
        (method, path): operation["security"][0]["HTTPBearer"]
        for path, operations in client.document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS and path.startswith("/v1/")
    }
    assert len(named) > 25 and all(named[m, p] == [scope_of(m.upper(), p)] for m, p in named)
    assert {scope for scopes in named.values() for scope in scopes} == set(SCOPES)


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "x"]])
def test_scopes_that_do_not_exist_are_refused(sessions: Sessions, scopes: list[str]) -> None:
    with pytest.raises(ValueError, match="read, write, render, delete"):
        create_key(sessions, "a", scopes=scopes)


def test_keys_end(keyed: Any, any_sessions: Sessions) -> None:
    client: TestClient = keyed()
    old = create_key(any_sessions, "old", "tenant_e", expires_at=now() - timedelta(seconds=1))
    new = create_key(any_sessions, "new", "tenant_e", expires_at=now() + timedelta(hours=1))
    assert_problem(client.get("/v1/jobs", headers=bearer(old)), 401, "unauthorized")
    assert client.get("/v1/jobs", headers=bearer(new)).status_code == 200
    row = valid_key(any_sessions, new)
    assert row is not None and row.id in [k.id for k in list_keys(any_sessions)]
    revoke_key(any_sessions, row.id)
    assert_problem(client.get("/v1/jobs", headers=bearer(new)), 401, "unauthorized")


def test_a_rotated_key_overlaps_with_its_successor(any_sessions: Sessions) -> None:
    first = create_key(any_sessions, "r", "tenant_r", ["read"])
    row = valid_key(any_sessions, first)
    assert row is not None
    second = rotate_key(any_sessions, row.id, timedelta(hours=1))
    after, old = valid_key(any_sessions, second), valid_key(any_sessions, first)
    assert after is not None and (after.name, after.tenant_id, after.scopes) == ("r", "tenant_r", ["read"])
    assert old is not None and old.expires_at is not None and old.expires_at < now() + timedelta(hours=2)
    rotate_key(any_sessions, after.id, timedelta(0))
    assert valid_key(any_sessions, second) is None
    revoke_key(any_sessions, row.id)
    for act in (lambda id: revoke_key(any_sessions, id), lambda id: rotate_key(any_sessions, id, timedelta(0))):
        for id in (row.id, "key_none"):
            with pytest.raises(UnknownKey):
                act(id)


def test_the_last_use_is_noted_once_a_minute(any_sessions: Sessions) -> None:
    key = create_key(any_sessions, "u")
    first = valid_key(any_sessions, key)
    assert first is not None and first.last_used_at is None
    noted = valid_key(any_sessions, key)
    again = valid_key(any_sessions, key)
    assert noted is not None and again is not None and noted.last_used_at == again.last_used_at is not None


def test_only_a_hash_is_stored(any_sessions: Sessions) -> None:
    key = create_key(any_sessions, "h")
    with any_sessions() as session:
        rows = session.scalars(select(ApiKey)).all()
    assert all(key not in str(vars(row)) and key[3:] not in str(vars(row)) for row in rows)


def test_too_many_requests_are_told_when_to_come_back(
    keyed: Any, any_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: TestClient = keyed(rate_limit_per_min=3)
    mine, other = (bearer(create_key(any_sessions, n, "tenant_r")) for n in "ab")
    at = 1_000_000.0 * rate_limit.WINDOW_S + 20
    monkeypatch.setattr(rate_limit.time, "time", lambda: at)
    answers = [client.get("/v1/jobs", headers=mine) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert [a.headers["RateLimit"] for a in answers] == [f'"requests";r={r};t=40' for r in (2, 1, 0, 0)]
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=3;w=60'
    assert_problem(answers[3], 429, "rate_limited")
    assert answers[3].headers["Retry-After"] == "40"
    assert client.get("/v1/jobs", headers=other).status_code == 200
    at += 40
    assert client.get("/v1/jobs", headers=mine).headers["RateLimit"] == '"requests";r=2;t=60'


def test_requests_without_a_key_are_not_counted(client: CheckedClient) -> None:
    assert "RateLimit" not in client.get("/v1/jobs").headers


def test_requests_at_the_same_time_are_all_counted(any_sessions: Sessions) -> None:
    with transaction(any_sessions) as session:
        session.execute(delete(RateWindow))
    with ThreadPoolExecutor(4) as pool:
        used = [rate.used for rate in pool.map(lambda _: take(any_sessions, "key_x", 5), range(16))]
    # A new minute may begin among them.
    assert sorted(used) == list(range(1, 17)) or max(used) < 16


def test_a_tenant_holds_and_queues_no_more_than_it_may(keyed: Any, any_sessions: Sessions) -> None:
    client: TestClient = keyed(max_portraits=2, max_avatars=3, max_unfinished_jobs=2)
    mine = bearer(create_key(any_sessions, "q", "tenant_q"))
    with transaction(any_sessions) as session:
        for table in (Job, Avatar):
            session.execute(delete(table).where(table.tenant_id == "tenant_q"))
    for portrait in client.get("/v1/portraits", headers=mine).json()["data"]:
        client.delete(portrait["links"]["self"], headers=mine)
    portraits = [upload(client, **mine) for _ in range(3)]
    assert [p.status_code for p in portraits] == [201, 201, 429]
    assert_problem(portraits[2], 429, "quota_exceeded")
    body = {"portrait_id": portraits[0].json()["id"]}
    made = [client.post("/v1/avatars", json=body, headers=mine) for _ in range(3)]
    assert [m.status_code for m in made] == [202, 202, 429]
    assert made[2].headers["Retry-After"] == "30" and "jobs" in made[2].json()["detail"]
    client.post(f"/v1/jobs/{made[0].json()['job']['id']}/cancel", headers=mine)
    assert client.post("/v1/avatars", json=body, headers=mine).status_code == 202
    refused = client.post("/v1/avatars", json=body, headers=mine)
    assert_problem(refused, 429, "quota_exceeded")
    assert "avatars" in refused.json()["detail"] and "Retry-After" not in refused.headers
    assert client.delete(f"/v1/avatars/{made[0].json()['avatar']['id']}", headers=mine).status_code == 202
    other = bearer(create_key(any_sessions, "o", "tenant_o"))
    assert_problem(client.post("/v1/avatars", json=body, headers=other), 404, "not_found")


def test_a_tenant_may_have_limits_of_its_own(keyed: Any, any_sessions: Sessions) -> None:
    client: TestClient = keyed(max_portraits=1, rate_limit_per_min=100)
    own, plain = (bearer(create_key(any_sessions, "l", new_id("tenant"))) for _ in range(2))
    tenant = valid_key(any_sessions, own["Authorization"].split()[1]).tenant_id  # type: ignore[union-attr]
    assert set_limits(any_sessions, tenant, {"max_portraits": 2, "rate_limit_per_min": 7}) == {
        "max_portraits": 2, "rate_limit_per_min": 7,
    }  # fmt: skip
    assert [upload(client, **plain).status_code for _ in range(2)] == [201, 429]
    answers = [upload(client, **own) for _ in range(3)]
    assert [a.status_code for a in answers] == [201, 201, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=7;w=60'
    set_limits(any_sessions, tenant, {"rate_limit_per_min": 0, "max_portraits": None})
    answer = upload(client, **own)
    assert answer.status_code == 429 and "at most 1 portraits" in answer.json()["detail"]
    assert "RateLimit" not in answer.headers


@pytest.mark.parametrize("own", [{"lease_s": 3}, {"max_avatars": -1}])
def test_other_settings_are_no_limits(sessions: Sessions, own: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="Limits are"):
        set_limits(sessions, TENANT, own)


def test_requests_at_the_same_time_do_not_pass_a_quota_together(keyed: Any, any_sessions: Sessions) -> None:
    client: TestClient = keyed(max_unfinished_jobs=3)
    mine = bearer(create_key(any_sessions, "c", "tenant_c"))
    with transaction(any_sessions) as session:
        session.execute(delete(Job).where(Job.tenant_id == "tenant_c"))
    body = {"portrait_id": upload(client, **mine).json()["id"]}
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: client.post("/v1/avatars", json=body, headers=mine).status_code, range(8)))
    assert sorted(made) == [202] * 3 + [429] * 5
    with any_sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job).where(Job.tenant_id == "tenant_c")) == 3
