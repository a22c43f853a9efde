"""What a job needs to run."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from app.database.session import Sessions
from app.engine_client import EngineClient
from app.jobs.store import JobStore
from app.settings import Settings
from app.storage import Storage


@dataclass(frozen=True)
class Worker:
    """One process's connections."""

    settings: Settings
    sessions: Sessions
    storage: Storage
    engine: EngineClient
    stopping: threading.Event
    """Set when this process is asked to leave: the running job goes back to the queue."""

    @property
    def jobs(self) -> JobStore:
        """The state machine."""
        return JobStore(self.sessions)
