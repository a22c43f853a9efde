"""/v1/avatars/{id}/animations: options alone or with files, what is stored, what is refused and what is erased."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.animations.schemas import MAX_KEYFRAMES, Clip
from app.database.models import Job
from app.database.session import Sessions
from app.keys import create_key
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from tests.app.conftest import PromptEngine
from tests.app.test_routes import assert_problem

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(100)
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(100)
CSV = b"Timecode,BlendShapeCount\n"
KEYS = [
    {"time_s": 0},
    {"time_s": 1, "pose": {"yaw_deg": 20, "gaze": {"yaw_deg": 5}}, "expression": {"jawOpen": 0.4}},
]


def animate(client: TestClient, avatar: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return client.post(f"/v1/avatars/{avatar}/animations", json=body, headers=headers)


def send(client: TestClient, avatar: str, options: dict[str, Any] | None = None, **files: bytes) -> Any:
    parts = {name: (f"{name}.bin", data) for name, data in files.items()}
    data = {} if options is None else {"options": json.dumps(options)}
    return client.post(f"/v1/avatars/{avatar}/animations", files=parts, data=data)


def job_row(sessions: Sessions, response: Any) -> Job:
    assert response.status_code == 202, response.text
    with sessions() as session:
        row = session.get(Job, response.json()["job"]["id"])
        assert row is not None
        return row


def stored(storage: LocalStorage) -> list[str]:
    return [key for key in storage.list("t") if "/uploads/" in key]


def test_the_clips_are_the_engines() -> None:
    from perse_engine.motion.clips import CLIPS
    from perse_engine.motion.keyframes import MAX_KEYFRAMES as ENGINES_MAX

    assert set(Clip.__args__) == set(CLIPS) and ENGINES_MAX == MAX_KEYFRAMES


@pytest.mark.parametrize(
    "body",
    [
        {"clip": "talk", "seconds": 2, "seed": 3},
        {"keyframes": KEYS, "fps": 60, "width_px": 640, "height_px": 360},
        {"motion": [{"jawOpen": 0.2}, {"jawOpen": 0.4}], "motion_fps": 30, "format": "webm"},
        {"clip": "nod", "looks": [{"time_s": 0, "look": {}}, {"time_s": 1, "look": {"hair": {"long": 1}}}]},
        {"clip": "nod", "background": [0, 0.5, 1], "camera": {"yaw_deg": 20}},
    ],
)
def test_options_alone_become_a_job(
    client: TestClient, sessions: Sessions, ready_avatar: str, body: dict[str, Any]
) -> None:
    response = animate(client, ready_avatar, **body)
    row = job_row(sessions, response)
    job = response.json()["job"]
    assert response.headers["Location"] == job["links"]["self"] and job["kind"] == "animate"
    for name in body.keys() - {"motion", "keyframes", "camera"}:
        assert row.input["wish"][name] == body[name]


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"video": MP4}, {"fps": 30}),
        ({"voice": WAV}, {"clip": "nod"}),
        ({"voice": WAV}, None),
        ({"motion": CSV}, {"motion_fps": 60}),
        ({"motion": b'[{"jawOpen": 1}]', "audio": WAV}, {}),
        ({"audio": WAV}, {"keyframes": KEYS}),
    ],
)
def test_files_are_stored_with_the_avatar(
    client: TestClient, sessions: Sessions, storage: LocalStorage, ready_avatar: str, files: dict[str, bytes],
    options: dict[str, Any] | None,
) -> None:  # fmt: skip
    row = job_row(sessions, send(client, ready_avatar, options, **files))
    assert {name: b"".join(storage.read(key)) for name, key in row.input["uploads"].items()} == files
    assert all(f"/avatars/{ready_avatar}/" in key for key in stored(storage)) and len(stored(storage)) == len(files)


def test_a_motion_in_the_options_does_not_go_into_the_row(
    client: TestClient, sessions: Sessions, storage: LocalStorage, ready_avatar: str
) -> None:
    row = job_row(sessions, animate(client, ready_avatar, motion=[{"jawOpen": 0.5}] * 50))
    assert row.input["wish"]["motion"] is None
    assert json.loads(b"".join(storage.read(row.input["uploads"]["motion"]))) == [{"jawOpen": 0.5}] * 50


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({}, "invalid_request", "no source"),
        ({"clip": "dance"}, "invalid_request", ""),
        ({"clip": "idle", "keyframes": KEYS}, "invalid_request", ""),
        ({"keyframes": KEYS, "motion": []}, "invalid_request", ""),
        ({"keyframes": KEYS, "seconds": 3}, "invalid_value", "seconds"),
        ({"keyframes": []}, "invalid_request", ""),
        ({"keyframes": [{"time_s": 1}, {"time_s": 1}]}, "invalid_request", ""),
        ({"keyframes": [{"time_s": 0, "expression": {"smirk": 1}}]}, "invalid_request", ""),
        ({"clip": "idle", "motion_fps": 30}, "invalid_value", "motion_fps"),
        ({"clip": "idle", "fps": 24}, "invalid_request", ""),
        ({"clip": "idle", "fps": 61}, "invalid_request", ""),
        ({"clip": "idle", "width_px": 511}, "invalid_request", ""),
        ({"clip": "idle", "width_px": 4096, "height_px": 4096}, "invalid_value", "2048"),
        ({"clip": "idle", "background": "transparent"}, "invalid_request", ""),
        ({"clip": "idle", "look": {"hair": {"purple": 1}}}, "unknown_name", "purple"),
        ({"clip": "idle", "looks": [{"time_s": 0, "look": {"hat": {"crown": 1}}}]}, "unknown_name", "hat"),
        ({"motion": {"looks": [{"look": {"hair": {"purple": 1}}}]}}, "unknown_name", "purple"),
        ({"clip": "idle", "tempo": 2}, "invalid_request", ""),
    ],
)
def test_what_cannot_be_is_said(
    client: TestClient, storage: LocalStorage, ready_avatar: str, body: dict[str, Any], code: str, word: str
) -> None:
    response = animate(client, ready_avatar, **body)
    assert_problem(response, 422, code)
    assert word in response.json()["detail"]
    assert stored(storage) == []


@pytest.mark.parametrize(
    ("files", "options", "status", "code"),
    [
        ({"video": b"no video at all"}, {}, 415, "unsupported_media_type"),
        ({"voice": MP4[:4] + b"nope"}, {}, 415, "unsupported_media_type"),
        ({"video": b"#EXTM3U\nhttp://example.org/a.ts"}, {}, 415, "unsupported_media_type"),
        ({"motion": b"<xml/>"}, {}, 415, "unsupported_media_type"),
        ({"video": MP4, "voice": WAV}, {}, 422, "invalid_request"),
        ({"video": MP4}, {"clip": "idle"}, 422, "invalid_request"),
        ({"audio": WAV}, {}, 422, "invalid_request"),
        ({"audio": WAV}, {"clip": "idle", "format": "png"}, 422, "invalid_value"),
        ({"script": b"x"}, {"clip": "idle"}, 422, "invalid_request"),
        ({"video": MP4 + bytes(20_000_001)}, {}, 413, "too_large"),
    ],
)
def test_files_that_cannot_be_are_refused_and_leave_nothing(
    client: TestClient, storage: LocalStorage, ready_avatar: str, files: dict[str, bytes], options: dict[str, Any],
    status: int, code: str,
) -> None:  # fmt: skip
    assert_problem(send(client, ready_avatar, options, **files), status, code)
    assert stored(storage) == []


def test_other_bodies_are_refused(client: TestClient, ready_avatar: str) -> None:
    path = f"/v1/avatars/{ready_avatar}/animations"
    assert_problem(client.post(path, content=b"clip: idle"), 415, "unsupported_media_type")
    for text in (b"{", b'{"clip": "id\x00le"}', b"\xff\xfe"):
        assert_problem(
            client.post(path, content=text, headers={"Content-Type": "application/json"}), 422, "invalid_request"
        )
    broken = client.post(path, content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert_problem(broken, 422, "invalid_request")


def test_a_canceled_job_leaves_no_upload(client: TestClient, storage: LocalStorage, ready_avatar: str) -> None:
    job = send(client, ready_avatar, video=MP4).json()["job"]
    assert len(stored(storage)) == 1
    assert client.post(job["links"]["cancel"]).json()["status"] == "canceled"
    assert stored(storage) == []


def test_a_key_makes_one_job_of_the_same_bytes(client: TestClient, storage: LocalStorage, ready_avatar: str) -> None:
    def once(data: bytes) -> Any:
        path = f"/v1/avatars/{ready_avatar}/animations"
        return client.post(path, files={"video": ("a", data)}, headers={"Idempotency-Key": "once"})

    first, second = once(MP4), once(MP4)
    assert first.json() == second.json() and second.headers["Idempotency-Replayed"] == "true"
    assert len(stored(storage)) == 1
    assert_problem(once(MP4 + b"x"), 422, "idempotency_mismatch")


def test_a_full_queue_takes_no_files(
    client: TestClient, settings: Settings, storage: LocalStorage, ready_avatar: str
) -> None:
    settings.max_unfinished_jobs = 1
    assert animate(client, ready_avatar, clip="idle").status_code == 202
    assert_problem(send(client, ready_avatar, video=MP4), 429, "quota_exceeded")
    assert stored(storage) == []


def test_keys_need_the_scope_and_see_their_own_avatars_only(
    settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine, ready_avatar: str
) -> None:
    settings.require_key = True
    mine, reader = create_key(sessions, "mine"), create_key(sessions, "reader", scopes=["read", "write"])
    other = create_key(sessions, "other", "tenant_other")
    app = create_app(State(settings, sessions, storage, engine))
    with TestClient(app, "http://localhost") as client:
        for what, body in (("animations", {"clip": "idle"}), ("exports", {"format": "ply"})):
            answers = [
                client.post(f"/v1/avatars/{ready_avatar}/{what}", json=body, headers={"Authorization": f"Bearer {key}"})
                for key in (mine, reader, other)
            ]
            assert [a.status_code for a in answers] == [202, 403, 404]
            assert client.post(f"/v1/avatars/{ready_avatar}/{what}", json=body).status_code == 401
