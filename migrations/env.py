"""Alembic's entry point; run through app.database.migrate."""

from __future__ import annotations

import time

from alembic import context
from sqlalchemy import Connection, create_engine, text

from app.database.models import Base

LOCK = 7267110
TURN_S = 600.0
POLL_S = 0.2

config = context.config


def run() -> None:
    """Migrate in one transaction, but for indexes, not waiting long for locks that running services hold."""
    engine = create_engine(config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET lock_timeout = '5s'"))
            _take_turn(connection)
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _take_turn(connection: Connection) -> None:
    """Two processes that start at once migrate one after the other. The lock goes with the connection."""
    deadline = time.monotonic() + TURN_S
    # Asked again and again: a session that waits inside a statement would be waited for by the index that it waits for.
    while not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": LOCK}):
        connection.rollback()
        if time.monotonic() > deadline:
            raise TimeoutError("Another process has been migrating this database for ten minutes.")
        time.sleep(POLL_S)
    connection.commit()


run()
