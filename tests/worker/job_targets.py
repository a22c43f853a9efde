"""What processes of jobs do in tests; apart from these, so that a process loads little."""

from __future__ import annotations

import os
import threading
from multiprocessing.connection import Connection
from typing import Any


def answers(connection: Connection, kind: str, value: Any) -> None:
    connection.send((kind, value))


def dies(connection: Connection) -> None:
    os._exit(3)


def listens(connection: Connection) -> None:
    """Goes on until it is told to stop."""
    connection.recv()
    connection.send(("canceled", None))


def hears_nothing(connection: Connection) -> None:
    threading.Event().wait()
