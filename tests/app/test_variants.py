"""/v1/avatars/{id}/variants: what is queued, and what is refused with its reason."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

import app.variants.endpoints
from app.database.models import Avatar, Job
from app.database.session import Sessions, transaction
from tests.app.conftest import ADDED
from tests.app.test_routes import upload

CURLY = {"category": "hair", "prompt": "short curly auburn hair"}
CURLY_ID = "wish-length-short-texture-curly-colour-ginger"


@pytest.fixture
def photographed(client: TestClient, sessions: Sessions, ready_avatar: str) -> str:
    """A ready avatar whose portrait is there."""
    portrait = upload(client).json()["id"]
    with transaction(sessions) as session:
        row = session.get(Avatar, ready_avatar)
        assert row is not None
        row.portrait_id = portrait
    return ready_avatar


def add(client: TestClient, avatar: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.post(f"/v1/avatars/{avatar}/variants", json=body, headers=headers)


def test_a_wish_becomes_a_job(client: TestClient, sessions: Sessions, photographed: str) -> None:
    response = add(client, photographed, **CURLY)
    job = response.json()["job"]
    assert response.status_code == 202 and response.headers["Location"] == job["links"]["self"]
    assert (job["kind"], job["status"]) == ("add_variant", "queued")
    with sessions() as session:
        row = session.get(Job, job["id"])
        assert row is not None and row.input["add"] == {"category": "hair", "id": CURLY_ID, "method": "adapter"}
        assert row.input["portrait_key"]


def test_an_id_is_as_good_as_words(client: TestClient, photographed: str) -> None:
    assert add(client, photographed, category="hat", id="beanie-red", method="inversion").status_code == 202


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"category": "hair", "prompt": "short sparkly hair"}, "unsupported_wish", "sparkly"),
        ({"category": "hair", "prompt": "a red beanie"}, "unsupported_wish", "hat"),
        ({"category": "hair", "prompt": "lorem ipsum"}, "unsupported_wish", "nothing"),
        ({"category": "crown", "prompt": "a crown"}, "unknown_name", "crown"),
        ({"category": "hat", "id": "tiara"}, "unknown_name", "tiara"),
        ({"category": "hat"}, "invalid_request", ""),
        (CURLY | {"method": "magic"}, "invalid_request", ""),
        (CURLY | {"reference": "a.png"}, "invalid_request", ""),
        (CURLY | {"portrait_id": "por_x", "method": "inversion"}, "invalid_request", ""),
        ({"category": "hair", "portrait_id": "por_x"}, "invalid_request", ""),
        ({"category": "nose", "portrait_id": "por_x", "method": "inversion"}, "unknown_name", "nose"),
    ],
)
def test_what_cannot_be_is_said(
    client: TestClient, photographed: str, body: dict[str, str], code: str, word: str
) -> None:
    response = add(client, photographed, **body)
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert word in response.json()["detail"]


def test_a_photo_becomes_a_job(client: TestClient, sessions: Sessions, photographed: str) -> None:
    photo = upload(client).json()["id"]
    response = add(client, photographed, category="hair", portrait_id=photo, method="inversion")
    assert response.status_code == 202, response.text
    with sessions() as session:
        row = session.get(Job, response.json()["job"]["id"])
        assert row is not None and photo in row.input["portrait_key"]
        assert row.input["add"]["id"].startswith("reference-") and row.input["add"]["method"] == "reference"
    unknown = add(client, photographed, category="hair", portrait_id="por_unknown", method="inversion")
    assert unknown.status_code == 404


def test_a_variant_that_is_there_is_a_conflict(client: TestClient, photographed: str) -> None:
    assert add(client, photographed, **CURLY).status_code == 202
    again = add(client, photographed, **CURLY)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_without_its_portrait_only_words_are_left(client: TestClient, ready_avatar: str) -> None:
    assert add(client, ready_avatar, **CURLY).json()["code"] == "conflict"
    assert add(client, ready_avatar, **CURLY, method="zero_shot").status_code == 202


def test_a_key_makes_one_job(client: TestClient, photographed: str) -> None:
    key = {"Idempotency-Key": "once"}
    first, second = (add(client, photographed, key, **CURLY) for _ in range(2))
    assert first.json() == second.json() and second.headers["Idempotency-Replayed"] == "true"
    other = add(client, photographed, key, category="hat", id="beanie-red")
    assert other.json()["code"] == "idempotency_mismatch"


def test_there_is_a_limit(client: TestClient, photographed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.variants.endpoints, "MAX_ADDED", 2)
    assert add(client, photographed, **CURLY).status_code == 202
    full = add(client, photographed, category="hat", id="beanie-red")
    assert (full.status_code, full.json()["code"]) == (429, "quota_exceeded")


def test_an_avatar_tells_what_was_added(client: TestClient, photographed: str) -> None:
    assert client.get(f"/v1/avatars/{photographed}").json()["added"] == [ADDED]


def test_an_added_variant_can_be_removed(client: TestClient, photographed: str) -> None:
    response = client.delete(f"/v1/avatars/{photographed}/variants/hair/short")
    assert response.status_code == 202 and response.json()["job"]["kind"] == "remove_variant"


@pytest.mark.parametrize(("path", "code"), [("hair/long", "conflict"), ("hair/x", "not_found"), ("hat/x", "not_found")])
def test_others_cannot(client: TestClient, photographed: str, path: str, code: str) -> None:
    assert client.delete(f"/v1/avatars/{photographed}/variants/{path}").json()["code"] == code


def test_an_avatar_that_is_not_ready_cannot_learn(client: TestClient, sessions: Sessions, photographed: str) -> None:
    with transaction(sessions) as session:
        row = session.get(Avatar, photographed)
        assert row is not None
        row.status = "building"
    assert add(client, photographed, **CURLY).json()["code"] == "not_ready"
    assert add(client, "ava_unknown", **CURLY).status_code == 404
