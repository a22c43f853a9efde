"""The request of an animation, as the API takes it: options as JSON, alone or beside files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.client.files import File, content_of
from app.client.values import Camera


@dataclass(frozen=True)
class Drive:
    """What moves the avatar: one of these, but that a clip may lie beneath a voice.

    Attributes:
        clip: idle, nod, swing or talk; `seconds` long, and another with another `seed`.
        keyframes: [{"time_s": 0, "pose": {"yaw_deg": 10}, "expression": {"jawOpen": 0.4}}, ...].
        motion: what motion.json holds, or a list of ARKit weights, or a file of either, or Live Link Face's CSV.
        video: somebody who does it; heard too.
        voice: moves the mouth, and is heard.
    """

    clip: str | None = None
    seconds: float | None = None
    seed: int = 0
    keyframes: Sequence[Mapping[str, Any]] | None = None
    motion: Mapping[str, Any] | Sequence[Mapping[str, Any]] | File | None = None
    motion_fps: float | None = None
    video: File | None = None
    voice: File | None = None


def request_of(drive: Drive, audio: File | None, camera: Camera | None, **options: Any) -> dict[str, Any]:
    """Arguments of the HTTP client; an option that is None is left to the service."""
    own = {name: getattr(drive, name) for name in ("clip", "seconds", "seed", "keyframes", "motion_fps")}
    files = {"video": drive.video, "voice": drive.voice, "audio": audio}
    if isinstance(drive.motion, str | Path | bytes):
        files["motion"] = drive.motion
    else:
        own["motion"] = drive.motion
    own["camera"] = asdict(camera) if camera is not None else None
    body = {name: value for name, value in (own | options).items() if value is not None}
    sent = {name: (name, content_of(file)) for name, file in files.items() if file is not None}
    return {"files": sent, "data": {"options": json.dumps(body)}} if sent else {"json": body}
