"""Migrations say what the models say."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from app.database.migrate import alembic_config, upgrade
from app.database.session import open_database
from app.jobs.store import JobStore


def test_migrations_from_zero_give_the_models_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'a.db'}"
    upgrade(url)
    upgrade(url)
    command.check(alembic_config(url))


@pytest.mark.postgres
def test_migrations_from_zero_give_the_models_on_postgres(postgres_url: str) -> None:
    upgrade(postgres_url)
    command.check(alembic_config(postgres_url))


@pytest.fixture
def empty_url(postgres_url: str) -> str:
    """A database of its own, without tables."""
    name = f"migrated_{uuid.uuid4().hex[:12]}"
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{postgres_url.rpartition('/')[0]}/{name}"


@pytest.mark.postgres
def test_processes_that_start_at_once_migrate_one_after_the_other(empty_url: str) -> None:
    # An index that is built beside running services waits for every session; those must not wait for it.
    script = f"from app.database.migrate import upgrade; upgrade({empty_url!r})"
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    try:
        assert [process.wait(240) for process in processes] == [0, 0, 0]
    finally:
        for process in processes:
            process.kill()
            process.wait(60)
    command.check(alembic_config(empty_url))


@pytest.mark.postgres
def test_jobs_of_before_there_were_parts_go_on(empty_url: str) -> None:
    command.upgrade(alembic_config(empty_url), "0003")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO tenants VALUES ('tenant_default', now())"))
        columns = "id, tenant_id, kind, queue, priority, status, status_sequence, attempt, max_attempts, available_at"
        connection.execute(
            text(
                f"INSERT INTO jobs ({columns}, lease_token, input, progress, created_at) VALUES "
                "('job_old', 'tenant_default', 'render', 'io', 0, 'queued', 1, 0, 3, now(), 0, '{}', '{}', now())"
            )
        )
    upgrade(empty_url)
    engine.dispose()
    sessions = open_database(empty_url)
    claim = JobStore(sessions).claim("a", ["io"], 30.0)
    sessions.kw["bind"].dispose()
    assert claim is not None and (claim.id, claim.parts_total, claim.parent_id) == ("job_old", 0, None)


@pytest.mark.postgres
def test_an_index_whose_building_was_interrupted_is_built_again(empty_url: str) -> None:
    command.upgrade(alembic_config(empty_url), "0004")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX ix_jobs_parts ON jobs (id)"))
    engine.dispose()
    upgrade(empty_url)
    command.check(alembic_config(empty_url))
