"""The API over a real database and store, with an engine that answers at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.database.migrate import upgrade
from app.database.models import Artifact, Avatar, Job, LatentCode, now
from app.database.session import Sessions, open_database, transaction
from app.engine_client import AnalysedPortrait, AvatarFiles, EngineFailure, RenderedImage, RenderRequest
from app.ids import new_id
from app.jobs.store import TERMINAL, JobStore
from app.keys import ensure_tenant
from app.logs import configure_logs
from app.main import create_app
from app.settings import Settings
from app.state import State
from app.storage import LocalStorage
from tests.app.contract import CheckedClient
from tests.servers import postgres_server, s3_server
from tests.swift import SwiftStore, swift_server

TENANT = "tenant_default"
JPEG = b"\xff\xd8\xff" + b"0" * 100
REPORT = {
    "width_px": 10, "height_px": 10, "confidence": 0.9, "warnings": [{"code": "small", "message": "Small."}],
    "face": {"x_px": 1.0, "y_px": 2.0, "width_px": 3.0, "height_px": 4.0},
    "pose": {"yaw_deg": 1.0, "pitch_deg": 2.0, "roll_deg": 3.0},
}  # fmt: skip
RECIPE = {"preset": "draft", "categories": ["hair"], "variants": [["hair", "long"]], "seed": 0}
ADDED = {
    "category": "hair", "id": "short", "prompt": "a person with short hair", "method": "adapter", "gaussians": 5,
    "measured": {"seconds": 1.5},
}  # fmt: skip
DRIVER = {
    "landmarks": [[0.0, 1.0, 2.0]] * 478, "lids": {"Left": 0.3, "Right": 0.3}, "iris": [0.0, 0.0], "pitch_deg": 0.5,
    "rest": {},
}  # fmt: skip
CONSENT = '{"version": "1", "subject": "self"}'


class PromptEngine:
    """Answers deterministically, at the seam that app/engine_client.py defines; counts its renders."""

    def __init__(self) -> None:
        self.renders = 0
        self.failure: EngineFailure | None = None

    def analyse(self, upload: bytes) -> AnalysedPortrait:
        if self.failure:
            raise self.failure
        return AnalysedPortrait(upload[::-1], "image/jpeg", REPORT)

    def render(self, avatar: AvatarFiles, request: RenderRequest) -> RenderedImage:
        if self.failure:
            raise self.failure
        self.renders += 1
        return RenderedImage(f"picture of {avatar.avatar_id}".encode(), f"image/{request.format}", 1.0)

    def meet(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        return DRIVER

    def follow(self, driver: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        if self.failure:
            raise self.failure
        pose = {"yaw_deg": 1.0, "pitch_deg": 2.0, "roll_deg": 3.0, "gaze": {"yaw_deg": 4.0, "pitch_deg": 5.0}}
        return {"is_seen": True, "confidence": 0.9, "pose": pose, "expression": {"jawOpen": driver["pitch_deg"]}}

    def close(self) -> None:
        return None


@pytest.fixture(autouse=True)
def logs() -> None:
    """As the service writes them; by default a traceback is drawn in colours, for seconds."""
    configure_logs(is_terminal=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def sessions(settings: Settings, new_database: Path) -> Iterator[Sessions]:
    shutil.copy(new_database, settings.data_dir)
    factory = open_database(settings.resolved_database_url)
    yield factory
    factory.kw["bind"].dispose()


@pytest.fixture
def engine() -> PromptEngine:
    return PromptEngine()


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "objects")


@pytest.fixture
def jobs(sessions: Sessions) -> JobStore:
    return JobStore(sessions)


@pytest.fixture
def client(settings: Settings, sessions: Sessions, storage: LocalStorage, engine: PromptEngine) -> Iterator[TestClient]:
    """Every answer that a test gets is held against the OpenAPI document."""
    app = create_app(State(settings, sessions, storage, engine))
    with CheckedClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ready_avatar(sessions: Sessions, storage: LocalStorage) -> str:
    """A finished avatar's rows with one artifact of ten bytes."""
    avatar = Avatar(
        id=new_id("ava"), tenant_id=TENANT, portrait_id="por_x", status="ready", version=1, recipe=RECIPE,
        ready_at=now(), detail={"variants": {"hair": ["long", "short"]}, "added": [ADDED]}, client_metadata={},
    )  # fmt: skip
    with transaction(sessions) as session:
        session.add(avatar)
        session.flush()
        key = f"t/{TENANT}/avatars/{avatar.id}/attempt-1/latents.json"
        storage.put_bytes(key, b"0123456789", "application/json")
        session.add(
            Artifact(
                id=new_id("art"), tenant_id=TENANT, avatar_id=avatar.id, name="latents.json", size_bytes=10,
                media_type="application/json", sha256="ab" * 32, storage_key=key,
            )
        )  # fmt: skip
        for variant, is_source in (("source", True), ("long", False), ("short", False)):
            vector = [0.0 if is_source else 0.5] * 32
            session.add(
                LatentCode(avatar_id=avatar.id, category="hair", variant=variant, is_source=is_source, vector=vector)
            )
    return avatar.id


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with postgres_server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_url(postgres_url: str) -> str:
    upgrade(postgres_url)
    return postgres_url


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftStore]:
    with swift_server(tmp_path_factory.mktemp("swift")) as store:
        yield store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_sessions(request: pytest.FixtureRequest, new_database: Path, tmp_path: Path) -> Iterator[Sessions]:
    """A database of each kind that the service runs on; jobs of earlier tests are out of the way."""
    own = shutil.copy(new_database, tmp_path / "any.db")
    url = request.getfixturevalue("migrated_url") if request.param == "postgres" else f"sqlite:///{own}"
    sessions = open_database(url)
    with transaction(sessions) as session:
        ensure_tenant(session)
        session.execute(update(Job).where(Job.status.notin_(TERMINAL)).values(status="canceled"))
    yield sessions
    sessions.kw["bind"].dispose()
