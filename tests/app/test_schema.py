"""Migrations say what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command

from app.database.migrate import alembic_config, upgrade


def test_migrations_from_zero_give_the_models_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'a.db'}"
    upgrade(url)
    upgrade(url)
    command.check(alembic_config(url))


@pytest.mark.postgres
def test_migrations_from_zero_give_the_models_on_postgres(postgres_url: str) -> None:
    upgrade(postgres_url)
    command.check(alembic_config(postgres_url))
