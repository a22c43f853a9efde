"""Migrations and the committed OpenAPI file say what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from fastapi.testclient import TestClient

from app.database.migrate import alembic_config, upgrade

OPENAPI = Path(__file__).parents[2] / "docs/reference/openapi.json"


def test_migrations_from_zero_give_the_models_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'a.db'}"
    upgrade(url)
    upgrade(url)
    command.check(alembic_config(url))


@pytest.mark.postgres
def test_migrations_from_zero_give_the_models_on_postgres(postgres_url: str) -> None:
    upgrade(postgres_url)
    command.check(alembic_config(postgres_url))


def test_the_committed_openapi_file_is_current(client: TestClient) -> None:
    # After a change on purpose: python scripts/openapi.py
    assert json.loads(OPENAPI.read_text()) == client.get("/openapi.json").json()
