"""What artifacts look like over HTTP."""

from __future__ import annotations

from datetime import datetime

from app.answers import Answer


class ArtifactLinks(Answer):
    """Where its parts are."""

    self: str
    content: str


class ArtifactBody(Answer):
    """An immutable file of an avatar."""

    id: str
    avatar_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    created_at: datetime
    links: ArtifactLinks
