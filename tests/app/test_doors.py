"""What never reaches a route or a database: foreign hosts, and text that Postgres cannot hold."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.database.session import Sessions
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from tests.app.conftest import JPEG, PromptEngine
from tests.app.test_routes import assert_problem


def status_for(client: TestClient, host: str, path: str = "/v1/avatars") -> int:
    return int(client.get(path, headers={"Host": host}).status_code)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_without_keys_loopback_names_are_answered(client: TestClient, host: str) -> None:
    assert status_for(client, host) == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "127.0.0.1@evil"])
def test_without_keys_other_names_are_refused(client: TestClient, host: str) -> None:
    assert_problem(client.get("/v1/avatars", headers={"Host": host}), 421, "misdirected")


def test_probes_answer_to_any_name(client: TestClient) -> None:
    assert status_for(client, "10.0.0.7:8000", "/livez") == status_for(client, "10.0.0.7:8000", "/readyz") == 200


@pytest.mark.parametrize(
    ("change", "host", "status"),
    [
        ({"allowed_hosts": "perse.local, other"}, "perse.local:8000", 200),
        ({"allowed_hosts": "perse.local"}, "evil.example", 421),
        ({"allowed_hosts": "*"}, "evil.example", 200),
        ({"host": "0.0.0.0"}, "perse.example", 401),
    ],
)
def test_settings_widen_the_names(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine,
    change: dict[str, str], host: str, status: int,
) -> None:  # fmt: skip
    state = State(settings.model_copy(update=change), sessions, storage, engine)
    with TestClient(create_app(state)) as client:
        assert status_for(client, host) == status


@pytest.fixture
def strict_client(any_sessions: Sessions, settings: Settings, storage: LocalStorage, engine: PromptEngine) -> Any:
    with TestClient(
        create_app(State(settings, any_sessions, storage, engine)), "http://localhost", raise_server_exceptions=False
    ) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["avatars/a%00", "jobs/%00", "portraits/%1b", "artifacts/%00/content", "jobs/%7f/events"]
)
def test_unprintable_ids_do_not_exist(strict_client: TestClient, path: str) -> None:
    assert_problem(strict_client.get(f"/v1/{path}"), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"portrait_id": "por_\0"},
        {"portrait_id": "p", "name": "a\0b"},
        {"portrait_id": "p", "metadata": {"a": "\x1b[31m"}},
        {"portrait_id": "p", "metadata": {"\0": "a"}},
        {"portrait_id": "p", "variants": [{"category": "hair", "id": "\0"}]},
    ],
)
def test_unprintable_text_is_refused(strict_client: TestClient, body: dict[str, Any]) -> None:
    assert_problem(strict_client.post("/v1/avatars", json=body), 422, "invalid_request")


def test_half_a_surrogate_pair_is_refused(strict_client: TestClient) -> None:
    content = b'{"portrait_id": "p", "name": "\\ud800"}'
    response = strict_client.post("/v1/avatars", content=content, headers={"Content-Type": "application/json"})
    assert_problem(response, 422, "invalid_request")


def test_names_with_tabs_emoji_and_line_ends_are_fine(strict_client: TestClient) -> None:
    response = strict_client.post("/v1/avatars", json={"portrait_id": "p", "name": "\tMe \U0001f600\nand you"})
    assert_problem(response, 404, "not_found")


def test_unprintable_consent_cursors_and_event_ids_are_refused(strict_client: TestClient) -> None:
    consent = '{"version": "1", "subject": "\\u0000"}'
    uploaded = strict_client.post("/v1/portraits", files={"file": ("a", JPEG)}, data={"consent": consent})
    assert_problem(uploaded, 422, "invalid_request")
    assert_problem(strict_client.get("/v1/jobs?cursor=%00"), 422, "invalid_request")


def test_event_ids_that_only_look_like_digits_are_ignored(client: TestClient) -> None:
    portrait = client.post(
        "/v1/portraits", files={"file": ("a", JPEG)}, data={"consent": '{"version": "1", "subject": "self"}'}
    ).json()["id"]
    job = client.post("/v1/avatars", json={"portrait_id": portrait}).json()["job"]["id"]
    client.post(f"/v1/jobs/{job}/cancel")
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "\xb2".encode("latin-1")}).status_code == 200  # type: ignore[dict-item]


def test_numbers_too_large_for_a_float_are_refused(client: TestClient, ready_avatar: str) -> None:
    body = '{"look": {"hair": {"code": [' + ",".join(["1" + "0" * 400] * 32) + "]}}}"
    response = client.post(
        f"/v1/avatars/{ready_avatar}/renders", content=body, headers={"Content-Type": "application/json"}
    )
    assert_problem(response, 422, "invalid_value")
