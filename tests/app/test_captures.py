"""Faces followed live: pictures in, movements out, nothing kept, and not everywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.database.session import Sessions
from app.engine_client import EngineFailure
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from tests.app.conftest import CONSENT, DRIVER, JPEG, PromptEngine
from tests.app.test_routes import assert_problem


def meet(client: TestClient, *pictures: bytes, consent: str = CONSENT) -> Any:
    files = [("pictures", (f"{i}.jpg", data)) for i, data in enumerate(pictures)]
    return client.post("/v1/drivers", files=files, data={"consent": consent})


def capture(client: TestClient, picture: bytes = JPEG, driver: str = json.dumps(DRIVER)) -> Any:
    return client.post("/v1/captures", files={"picture": ("a.jpg", picture)}, data={"driver": driver})


def test_a_driver_is_met_and_followed_and_nothing_is_kept(client: TestClient, storage: LocalStorage) -> None:
    driver = meet(client, JPEG, JPEG)
    assert driver.status_code == 200 and driver.json() == DRIVER
    seen = capture(client, driver=driver.text).json()
    assert seen["is_seen"] and seen["expression"] == {"jawOpen": 0.5} and seen["pose"]["gaze"]["pitch_deg"] == 5.0
    assert list(storage.list("t")) == []


def test_pictures_that_are_none_too_large_or_without_consent_are_refused(client: TestClient) -> None:
    assert_problem(meet(client, JPEG, consent="yes"), 422, "invalid_request")
    assert_problem(meet(client, b"GIF89a"), 415, "unsupported_media_type")
    assert_problem(meet(client, *[JPEG] * 31), 422, "invalid_request")
    assert_problem(capture(client, JPEG + bytes(500_000)), 413, "too_large")


@pytest.mark.parametrize(
    ("driver", "status", "code"),
    [
        ("{", 422, "invalid_value"),
        ("[1]", 422, "invalid_value"),
        ("9" * 5_000, 422, "invalid_value"),
        (f'"{"x" * 100_000}"', 413, "too_large"),
    ],
)
def test_what_is_no_driver_is_refused(client: TestClient, driver: str, status: int, code: str) -> None:
    assert_problem(capture(client, driver=driver), status, code)


def test_the_engines_words_are_passed_on(client: TestClient, engine: PromptEngine) -> None:
    engine.failure = EngineFailure("no_face", "A face was found in 0 of 3 pictures.", "Look into the camera.")
    assert_problem(meet(client, JPEG), 422, "no_face")
    engine.failure = EngineFailure("invalid_value", "This is no driver.")
    assert_problem(capture(client), 422, "invalid_value")


def test_a_service_that_does_not_follow_faces_says_so(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine
) -> None:
    deaf = settings.model_copy(update={"live_capture": False})
    with TestClient(create_app(State(deaf, sessions, storage, engine)), "http://localhost") as client:
        assert client.get("/v1/vocabulary").json()["live_capture"] is False
        assert_problem(meet(client, JPEG), 503, "backend_missing")
        assert_problem(capture(client), 503, "backend_missing")
