"""/v1/avatars/{id}/exports: what is queued, what is refused, and that the same wish is one job."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.database.models import Avatar, Job
from app.database.session import Sessions, transaction
from app.jobs.store import JobStore
from app.settings import Settings
from tests.app.test_routes import assert_problem, upload

WISH = {"format": "ply", "look": {"hair": {"long": 0.5}}, "pose": {"yaw_deg": 20}, "expression": {"jawOpen": 0.4}}


def export(client: TestClient, avatar: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.post(f"/v1/avatars/{avatar}/exports", json=body, headers=headers)


def test_a_wish_becomes_a_job(client: TestClient, sessions: Sessions, ready_avatar: str) -> None:
    response = export(client, ready_avatar, **WISH)
    job = response.json()["job"]
    assert response.status_code == 202 and response.headers["Location"] == job["links"]["self"]
    assert (job["kind"], job["status"]) == ("export", "queued")
    with sessions() as session:
        row = session.get(Job, job["id"])
        assert row is not None and row.input["wish"]["look"] == WISH["look"] and row.input["portrait_key"] is None


def test_the_same_wish_is_the_same_job(client: TestClient, ready_avatar: str, sessions: Sessions) -> None:
    first, second = (export(client, ready_avatar, **WISH).json()["job"]["id"] for _ in range(2))
    other = export(client, ready_avatar, format="spz").json()["job"]["id"]
    assert first == second != other
    with transaction(sessions) as session:
        row = session.get(Avatar, ready_avatar)
        assert row is not None
        row.version += 1
    assert export(client, ready_avatar, **WISH).json()["job"]["id"] not in (first, other)


def test_a_saved_look_is_the_same_as_its_weights(client: TestClient, ready_avatar: str) -> None:
    client.put(f"/v1/avatars/{ready_avatar}/looks/party", json={"look": WISH["look"]})
    named, told = (export(client, ready_avatar, **WISH | {"look": look}) for look in ("party", WISH["look"]))
    assert named.json()["job"]["id"] == told.json()["job"]["id"]
    assert export(client, ready_avatar, format="ply", look="none").status_code == 404


def test_one_that_failed_is_tried_again(client: TestClient, jobs: JobStore, ready_avatar: str) -> None:
    first = export(client, ready_avatar, **WISH).json()["job"]["id"]
    claim = jobs.claim("test", ["files"], 30)
    assert claim is not None and claim.id == first
    jobs.fail(claim, {"type": "t", "title": "t", "code": "internal", "detail": "d"}, retry=False)
    assert export(client, ready_avatar, **WISH).json()["job"]["id"] != first


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"format": "obj"}, "invalid_request"),
        ({}, "invalid_request"),
        ({"format": "ply", "look": {"hair": {"purple": 1}}}, "unknown_name"),
        ({"format": "ply", "look": {"hat": {"beanie-red": 1}}}, "unknown_name"),
        ({"format": "ply", "look": {"hair": {"long": 2}}}, "invalid_value"),
        ({"format": "ply", "expression": {"smirk": 1}}, "invalid_request"),
        ({"format": "ply", "expression": {"jawOpen": 2}}, "invalid_request"),
        ({"format": "ply", "pose": {"yaw_deg": 400}}, "invalid_request"),
        ({"format": "ply", "content": "rig"}, "invalid_request"),
        ({"format": "glb", "y_down": True}, "invalid_request"),
        ({"format": "bundle", "look": {"hair": {"long": 1}}}, "invalid_request"),
        ({"format": "ply", "colour": "red"}, "invalid_request"),
    ],
)
def test_what_cannot_be_is_said(client: TestClient, ready_avatar: str, body: dict[str, Any], code: str) -> None:
    assert_problem(export(client, ready_avatar, **body), 422, code)


def test_a_rig_needs_the_portrait(client: TestClient, sessions: Sessions, ready_avatar: str) -> None:
    assert_problem(export(client, ready_avatar, format="glb", content="rig"), 409, "conflict")
    portrait = upload(client).json()["id"]
    with transaction(sessions) as session:
        row = session.get(Avatar, ready_avatar)
        assert row is not None
        row.portrait_id = portrait
    job = export(client, ready_avatar, format="glb", content="rig").json()["job"]["id"]
    with sessions() as session:
        found = session.get(Job, job)
        assert found is not None and portrait in found.input["portrait_key"]


def test_a_key_makes_one_job(client: TestClient, ready_avatar: str) -> None:
    key = {"Idempotency-Key": "once"}
    first, second = (export(client, ready_avatar, key, **WISH) for _ in range(2))
    assert first.json() == second.json() and second.headers["Idempotency-Replayed"] == "true"
    assert_problem(export(client, ready_avatar, key, format="spz"), 422, "idempotency_mismatch")


def test_who_has_no_such_avatar_finds_none(client: TestClient, sessions: Sessions, ready_avatar: str) -> None:
    assert_problem(export(client, "ava_unknown", **WISH), 404, "not_found")
    with transaction(sessions) as session:
        row = session.get(Avatar, ready_avatar)
        assert row is not None
        row.status = "building"
    assert_problem(export(client, ready_avatar, **WISH), 409, "not_ready")


def test_unfinished_jobs_count(client: TestClient, settings: Settings, sessions: Sessions, ready_avatar: str) -> None:
    settings.max_unfinished_jobs = 1
    assert export(client, ready_avatar, **WISH).status_code == 202
    assert export(client, ready_avatar, **WISH).status_code == 202, "the same job again is no second one"
    assert_problem(export(client, ready_avatar, format="spz"), 429, "quota_exceeded")
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 1
