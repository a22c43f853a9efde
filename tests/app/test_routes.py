"""The API's contract, over HTTP."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.database.session import Sessions
from app.engine_client import EngineFailure
from app.jobs.store import JobStore
from app.keys import create_key
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from tests.app.conftest import CONSENT, JPEG, PromptEngine


def upload(client: TestClient, data: bytes = JPEG, **headers: str) -> Any:
    return client.post("/v1/portraits", files={"file": ("a.jpg", data)}, data={"consent": CONSENT}, headers=headers)


def create(client: TestClient, **body: Any) -> Any:
    portrait = upload(client).json()["id"]
    return client.post("/v1/avatars", json={"portrait_id": portrait, "preset": "draft"} | body)


def assert_problem(response: Any, status: int, code: str) -> None:
    body = response.json()
    assert (response.status_code, body["code"], body["status"]) == (status, code, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert body["request_id"] and body["title"] and body["detail"]


def test_an_uploaded_portrait_is_shown_listed_served_and_erased(client: TestClient, storage: LocalStorage) -> None:
    response = upload(client)
    id = response.json()["id"]
    assert response.status_code == 201 and response.headers["location"] == f"/v1/portraits/{id}"
    assert client.get(f"/v1/portraits/{id}").json()["width_px"] == 10
    assert [p["id"] for p in client.get("/v1/portraits").json()["data"]] == [id]
    assert client.get(f"/v1/portraits/{id}/image").content == JPEG[::-1]
    assert client.delete(f"/v1/portraits/{id}").status_code == 204
    assert client.get(f"/v1/portraits/{id}").status_code == 404
    assert list(storage.list("t")) == []


@pytest.mark.parametrize(
    ("code", "status"),
    [("no_face", 422), ("several_faces", 422), ("undecodable", 422), ("too_large", 413), ("face_too_small", 422)],
)
def test_a_refused_photo_says_why_and_leaves_nothing(
    client: TestClient, engine: PromptEngine, storage: LocalStorage, code: str, status: int
) -> None:
    engine.failure = EngineFailure(code, "why", "what to do")
    response = upload(client)
    assert_problem(response, status, code)
    assert response.json()["hint"] == "what to do"
    assert client.get("/v1/portraits").json()["data"] == []
    assert list(storage.list("t")) == []


def test_what_is_no_picture_is_refused_before_the_engine_sees_it(client: TestClient) -> None:
    assert_problem(upload(client, b"hello, I am text"), 415, "unsupported_media_type")


def test_too_many_bytes_are_refused(client: TestClient) -> None:
    assert_problem(upload(client, JPEG + b"0" * 20_000_001), 413, "too_large")
    assert_problem(upload(client, JPEG + b"0" * 25_000_000), 413, "too_large")


def test_too_many_bytes_in_chunks_are_refused_too(client: TestClient) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    chunks = (chunk for chunk in [head, *[b"0" * 1_000_000] * 25])
    response = client.post("/v1/portraits", content=chunks, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_consent_is_needed(client: TestClient) -> None:
    response = client.post("/v1/portraits", files={"file": ("a.jpg", JPEG)}, data={"consent": "yes"})
    assert_problem(response, 422, "invalid_request")
    assert_problem(client.post("/v1/portraits", files={"file": ("a.jpg", JPEG)}), 422, "invalid_request")


def test_creating_an_avatar_queues_a_job(client: TestClient, jobs: JobStore) -> None:
    response = create(client, name="me", categories=["hair"], variants=[{"category": "hat", "id": "beanie-red"}])
    body = response.json()
    assert response.status_code == 202 and response.headers["location"] == f"/v1/jobs/{body['job']['id']}"
    assert body["avatar"]["status"] == "building" and body["job"]["status"] == "queued"
    claim = jobs.claim("test", ["train"], 30)
    assert claim is not None and claim.input["recipe"]["categories"] == ["hair"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"preset": "huge"}, "unknown_name"),
        ({"categories": ["tail"]}, "unknown_name"),
        ({"variants": [{"category": "hair", "id": "none"}]}, "unknown_name"),
        ({"colour": "red"}, "invalid_request"),
        ({"seed": -1}, "invalid_request"),
    ],
)
def test_wrong_wishes_are_refused(client: TestClient, body: dict[str, Any], code: str) -> None:
    assert_problem(create(client, **body), 422, code)


def test_an_avatar_needs_a_portrait_of_the_tenant(client: TestClient) -> None:
    assert_problem(client.post("/v1/avatars", json={"portrait_id": "por_none"}), 404, "not_found")


def test_the_same_key_and_body_replay_the_first_answer(client: TestClient) -> None:
    portrait = upload(client).json()["id"]
    body = {"portrait_id": portrait}
    first, second = (client.post("/v1/avatars", json=body, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json() == second.json() and second.headers["idempotency-replayed"] == "true"
    assert len(client.get("/v1/avatars").json()["data"]) == 1
    other = client.post("/v1/avatars", json=body | {"seed": 5}, headers={"Idempotency-Key": "k1"})
    assert_problem(other, 422, "idempotency_mismatch")


def test_a_failed_request_can_be_sent_again_with_its_key(client: TestClient, engine: PromptEngine) -> None:
    engine.failure = EngineFailure("no_face", "none")
    assert upload(client, **{"Idempotency-Key": "k2"}).status_code == 422
    engine.failure = None
    assert upload(client, **{"Idempotency-Key": "k2"}).status_code == 201


def test_a_render_is_made_once_and_then_served_from_the_store(
    client: TestClient, ready_avatar: str, engine: PromptEngine
) -> None:
    body = {
        "pose": {"yaw_deg": 20, "gaze": {"yaw_deg": 5}},
        "expression": {"jawOpen": 0.4},
        "look": {"hair": {"long": 0.5}},
    }
    first, second = (client.post(f"/v1/avatars/{ready_avatar}/renders", json=body) for _ in range(2))
    assert first.status_code == 200 and first.headers["content-type"] == "image/png"
    assert first.content == second.content and first.headers["etag"] == second.headers["etag"]
    assert engine.renders == 1 and float(first.headers["x-render-time-ms"]) > 0
    again = client.post(
        f"/v1/avatars/{ready_avatar}/renders", json=body, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


def test_a_picture_of_an_avatar_that_was_deleted_meanwhile_is_not_kept(
    client: TestClient, ready_avatar: str, engine: PromptEngine, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = engine.render

    def deleted_meanwhile(*arguments: Any) -> Any:
        client.delete(f"/v1/avatars/{ready_avatar}")
        return render(*arguments)

    monkeypatch.setattr(engine, "render", deleted_meanwhile)
    assert_problem(client.post(f"/v1/avatars/{ready_avatar}/renders", json={}), 409, "not_ready")
    assert [k for k in storage.list("t") if "/renders/" in k] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"expression": {"smile": 1}}, "invalid_request"),
        ({"expression": {"jawOpen": 1.5}}, "invalid_request"),
        ({"look": {"nose": {"wide": 1}}}, "unknown_name"),
        ({"look": {"hair": {"green": 1}}}, "unknown_name"),
        ({"look": {"hair": {"long": 0.7, "short": 0.7}}}, "invalid_value"),
        ({"look": {"hair": {"code": "abc"}}}, "invalid_value"),
        ({"look": {"hair": {"code": [True] * 32}}}, "invalid_value"),
        ({"look": {"hair": {"code": [0.5] * 31}}}, "invalid_value"),
        ({"width_px": 100_000}, "invalid_request"),
        ({"light": 1.5}, "invalid_request"),
        ({"background": "transparent", "format": "jpeg"}, "invalid_value"),
        ({"zoom": 2}, "invalid_request"),
    ],
)
def test_wrong_render_requests_are_refused(
    client: TestClient, ready_avatar: str, body: dict[str, Any], code: str
) -> None:
    assert_problem(client.post(f"/v1/avatars/{ready_avatar}/renders", json=body), 422, code)


def test_the_longest_side_of_a_render_is_a_setting(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine, ready_avatar: str
) -> None:
    small = settings.model_copy(update={"max_render_px": 64})
    with TestClient(create_app(State(small, sessions, storage, engine)), "http://localhost") as client:
        url = f"/v1/avatars/{ready_avatar}/renders"
        assert client.post(url, json={"width_px": 64, "height_px": 64}).status_code == 200
        assert_problem(client.post(url, json={"width_px": 65, "height_px": 64}), 422, "invalid_value")
        assert client.get("/v1/vocabulary").json()["limits"]["render_px"] == 64


def test_a_request_may_ask_for_an_earlier_deadline(client: TestClient, settings: Settings) -> None:
    portrait = {"portrait_id": upload(client).json()["id"]}

    def seconds(**headers: str) -> float:
        job = client.post("/v1/avatars", json=portrait, headers=headers).json()["job"]
        return (datetime.fromisoformat(job["deadline_at"]) - datetime.fromisoformat(job["created_at"])).total_seconds()

    assert seconds(**{"Cancel-After": "60"}) == pytest.approx(60, abs=5)
    assert seconds() == pytest.approx(settings.job_deadline_s, abs=5)
    assert seconds(**{"Cancel-After": "999999999"}) == pytest.approx(settings.job_deadline_s, abs=5)
    assert_problem(client.post("/v1/avatars", json=portrait, headers={"Cancel-After": "0"}), 422, "invalid_request")


def test_an_unfinished_avatar_cannot_be_rendered(client: TestClient) -> None:
    id = create(client).json()["avatar"]["id"]
    assert_problem(client.post(f"/v1/avatars/{id}/renders", json={}), 409, "not_ready")


def test_respond_async_makes_a_job(client: TestClient, ready_avatar: str) -> None:
    response = client.post(f"/v1/avatars/{ready_avatar}/renders", json={}, headers={"Prefer": "respond-async"})
    assert response.status_code == 202 and response.json()["job"]["kind"] == "render"


def test_looks_are_saved_used_listed_and_forgotten(client: TestClient, ready_avatar: str) -> None:
    base = f"/v1/avatars/{ready_avatar}"
    assert client.put(f"{base}/looks/party", json={"look": {"hair": {"long": 1}}}).status_code == 200
    assert client.get(f"{base}/looks").json()["data"] == [{"name": "party", "look": {"hair": {"long": 1}}}]
    assert client.post(f"{base}/renders", json={"look": "party"}).status_code == 200
    assert_problem(client.put(f"{base}/looks/x", json={"look": {"hat": {"top": 1}}}), 422, "unknown_name")
    assert client.delete(f"{base}/looks/party").status_code == 204
    assert_problem(client.post(f"{base}/renders", json={"look": "party"}), 404, "not_found")


def test_latents_come_from_their_rows(client: TestClient, ready_avatar: str) -> None:
    latents = client.get(f"/v1/avatars/{ready_avatar}/latents").json()
    assert latents["dimension"] == 32
    assert latents["categories"]["hair"]["source"] == [0.0] * 32
    assert set(latents["categories"]["hair"]["variants"]) == {"long", "short"}


@pytest.mark.parametrize(
    ("header", "status", "content", "content_range"),
    [
        (None, 200, b"0123456789", None),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=1-2,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_artifacts_answer_one_range(
    client: TestClient, ready_avatar: str, header: str | None, status: int, content: bytes, content_range: str | None
) -> None:
    id = client.get(f"/v1/avatars/{ready_avatar}/artifacts").json()["data"][0]["id"]
    response = client.get(f"/v1/artifacts/{id}/content", headers={"Range": header} if header else {})
    assert (response.status_code, response.content) == (status, content)
    assert response.headers.get("content-range") == content_range


def test_a_range_beyond_the_end_is_416_and_an_etag_304(client: TestClient, ready_avatar: str) -> None:
    id = client.get(f"/v1/avatars/{ready_avatar}/artifacts").json()["data"][0]["id"]
    assert_problem(
        client.get(f"/v1/artifacts/{id}/content", headers={"Range": "bytes=10-"}), 416, "range_not_satisfiable"
    )
    etag = client.get(f"/v1/artifacts/{id}/content").headers["etag"]
    assert client.get(f"/v1/artifacts/{id}/content", headers={"If-None-Match": etag}).status_code == 304


def test_polling_a_job_is_cheap_and_canceling_twice_is_no_error(client: TestClient) -> None:
    id = create(client).json()["job"]["id"]
    first = client.get(f"/v1/jobs/{id}", headers={"Prefer": "wait=0"})
    etag = {"If-None-Match": first.headers["etag"]}
    assert first.json()["queue_position"] == 0 and client.get(f"/v1/jobs/{id}", headers=etag).status_code == 304
    assert client.post(f"/v1/jobs/{id}/cancel").json()["status"] == "canceled"
    assert client.post(f"/v1/jobs/{id}/cancel").status_code == 202
    assert client.get(f"/v1/jobs/{id}", headers=etag).json()["status"] == "canceled"


def test_the_event_stream_begins_with_a_snapshot_and_ends_with_the_job(client: TestClient, jobs: JobStore) -> None:
    id = create(client).json()["job"]["id"]
    claim = jobs.claim("test", ["train"], 30)
    assert claim is not None
    jobs.heartbeat(claim, 30, {"fraction": 0.5, "stage": "training"})
    jobs.succeed(claim, {"avatar_id": "ava_x", "artifacts": []})
    text = client.get(f"/v1/jobs/{id}/events").text
    events = [
        dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        for block in text.split("\n\n")
        if block
    ]
    assert events[0]["event"] == "status" and json.loads(events[0]["data"])["status"] == "succeeded"
    resumed = client.get(f"/v1/jobs/{id}/events", headers={"Last-Event-ID": "0"}).text
    assert resumed.startswith("retry: ")
    assert [e["event"] for e in events[-1:]] == ["done"]


def test_deleting_an_avatar_stops_its_building(client: TestClient) -> None:
    made = create(client).json()
    assert client.delete(f"/v1/avatars/{made['avatar']['id']}").status_code == 202
    assert client.get(f"/v1/jobs/{made['job']['id']}").json()["status"] == "canceled"


def test_lists_are_paged_by_cursor(client: TestClient) -> None:
    ids = [upload(client, JPEG + bytes([i])).json()["id"] for i in range(5)]
    first = client.get("/v1/portraits?limit=3").json()
    second = client.get("/v1/portraits", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert [p["id"] for p in first["data"] + second["data"]] == sorted(ids, reverse=True)
    assert second["next_cursor"] is None


def test_unknown_routes_and_methods_are_problems_too(client: TestClient) -> None:
    assert_problem(client.get("/v1/nothing"), 404, "not_found")
    assert_problem(client.patch("/v1/jobs"), 405, "method_not_allowed")


def test_what_breaks_inside_tells_nothing_about_this_machine(client: TestClient, engine: PromptEngine) -> None:
    engine.failure = RuntimeError("/secret/path")  # type: ignore[assignment]
    response = upload(client)
    assert_problem(response, 500, "internal")
    assert "secret" not in response.text and "Traceback" not in response.text


def test_keys_are_needed_beyond_loopback_and_tenants_do_not_see_each_other(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine
) -> None:
    public = settings.model_copy(update={"host": "0.0.0.0"})
    with TestClient(create_app(State(public, sessions, storage, engine))) as client:
        assert_problem(client.get("/v1/portraits"), 401, "unauthorized")
        assert_problem(client.get("/v1/portraits", headers={"Authorization": "Bearer wrong"}), 401, "unauthorized")
        mine = {"Authorization": f"Bearer {create_key(sessions, 'a')}"}
        other = {"Authorization": f"Bearer {create_key(sessions, 'b', 'tenant_b')}"}
        id = upload(client, **mine).json()["id"]
        assert client.get(f"/v1/portraits/{id}", headers=mine).status_code == 200
        assert_problem(client.get(f"/v1/portraits/{id}", headers=other), 404, "not_found")
        assert client.get("/v1/portraits", headers=other).json()["data"] == []


def test_probes_vocabulary_and_metrics_answer(client: TestClient, ready_avatar: str) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json()["checks"] == {"database": "ok", "storage": "ok"}
    assert 'perse_avatars{status="ready"} 1.0' in client.get("/metrics").text
    assert len(client.get("/v1/vocabulary").json()["expressions"]) == 52
