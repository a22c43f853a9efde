"""The one seam between the API and the engine: analyse an upload, render a picture.

Implementations live in worker/: warm child processes (embedded), or the Celery queue `render`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class AnalysedPortrait:
    """The sanitised picture and what was found on it."""

    image: bytes
    media_type: str
    report: dict[str, Any]


@dataclass(frozen=True)
class AvatarFiles:
    """Which avatar, and where its model lies: file name -> storage key."""

    avatar_id: str
    version: int
    keys: dict[str, str]


@dataclass(frozen=True)
class RenderRequest:
    """Plain JSON of a render; names and numbers are checked by the engine against the avatar."""

    camera: dict[str, float] = field(default_factory=dict)
    pose: dict[str, Any] = field(default_factory=dict)
    expression: dict[str, float] = field(default_factory=dict)
    look: dict[str, Any] = field(default_factory=dict)
    width_px: int = 512
    height_px: int = 512
    background: list[float] | None = None
    format: str = "png"
    light: float = 0.0


@dataclass(frozen=True)
class RenderedImage:
    """An encoded picture."""

    data: bytes
    media_type: str
    render_ms: float


@dataclass
class EngineFailure(Exception):
    """The engine refused or broke; `code` is a key of the problem table."""

    code: str
    detail: str
    hint: str | None = None


class EngineClient(Protocol):
    """Its calls block; routes run them in the thread pool."""

    def analyse(self, upload: bytes) -> AnalysedPortrait:
        """Decode and analyse hostile bytes, elsewhere and under limits. Raises EngineFailure."""
        ...

    def render(self, avatar: AvatarFiles, request: RenderRequest) -> RenderedImage:
        """Render now. Raises EngineFailure."""
        ...

    def meet(self, pictures: Sequence[bytes]) -> dict[str, Any]:
        """Learn a driver's face from hostile pictures of it at rest: DriverBody as JSON. Raises EngineFailure."""
        ...

    def follow(self, driver: Mapping[str, Any], picture: bytes) -> dict[str, Any]:
        """What a driver, as JSON from outside, does on a hostile picture: CaptureBody as JSON. Raises EngineFailure."""
        ...

    def close(self) -> None:
        """Stop whatever was started."""
        ...
