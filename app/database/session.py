"""Engines and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]

BUSY_TIMEOUT_S = 15


def open_database(url: str) -> Sessions:
    """A session factory; SQLite gets write-ahead logging, waits for locks, and real transactions."""
    engine = create_engine(url, pool_pre_ping=True)
    if make_url(url).get_backend_name() == "sqlite":
        _prepare_sqlite(engine)
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: Sessions, *, writes: bool = True) -> Iterator[Session]:
    """One transaction: committed at the end, rolled back on an error.

    SQLite takes its write lock at the start when `writes`: upgrading a read later can fail.
    """
    with sessions() as session:
        if writes and session.get_bind().dialect.name == "sqlite":
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        # SQLAlchemy's own BEGIN comes too late for BEGIN IMMEDIATE: transactions are begun by hand.
        connection.isolation_level = None
        cursor = connection.cursor()
        busy = f"busy_timeout={1000 * BUSY_TIMEOUT_S}"
        for pragma in (busy, "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
