"""Drivers: a face before a camera, followed picture by picture. The service keeps nothing of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.client.files import File, content_of
from app.client.transport import Api
from app.client.values import known


@dataclass(frozen=True)
class Capture:
    """What a driver's face does on one picture; `pose` and `expression` are as keyframes of a `Drive` take them.

    Attributes:
        is_seen: False where there is no face on the picture; `pose` is None then.
        confidence: 0..1, less the further the face is turned.
        pose: degrees, `gaze` among them.
        expression: ARKit names to weights; names that are absent weigh 0.
    """

    is_seen: bool
    confidence: float
    pose: Mapping[str, Any] | None
    expression: Mapping[str, float]


@dataclass(frozen=True)
class Driver:
    """A face as it is at rest; `met` is what the service read from it, and goes with each picture."""

    met: Mapping[str, Any]
    _api: Api = field(repr=False, compare=False)

    def capture(self, picture: File) -> Capture:
        """What the face does on a picture: JPEG, PNG or WebP, at most 500 kB."""
        files = {"picture": ("picture", content_of(picture))}
        answer = self._api.call("POST", "/v1/captures", files=files, data={"driver": json.dumps(dict(self.met))})
        return known(Capture, answer.json())
