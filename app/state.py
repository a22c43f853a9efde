"""What every request can reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from app.database.session import Sessions
from app.engine_client import EngineClient
from app.settings import Settings
from app.storage import Storage


@dataclass(frozen=True)
class State:
    """Made once by `create_app`'s caller."""

    settings: Settings
    sessions: Sessions
    storage: Storage
    engine: EngineClient


async def get_state(request: Request) -> State:
    """The app's state. A coroutine, because a plain function would take the way through the thread pool."""
    return state_of(request)


def state_of(request: Request) -> State:
    """The same, outside of dependencies."""
    state: State = request.app.state.perse
    return state


AppState = Annotated[State, Depends(get_state)]
