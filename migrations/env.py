"""Alembic's entry point; run through app.database.migrate."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from app.database.models import Base

config = context.config


def run() -> None:
    """Migrate in one transaction, not waiting long for locks that running services hold."""
    engine = create_engine(config.get_main_option("sqlalchemy.url") or "")
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET lock_timeout = '5s'"))
            # Two processes that start at once take turns.
            connection.execute(text("SELECT pg_advisory_lock(7267110)"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
