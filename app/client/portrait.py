"""Portraits: uploaded photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.client.transport import Api
from app.client.values import known, moment


@dataclass(frozen=True)
class Portrait:
    """A photo and what was found on it; `warnings` say what will make the avatar worse."""

    id: str
    width_px: int
    height_px: int
    face: Mapping[str, float]
    pose: Mapping[str, float]
    warnings: Sequence[Mapping[str, str]]
    confidence: float | None
    created_at: datetime | None
    _api: Api = field(repr=False, compare=False)

    @staticmethod
    def read(api: Api, body: Mapping[str, Any]) -> Portrait:
        """From the API's JSON."""
        return known(Portrait, body, _api=api, created_at=moment(body["created_at"]))

    def image(self) -> bytes:
        """The sanitised picture, as JPEG."""
        data: bytes = self._api.call("GET", f"/v1/portraits/{self.id}/image").content
        return data

    def delete(self) -> None:
        """Erase it; avatars made from it stay."""
        self._api.call("DELETE", f"/v1/portraits/{self.id}")
